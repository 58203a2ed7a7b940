/** The parts of /status that tell how rollouts stand. Pure. */
import { EXCEPTION_ENDS_SOON_MS } from '../constants.js';
import type { Candidate } from '../reload/candidates.js';
import type { RolloutStanding } from '../reload/events.js';
import type { ApprovedState, Block, Exception, Match, Slice } from '../rollout/types.js';
import { type EntryState, type Moment, stateOfBlock, stateOfException } from './moment.js';

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

/** In `blocks`, and with more in `exceptions`. */
export interface TimedStatus {
  readonly name: string;
  readonly ticket: string;
  readonly owner: string;
  readonly reason: string;
  readonly match: Match;
  readonly from: string;
  readonly until: string;
  readonly state: EntryState;
}

/** Uses since this process began, in shadow too. */
export interface ExceptionStatus extends TimedStatus {
  /** Within 7 days. */
  readonly ends_soon: boolean;
  readonly uses: number;
  readonly first_used: string | null;
  readonly last_used: string | null;
}

export interface RolloutStatus {
  /** What runs. */
  readonly rollout: DocumentStatus;
  /** The newest verified document. */
  readonly approved: DocumentStatus;
  readonly policy_version: string;
  readonly bundle_digest: string | null;
  /** What is compared with it, or why nothing is. */
  readonly candidate: {
    readonly name: string;
    readonly version: string;
    readonly digest: string;
    /** Null while it is not compared. */
    readonly loaded_at: string | null;
    /** Why it is not; null while it is being loaded. */
    readonly problem: { readonly code: string; readonly message: string } | null;
  } | null;
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
  readonly exceptions: readonly ExceptionStatus[];
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

export function rolloutStatus(standing: RolloutStanding, moment: Moment): RolloutStatus {
  const { nowMs } = moment;
  const { approved, running, stamp, bundle, candidate, lag } = standing;
  const { enforce, hold, exceptions, blocks } = running;
  return {
    rollout: documentStatus(running, nowMs),
    approved: documentStatus(approved, nowMs),
    policy_version: stamp,
    bundle_digest: bundle ?? null,
    candidate: candidate === undefined ? null : candidateStatus(candidate),
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
    exceptions: exceptions.map((each) => exceptionStatus(each, standing, moment)),
    blocks: blocks.map((each) => timedStatus(each, stateOfBlock(each, moment))),
    emergency: emergencyStatus(approved, nowMs),
  };
}

function candidateStatus({ bundle, loaded, problem }: Candidate): RolloutStatus['candidate'] {
  return {
    ...{ name: bundle.name, version: bundle.version, digest: bundle.digest },
    loaded_at: loaded === undefined ? null : timeOf(loaded.loadedAtMs),
    problem: problem === undefined ? null : { code: problem.code, message: problem.message },
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

function timedStatus(entry: Block, state: EntryState): TimedStatus {
  const { name, ticket, owner, reason, match, fromMs, untilMs } = entry;
  const times = { from: timeOf(fromMs), until: timeOf(untilMs) };
  return { name, ticket, owner, reason, match, ...times, state };
}

function exceptionStatus(
  exception: Exception,
  standing: RolloutStanding,
  moment: Moment,
): ExceptionStatus {
  const use = moment.uses.of(standing.name, exception.name);
  const state = stateOfException(exception, moment, standing.clockFloorMs);
  return {
    ...timedStatus(exception, state),
    ends_soon: state === 'active' && exception.untilMs <= moment.nowMs + EXCEPTION_ENDS_SOON_MS,
    uses: use?.count ?? 0,
    first_used: use === undefined ? null : timeOf(use.firstMs),
    last_used: use === undefined ? null : timeOf(use.lastMs),
  };
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
