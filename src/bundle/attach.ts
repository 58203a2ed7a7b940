/** Adds a signature to a built bundle: it changes signatures.json and nothing else. */
import { SIGNATURES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { decodeBase64, encodeBase64 } from '../signing/base64.js';
import { formatSignatureSet, pae, type SignatureSet } from '../signing/dsse.js';
import { type PublicKey, verify } from '../signing/keys.js';
import { packArchive } from './archive.js';
import { BUNDLE_PAYLOAD_TYPE } from './built-manifest.js';
import { BUILT_MANIFEST_FILE, SIGNATURES_FILE } from './names.js';
import type { OpenedBundle } from './open.js';

export interface Attached {
  readonly archive: Buffer;
  readonly signatures: SignatureSet;
  /** A signature with the same key was there and gave way. */
  readonly replaced: boolean;
}

/** The bytes that a signer of this bundle signs. */
export function bundlePae({ manifestBytes }: Pick<OpenedBundle, 'manifestBytes'>): Buffer {
  return pae(BUNDLE_PAYLOAD_TYPE, manifestBytes);
}

/**
 * The bundle with `signature` added; one that was made with the same key is replaced. Problem
 * codes: `signature_wrong` when it does not verify with the key, `signatures_invalid` when there
 * are too many.
 */
export function attachSignature(
  opened: OpenedBundle,
  publicKey: PublicKey,
  signature: Uint8Array,
): Result<Attached> {
  const signed = bundlePae(opened);
  if (!verify(publicKey, signed, signature)) {
    const message = `the signature was not made over this bundle with key \`${publicKey.id}\``;
    return failed(problem('signature_wrong', message));
  }
  const before = opened.signatures.signatures;
  // Key ids are hints: another tool may have written another id for the same key.
  const others = before.filter(
    ({ keyid, sig }) =>
      keyid !== publicKey.id && !verify(publicKey, signed, decodeBase64(sig) ?? Buffer.alloc(0)),
  );
  if (others.length >= SIGNATURES_MAX) {
    const message = `the bundle has ${others.length} signatures, as many as it may have`;
    return failed(problem('signatures_invalid', message));
  }
  const signatures: SignatureSet = {
    payloadType: BUNDLE_PAYLOAD_TYPE,
    signatures: [...others, { keyid: publicKey.id, sig: encodeBase64(signature) }],
  };
  const entries = [...opened.files].map(([name, bytes]) => ({ name, bytes }));
  const archive = packArchive([
    { name: BUILT_MANIFEST_FILE, bytes: opened.manifestBytes },
    { name: SIGNATURES_FILE, bytes: formatSignatureSet(signatures) },
    ...entries,
  ]);
  return ok({ archive, signatures, replaced: others.length < before.length });
}
