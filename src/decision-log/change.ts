/** The change line: every generation that was taken, and every one that was refused. */
import type { ErrorCode, Problem } from '../errors.js';
import { type LogOrigin, SCHEMA_VERSION } from './event.js';

/** What happened to a generation. */
export type Change =
  | {
      readonly result: 'taken';
      /** Stamp of the generation that ran before; undefined for the first. */
      readonly from: string | undefined;
      /** Stamp of the one that runs now. */
      readonly to: string;
      /** Digest of its bundle; undefined when it runs without one. */
      readonly digest: string | undefined;
    }
  | {
      readonly result: 'refused';
      /** Stamp of the generation that keeps running. */
      readonly from: string | undefined;
      /** Stamp of what was refused, when it was readable enough to have one. */
      readonly to?: string | undefined;
      readonly digest?: string | undefined;
      readonly problem: Problem;
    };

export interface ChangeEvent {
  readonly type: 'change';
  readonly schema_version: typeof SCHEMA_VERSION;
  readonly timestamp: string;
  readonly workload: string;
  readonly environment: string | null;
  readonly cluster: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly digest: string | null;
  readonly sequence: null;
  readonly ticket: null;
  readonly author: null;
  readonly approvers: readonly string[];
  readonly result: Change['result'];
  readonly reason: ErrorCode | null;
  readonly message: string | null;
  readonly file: string | null;
  readonly line: number | null;
}

export function changeEvent(change: Change, origin: LogOrigin, timestampMs: number): ChangeEvent {
  const problem = change.result === 'refused' ? change.problem : undefined;
  return {
    type: 'change',
    schema_version: SCHEMA_VERSION,
    timestamp: new Date(timestampMs).toISOString(),
    workload: origin.workload,
    environment: origin.environment ?? null,
    cluster: origin.cluster ?? null,
    from: change.from ?? null,
    to: change.to ?? null,
    digest: change.digest ?? null,
    sequence: null,
    ticket: null,
    author: null,
    approvers: [],
    result: change.result,
    reason: problem?.code ?? null,
    message: problem?.message ?? null,
    file: problem?.file ?? null,
    line: problem?.line ?? null,
  };
}
