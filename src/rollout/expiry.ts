/**
 * Documents expire so that somebody looks at them again. An expired one is still taken, unless
 * trust.yaml says otherwise: a forgotten review must not become an outage.
 */
import { type Problem, problem } from '../errors.js';
import { timeText } from './document-fields.js';
import type { Trust } from './trust.js';
import type { VerifiedDocument } from './types.js';

/** That of the rollout; an emergency has that of its base. Milliseconds since 1970. */
export function expiresAtMs(document: VerifiedDocument): number {
  return document.kind === 'rollout' ? document.expiresAtMs : document.base.expiresAtMs;
}

export function isExpired(document: VerifiedDocument, nowMs: number): boolean {
  return nowMs >= expiresAtMs(document);
}

/** Problem code: `rollout_expired`; undefined when the document is taken. */
export function checkExpiry(
  document: VerifiedDocument,
  { refuseExpired }: Pick<Trust, 'refuseExpired'>,
  nowMs: number,
): Problem | undefined {
  if (!refuseExpired || !isExpired(document, nowMs)) return undefined;
  const message = `the document expired at ${timeText(expiresAtMs(document))}`;
  return problem('rollout_expired', message);
}
