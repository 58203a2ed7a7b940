/** Who signed a built bundle, and whether that is enough to trust it. */
import { problem } from '../errors.js';
import { failed, type Result } from '../result.js';
import {
  countSigners,
  judgeSignatures,
  type SignatureVerdict,
  type SignerFound,
  type Signers,
} from '../signing/signers.js';
import { SIGNATURES_FILE } from './names.js';
import type { OpenedBundle } from './open.js';

/** What is judged: the manifest's bytes, which pin every file, and the time that they state. */
type Signed = Pick<OpenedBundle, 'manifest' | 'manifestBytes' | 'signatures'>;

/**
 * The people who signed the manifest with a key that was valid when the bundle was made, by the
 * manifest's own `createdAt`. Problem code: `signature_threshold`.
 */
export function verifyBundle(opened: Signed, signers: Signers): Result<readonly SignerFound[]> {
  const { signatures, manifestBytes } = opened;
  const found = countSigners(signatures, manifestBytes, signers, createdAtMs(opened));
  if (found.ok) return found;
  const [{ code, message }] = found.problems;
  return failed(problem(code, message, { file: SIGNATURES_FILE }));
}

/** The same as a verdict on each signature, for people who look into it. */
export function judgeBundle(opened: Signed, signers: Signers): readonly SignatureVerdict[] {
  const { signatures, manifestBytes } = opened;
  return judgeSignatures(signatures, manifestBytes, signers, createdAtMs(opened));
}

/** INVARIANT: parseBuiltManifest takes nothing but a real time here. */
function createdAtMs({ manifest }: Signed): number {
  return Date.parse(manifest.createdAt);
}
