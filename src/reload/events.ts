/**
 * What the control loop tells: a generation taken or refused, the last refusal, counts. Plain data,
 * the source of the change log, `/status` and metrics.
 */
import type { Digest } from '../bundle/types.js';
import type { ErrorCode, Problem } from '../errors.js';
import type { ApprovedState, ResolvedBundle } from '../rollout/types.js';
import type { Candidate } from './candidates.js';

export type ReloadReason = 'start' | 'watch' | 'poll' | 'signal';
export type ReloadResult = 'taken' | 'unchanged' | 'refused';

/** A generation taken or refused: the source of the change log. */
export interface ChangeEvent {
  readonly result: 'taken' | 'refused';
  readonly reason: ReloadReason;
  /** Stamp of the generation that ran before; null when it had no bundle. */
  readonly from: string | null;
  /** Stamp of the new generation; null when it was refused. */
  readonly to: string | null;
  /** Of the bytes that were read; null when they could not be read. */
  readonly digest: Digest | null;
  /** Of the first problem, when refused. */
  readonly code: ErrorCode | null;
  readonly message: string | null;
  readonly file: string | null;
  readonly line: number | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** The document that was taken, or that this is about; null without a rollout. */
  readonly document: DocumentFacts | null;
  /** From the beginning of the load to the swap or refusal, milliseconds. */
  readonly durationMs: number;
}

/** A refusal of which nothing is known yet: what all events have in common. */
export function bareEvent(known: Pick<ChangeEvent, 'reason' | 'durationMs'>): ChangeEvent {
  return {
    ...known,
    result: 'refused',
    from: null,
    to: null,
    digest: null,
    code: null,
    message: null,
    file: null,
    line: null,
    problems: [],
    warnings: [],
    document: null,
  };
}

/** Which document it is, and who stands behind it. */
export type DocumentFacts = Pick<
  ApprovedState,
  'name' | 'sequence' | 'digest' | 'ticket' | 'author' | 'approvers'
>;

/** How a rollout stands: what is approved, what runs, and why they differ. */
export interface RolloutStanding {
  readonly name: string;
  /** The newest verified document. */
  readonly approved: ApprovedState;
  /** The one that decides. */
  readonly running: ApprovedState;
  /** What answers carry: `<version>+<12 hex>.r<sequence>`. */
  readonly stamp: string;
  /** The bundle that decides under it. */
  readonly bundle: Digest | undefined;
  /** The bundle that is compared under it; undefined for none. */
  readonly candidate: Candidate | undefined;
  /** The largest clock that a document or a former process is known to have seen: exceptions end by it. */
  readonly clockFloorMs: number;
  /** Undefined when what is approved runs. */
  readonly lag: { readonly sinceMs: number; readonly problem: Problem } | undefined;
}

/** A candidate is compared from now on, or cannot be. */
export interface CandidateEvent {
  readonly rollout: string;
  readonly sequence: number;
  readonly bundle: ResolvedBundle;
  /** Undefined when it is compared. */
  readonly problem: Problem | undefined;
}

/** What `/status` shows as last_refusal. */
export interface Refusal {
  /** When it was first seen, milliseconds since the epoch. */
  readonly atMs: number;
  readonly file: string | null;
  readonly line: number | null;
  readonly code: ErrorCode;
  readonly message: string;
}

/** `reloads_total{result}` */
export type ReloadCount = 'ok' | 'unchanged' | `rejected_${ErrorCode}`;
