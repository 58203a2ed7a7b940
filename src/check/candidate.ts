/** What a candidate says of a request, and where it differs from the bundle that decides. */
import type { Digest } from '../bundle/types.js';
import type { Reason } from './reasons.js';
import type { CheckError, Decision } from './types.js';

export interface CandidateRecord {
  readonly version: string;
  readonly digest: Digest;
  /** What the policies of the candidate say; exceptions are no part of it. */
  readonly decision: Decision;
  readonly reason: Reason;
  /** Ids of its determining policies, sorted. */
  readonly policies: readonly string[];
  readonly errors: readonly CheckError[];
  /** Active bundle and candidate decide differently. */
  readonly flip: boolean;
  /** What its policies were asked about, so that the log can mask it; undefined when they were not. */
  readonly context: Readonly<Record<string, unknown>> | undefined;
}
