/**
 * The document that /status shows. Pure. Without rollouts their fields are there and empty, so that
 * readers have one shape to rely on.
 */
import type { Generation, Mode, Regime } from '../check/types.js';
import type { ErrorCode } from '../errors.js';
import type { RolloutStanding } from '../reload/events.js';
import type { Moment } from './moment.js';
import { type RolloutStatus, rolloutStatus } from './rollout-status.js';

/** The latest bundle that was not taken. */
export interface Refusal {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly file: string | null;
  readonly line: number | null;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What became of the lines of all checks, from the start. */
export interface DecisionLogCounts {
  /** Decisions handed to the log: logged + sampled + dropped. */
  readonly checks: number;
  readonly logged: number;
  /** Plain allows that the sample left out. */
  readonly sampled: number;
  readonly dropped: number;
  /** Those of the dropped that were beyond a burst limit. */
  readonly limited: number;
}

export interface StatusSources {
  /** `<namespace>/<name>`; undefined when requests name their destination. */
  readonly service: string | undefined;
  readonly environment: string | undefined;
  readonly ready: boolean;
  readonly generation: Generation;
  /** Null when none was refused since the last one was taken, or ever. */
  readonly lastRefusal: Refusal | null;
  /** Undefined without `--rollout`. */
  readonly rollouts: readonly RolloutStanding[] | undefined;
  readonly moment: Moment;
  readonly decisionLog: DecisionLogCounts;
}

/** With several rollouts the fields of one are empty, and `rollouts` has all. */
export interface StatusDocument {
  readonly service: string | null;
  readonly environment: string | null;
  readonly ready: boolean;
  readonly mode: Mode | 'rollout';
  readonly policy_version: string;
  readonly bundle: {
    readonly name: string;
    readonly version: string;
    readonly digest: string;
    readonly loaded_at: string;
  } | null;
  readonly candidate: RolloutStatus['candidate'];
  readonly rollout: RolloutStatus['rollout'] | null;
  readonly approved: RolloutStatus['approved'] | null;
  readonly lag: RolloutStatus['lag'];
  readonly last_refusal: {
    readonly at: string;
    readonly file: string | null;
    readonly line: number | null;
    readonly code: ErrorCode;
    readonly message: string;
  } | null;
  readonly slices: RolloutStatus['slices'];
  readonly exceptions: RolloutStatus['exceptions'];
  readonly blocks: RolloutStatus['blocks'];
  readonly emergency: RolloutStatus['emergency'];
  /** Every rollout of a sidecar that serves several. */
  readonly rollouts: readonly RolloutStatus[];
  readonly decision_log: DecisionLogCounts;
}

export function statusDocument(sources: StatusSources): StatusDocument {
  const { generation, decisionLog, moment } = sources;
  const regime = shownRegime(generation);
  const rollouts = (sources.rollouts ?? []).map((standing) => rolloutStatus(standing, moment));
  const only = rollouts.length === 1 ? rollouts[0] : undefined;
  return {
    service: sources.service ?? null,
    environment: sources.environment ?? null,
    ready: sources.ready,
    mode: sources.rollouts === undefined ? regime.mode : 'rollout',
    policy_version: regime.stamp,
    bundle: bundleOf(regime),
    candidate: only?.candidate ?? null,
    rollout: only?.rollout ?? null,
    approved: only?.approved ?? null,
    lag: only?.lag ?? null,
    last_refusal: refusalOf(sources.lastRefusal),
    slices: only?.slices ?? [],
    exceptions: only?.exceptions ?? [],
    blocks: only?.blocks ?? [],
    emergency: only?.emergency ?? null,
    rollouts,
    decision_log: decisionLog,
  };
}

/** Where one rollout rules all that is covered, that one. */
function shownRegime({ destinations, otherwise }: Generation): Regime {
  const [first, ...others] = destinations.values();
  return first !== undefined && others.every(({ stamp }) => stamp === first.stamp)
    ? first
    : otherwise;
}

function bundleOf({ active }: Regime): StatusDocument['bundle'] {
  if (active === undefined) return null;
  const { manifest, digest } = active.bundle;
  const loadedAt = new Date(active.loadedAtMs).toISOString();
  return { name: manifest.name, version: manifest.version, digest, loaded_at: loadedAt };
}

function refusalOf(refusal: Refusal | null): StatusDocument['last_refusal'] {
  if (refusal === null) return null;
  const { atMs, file, line, code, message } = refusal;
  return { at: new Date(atMs).toISOString(), file, line, code, message };
}
