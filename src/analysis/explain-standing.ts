/**
 * Where a request stands in a rollout, and why: the same slices that a sidecar asks, key by key. What
 * becomes of it follows from what the policies said.
 */
import type { KeyAnswer, Traits } from '../check/match.js';
import type { Reason } from '../check/reasons.js';
import type { EntryAnswer, Slices, Standing } from '../check/slices.js';
import { clockOf, standingOf, verdictOf } from '../check/standing.js';
import type { Decision, Generation, Mode, Outcome } from '../check/types.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { Match } from '../rollout/types.js';

export interface StandingExplanation {
  readonly rollout: string;
  readonly sequence: number;
  readonly mode: Mode;
  /** Name of the block, the hold or the enforced slice that it is in. */
  readonly slice: string | null;
  readonly kind: 'block' | 'hold' | 'enforce' | null;
  /** The live exception that speaks for it. */
  readonly exception: string | null;
  /** The caller's number for percentages; null for callers that no percentage takes. */
  readonly bucket: number | null;
  /** null when nobody knows what the policies say: it was blocked when it was logged. */
  readonly verdict: {
    readonly decision: Decision;
    readonly reason: Reason;
    readonly outcome: Outcome;
    readonly wouldDeny: boolean;
  } | null;
  /** Every entry of the rollout, those that stand above first. */
  readonly entries: readonly EntryFinding[];
}

export interface EntryFinding {
  readonly list: EntryAnswer['list'];
  readonly name: string;
  readonly takes: boolean;
  /** Of blocks and exceptions: whether it counts at this time. */
  readonly live: boolean;
  readonly from: string | null;
  readonly until: string | null;
  readonly keys: readonly KeyFinding[];
}

export interface KeyFinding extends KeyAnswer {
  readonly wanted: Match[keyof Match];
  /** What the request has; null where that cannot be told, or is nothing. */
  readonly found: string | number | null;
}

export interface Standpoint {
  readonly generation: Generation;
  readonly traits: Traits;
  /** What the policies said, were it not for the rollout. */
  readonly judged: Reason;
  readonly nowMs: number;
}

/** Problem code: `input_invalid`, for a destination that the rollout does not cover. */
export function explainStanding(point: Standpoint): Result<StandingExplanation> {
  const { generation, traits, judged, nowMs } = point;
  const { destination } = traits;
  const regime = generation.destinations.get(destination);
  if (regime?.rollout === undefined) {
    const message = `the rollout does not cover \`${destination}\``;
    return failed(problem('input_invalid', message, { help: 'give --service' }));
  }
  const { slices, name, sequence } = regime.rollout;
  const standing = standingOf(regime.rollout, traits, { nowMs });
  const verdict = verdictOf(regime, traits, standing, judged, { nowMs });
  const isUnknown = judged === 'blocked' && !standing.blocked;
  const { decision, reason, outcome, wouldDeny } = verdict;
  return ok({
    ...{ rollout: name, sequence, mode: standing.mode },
    slice: standing.slice ?? null,
    kind: kindOf(standing),
    exception: verdict.exception ?? null,
    bucket: bucketOf(slices, traits),
    verdict: isUnknown ? null : { decision, reason, outcome, wouldDeny },
    entries: slices
      .why(traits, clockOf({ nowMs }, regime.rollout))
      .map((entry) => finding(entry, traits, slices)),
  });
}

function kindOf({ mode, slice, blocked }: Standing): StandingExplanation['kind'] {
  if (blocked) return 'block';
  if (slice === undefined) return null;
  return mode === 'enforce' ? 'enforce' : 'hold';
}

function bucketOf(slices: Slices, { caller }: Traits): number | null {
  return caller?.id === undefined ? null : slices.bucketOf(caller.name);
}

function finding(
  { list, source, keys, live, takes }: EntryAnswer,
  traits: Traits,
  slices: Slices,
): EntryFinding {
  const [from, until] = 'fromMs' in source ? [source.fromMs, source.untilMs].map(timeOf) : [];
  return {
    ...{ list, name: source.name, takes, live },
    ...{ from: from ?? null, until: until ?? null },
    keys: keys.map(({ key, answer }) => {
      const found = FOUND[key](traits, slices) ?? null;
      return { key, answer, wanted: source.match[key], found };
    }),
  };
}

const FOUND: Readonly<
  Record<keyof Match, (traits: Traits, slices: Slices) => string | number | null | undefined>
> = {
  callers: ({ caller }) => caller?.name,
  namespaces: ({ caller }) => caller?.id?.kubernetes?.namespace,
  trustDomains: ({ caller }) => caller?.id?.trustDomain,
  tenants: ({ caller }, slices) => caller && slices.tenantOf(caller.name),
  destinations: ({ destination }) => destination,
  routes: ({ route }) => route,
  actions: ({ action }) => action,
  access: ({ access }) => access,
  percent: (traits, slices) => bucketOf(slices, traits),
  unidentified: ({ caller }) => caller?.name,
};

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
