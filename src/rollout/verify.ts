/** Bytes in, a document that may be believed out: the one door for sealed documents. */
import { problem } from '../errors.js';
import { failed, type Result } from '../result.js';
import { parseSealed } from './documents.js';
import type { VerifiedDocument } from './types.js';
import { verifyEmergency } from './verify-emergency.js';
import {
  type ExaminedRollout,
  examineSealed,
  type JudgedBy,
  verifyRollout,
} from './verify-rollout.js';

export type { ExaminedRollout, JudgedBy } from './verify-rollout.js';

/**
 * Verifies what a sidecar that has just started can: form, signatures, environment, source, limits,
 * approvals; not the order of documents (order.ts), nor whether it has expired (expiry.ts).
 * Problem codes: `not_utf8`, `json_invalid`, `rollout_invalid`, `reader_too_old`, `trust_invalid`,
 * `signature_threshold`, `rollout_environment`, `rollout_destination`, `rollout_limit`,
 * `approvals_missing`. `file` is what they name.
 */
export function verifyDocument(
  bytes: Uint8Array,
  file: string,
  by: JudgedBy,
): Result<VerifiedDocument> {
  const sealed = parseSealed(bytes, file);
  if (!sealed.ok) return sealed;
  return sealed.value.kind === 'SealedRollout'
    ? verifyRollout(sealed.value, { file, bytes }, by)
    : verifyEmergency(sealed.value, { file, bytes }, by);
}

/**
 * The same of a rollout that may lack approvals still: for those who are asked to approve it. An
 * emergency is refused: nobody approves it.
 */
export function examineRollout(
  bytes: Uint8Array,
  file: string,
  by: JudgedBy,
): Result<ExaminedRollout> {
  const sealed = parseSealed(bytes, file);
  if (!sealed.ok) return sealed;
  if (sealed.value.kind === 'SealedRollout')
    return examineSealed(sealed.value, { file, bytes }, by);
  const message = 'the document is an emergency: it is reconciled by a later rollout, not approved';
  return failed(problem('rollout_invalid', message, { file }));
}
