/** The parts of /status that tell how rollouts stand. Pure. */
import type { RolloutStanding } from '../reload/events.js';
import type { ApprovedState, Block, Match, Slice } from '../rollout/types.js';

export interface DocumentStatus {
  readonly name: string;
  readonly sequence: number;
  readonly digest: string;
  readonly author: string;
  readonly approvers: readonly string[];
  readonly ticket: string;
  readonly issued_at: string;
  readonly expires_at: string;
  readonly expired: boolean;
  readonly review_by: string;
}

/** In `exceptions` and `blocks`. */
export interface TimedStatus {
  readonly name: string;
  readonly ticket: string;
  readonly owner: string;
  readonly reason: string;
  readonly match: Match;
  readonly from: string;
  readonly until: string;
  readonly state: 'pending' | 'active' | 'ended';
}

export interface RolloutStatus {
  /** What runs. */
  readonly rollout: DocumentStatus;
  /** The newest verified document. */
  readonly approved: DocumentStatus;
  readonly policy_version: string;
  readonly bundle_digest: string | null;
  readonly lag: {
    readonly since: string;
    readonly seconds: number;
    readonly reason: string;
    readonly message: string;
  } | null;
  readonly slices: readonly {
    readonly name: string;
    readonly kind: 'enforce' | 'hold';
    readonly match: Match;
  }[];
  readonly exceptions: readonly TimedStatus[];
  readonly blocks: readonly TimedStatus[];
  readonly emergency: {
    readonly digest: string;
    readonly author: string;
    readonly ticket: string;
    readonly since: string;
    readonly reconcile_by: string;
    readonly overdue: boolean;
  } | null;
}

export function rolloutStatus(standing: RolloutStanding, nowMs: number): RolloutStatus {
  const { approved, running, stamp, bundle, lag } = standing;
  const { enforce, hold, exceptions, blocks } = running;
  return {
    rollout: documentStatus(running, nowMs),
    approved: documentStatus(approved, nowMs),
    policy_version: stamp,
    bundle_digest: bundle ?? null,
    lag:
      lag === undefined
        ? null
        : {
            since: timeOf(lag.sinceMs),
            seconds: Math.max(0, Math.round((nowMs - lag.sinceMs) / 1_000)),
            reason: lag.problem.code,
            message: lag.problem.message,
          },
    slices: [...enforce.map(sliceStatus('enforce')), ...hold.map(sliceStatus('hold'))],
    exceptions: exceptions.map((each) => timedStatus(each, nowMs)),
    blocks: blocks.map((each) => timedStatus(each, nowMs)),
    emergency: emergencyStatus(approved, nowMs),
  };
}

function documentStatus(state: ApprovedState, nowMs: number): DocumentStatus {
  const { name, sequence, digest, author, approvers, ticket, expiresAtMs } = state;
  return {
    name,
    sequence,
    digest,
    author,
    approvers,
    ticket,
    issued_at: timeOf(state.issuedAtMs),
    expires_at: timeOf(expiresAtMs),
    expired: nowMs >= expiresAtMs,
    review_by: timeOf(state.reviewByMs),
  };
}

const sliceStatus =
  (kind: 'enforce' | 'hold') =>
  ({ name, match }: Slice) => ({ name, kind, match });

function timedStatus(entry: Block, nowMs: number): TimedStatus {
  const { name, ticket, owner, reason, match, fromMs, untilMs } = entry;
  const state = nowMs < fromMs ? 'pending' : nowMs < untilMs ? 'active' : 'ended';
  const times = { from: timeOf(fromMs), until: timeOf(untilMs) };
  return { name, ticket, owner, reason, match, ...times, state };
}

function emergencyStatus({ emergency }: ApprovedState, nowMs: number): RolloutStatus['emergency'] {
  if (emergency === undefined) return null;
  const { digest, author, ticket, issuedAtMs, reconcileByMs } = emergency;
  return {
    digest,
    author,
    ticket,
    since: timeOf(issuedAtMs),
    reconcile_by: timeOf(reconcileByMs),
    overdue: nowMs >= reconcileByMs,
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
