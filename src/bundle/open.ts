/**
 * A built bundle from its bytes: archive, manifest, every file against its digest, nothing surplus.
 * Sources are not looked into and signatures not judged; what is returned has only been found whole.
 */
import { type Problem, problem } from '../errors.js';
import { type Failed, failed, ok, type Result } from '../result.js';
import { parseSignatureSet, type SignatureSet } from '../signing/dsse.js';
import { unpackArchive } from './archive.js';
import {
  BUNDLE_PAYLOAD_TYPE,
  type BuiltManifest,
  bundleDigest,
  parseBuiltManifest,
} from './built-manifest.js';
import { bytesDigest } from './digest.js';
import { BUILT_MANIFEST_FILE, SIGNATURES_FILE } from './names.js';
import type { Digest } from './types.js';

/** Whole, and nothing more: who signed it, and whether that is enough, is still to be asked. */
export interface OpenedBundle {
  readonly digest: Digest;
  readonly manifest: BuiltManifest;
  /** What signatures sign. */
  readonly manifestBytes: Uint8Array;
  /** What the manifest lists, by its name in the archive, in bytewise order. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly signatures: SignatureSet;
}

/** `file` is for messages. */
export function openBundle(bytes: Uint8Array, file: string): Result<OpenedBundle> {
  const unpacked = unpackArchive(bytes, file);
  if (!unpacked.ok) return unpacked;
  const files = new Map(unpacked.value.map((entry) => [entry.name, entry.bytes]));
  // unpackArchive sees to it that this is the first entry.
  const manifestBytes = files.get(BUILT_MANIFEST_FILE) ?? Buffer.alloc(0);
  const manifest = parseBuiltManifest(manifestBytes);
  if (!manifest.ok) return inArchive(manifest, file);
  const signatureBytes = files.get(SIGNATURES_FILE);
  if (signatureBytes === undefined) return altered(file, `it lacks \`${SIGNATURES_FILE}\``);
  const signatures = parseSignatureSet(signatureBytes, SIGNATURES_FILE, BUNDLE_PAYLOAD_TYPE);
  if (!signatures.ok) return inArchive(signatures, file);
  files.delete(BUILT_MANIFEST_FILE);
  files.delete(SIGNATURES_FILE);
  const fault = difference(manifest.value, files);
  if (fault !== undefined) return altered(file, fault);
  return ok({
    digest: bundleDigest(manifestBytes),
    manifest: manifest.value,
    manifestBytes,
    files,
    signatures: signatures.value,
  });
}

function difference(
  manifest: BuiltManifest,
  files: ReadonlyMap<string, Uint8Array>,
): string | undefined {
  for (const [name, bytes] of files) {
    const listed = manifest.files.get(name);
    if (listed === undefined) return `the manifest does not list \`${name}\``;
    if (bytesDigest(bytes) !== listed) return `\`${name}\` is not the file that the manifest lists`;
  }
  const missing = [...manifest.files.keys()].find((name) => !files.has(name));
  return missing === undefined ? undefined : `it lacks \`${missing}\`, which the manifest lists`;
}

function altered(file: string, message: string) {
  return failed(problem('bundle_altered', message, { file }));
}

/** `manifest.json` of what? A shelf holds many: `x.tar.gz/manifest.json`. */
function inArchive({ problems: [first, ...rest] }: Failed, archive: string): Failed {
  const place = (p: Problem) => ({ ...p, file: `${archive}/${p.file}` });
  return failed(place(first), ...rest.map(place));
}
