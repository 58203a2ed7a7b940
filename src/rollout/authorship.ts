/** Who signed a document: asked in two steps, because the moment that counts stands inside it. */
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import {
  enoughSigners,
  identifySigners,
  judgeSigners,
  type SignatureVerdict,
  type Signers,
} from '../signing/signers.js';
import type { Sealed } from './documents.js';

/**
 * Before the payload is read: at least one signature over it is that of somebody with the role.
 * Problem code: `signature_threshold`.
 */
export function identifyAuthors(
  { author, payload }: Sealed,
  signers: Signers,
  file: string,
): Result<readonly SignatureVerdict[]> {
  const identified = identifySigners(author, payload, signers);
  const enough = enoughSigners(identified, { threshold: 1 });
  return enough.ok ? ok(identified) : refuse(enough.problems[0].message, file);
}

/**
 * The people whose keys counted at `atMs`, as many as the role asks for. A key that ended before
 * `sinceMs` does not count: what it signs is about something of that time, so whoever dates it back
 * is found out. Problem code: `signature_threshold`.
 */
export function countAuthors(
  identified: readonly SignatureVerdict[],
  signers: Signers,
  { atMs, sinceMs = atMs, file }: { atMs: number; sinceMs?: number; file: string },
): Result<readonly string[]> {
  const enough = enoughSigners(judgeSince(identified, atMs, sinceMs), signers);
  return enough.ok
    ? ok(enough.value.map(({ person }) => person))
    : refuse(enough.problems[0].message, file);
}

/** Judged as of the moment stated, and as of the thing signed if that is later. */
export function judgeSince(
  identified: readonly SignatureVerdict[],
  atMs: number,
  sinceMs: number,
): readonly SignatureVerdict[] {
  return judgeSigners(judgeSigners(identified, atMs), Math.max(atMs, sinceMs));
}

function refuse(message: string, file: string) {
  return failed(problem('signature_threshold', `the author: ${message}`, { file }));
}
