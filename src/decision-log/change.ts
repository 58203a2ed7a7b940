/** The change line: every generation that was taken, and every one that was refused. */
import type { ErrorCode, Problem } from '../errors.js';
import { type LogOrigin, SCHEMA_VERSION } from './line.js';

/** The document that a change is about; undefined without a rollout. */
export interface ChangeDocument {
  readonly name: string;
  readonly sequence: number;
  readonly digest: string;
  readonly ticket: string;
  readonly author: string;
  readonly approvers: readonly string[];
}

/** What happened to a generation. */
export type Change = { readonly document?: ChangeDocument | undefined } & (
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
    }
);

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
  readonly rollout: string | null;
  /** Digest of the document. */
  readonly rollout_digest: string | null;
  readonly sequence: number | null;
  readonly ticket: string | null;
  readonly author: string | null;
  readonly approvers: readonly string[];
  readonly result: Change['result'];
  readonly reason: ErrorCode | null;
  readonly message: string | null;
  readonly file: string | null;
  readonly line: number | null;
}

export function changeEvent(change: Change, origin: LogOrigin, timestampMs: number): ChangeEvent {
  const { document } = change;
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
    rollout: document?.name ?? null,
    rollout_digest: document?.digest ?? null,
    sequence: document?.sequence ?? null,
    ticket: document?.ticket ?? null,
    author: document?.author ?? null,
    approvers: document?.approvers ?? [],
    result: change.result,
    reason: problem?.code ?? null,
    message: problem?.message ?? null,
    file: problem?.file ?? null,
    line: problem?.line ?? null,
  };
}
