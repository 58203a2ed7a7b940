/** A built bundle as far as people whom the trust file names have signed it. */
import { bytesDigest } from '../bundle/digest.js';
import { loadOpened } from '../bundle/load-opened.js';
import type { OpenedBundle } from '../bundle/open.js';
import { readBounded } from '../bundle/read-bounded.js';
import type { CompiledBundle, CompileOptions } from '../bundle/types.js';
import { verifyBundle } from '../bundle/verify.js';
import { YAML_BYTES_MAX } from '../constants.js';
import { failed, ok, type Result } from '../result.js';
import { checkTrustDigest, parseTrust, type Trust } from '../rollout/trust.js';

/** `file` is for messages. INVARIANT: who signed is judged before any policy is looked at. */
export function loadSigned(
  opened: OpenedBundle,
  file: string,
  trust: Trust,
  options: CompileOptions,
): Result<CompiledBundle> {
  const signers = verifyBundle(opened, trust.bundleSigners);
  if (!signers.ok) {
    const [first, ...rest] = signers.problems;
    return failed({ ...first, file: `${file}/${first.file}` }, ...rest);
  }
  const loaded = loadOpened(opened, options);
  if (!loaded.ok) return loaded;
  const signedBy = signers.value.map(({ person }) => person).sort();
  return ok({ ...loaded.value, signedBy });
}

export interface TrustPaths {
  readonly trust: string;
  /** The trust file must have one of these; several while it is being replaced. */
  readonly trustDigests: readonly string[];
}

export interface ReadTrust {
  readonly trust: Trust;
  readonly bytes: Uint8Array;
}

export async function readTrust({
  trust: path,
  trustDigests,
}: TrustPaths): Promise<Result<ReadTrust>> {
  const bytes = await readBounded(path, path, YAML_BYTES_MAX);
  if (!bytes.ok) return bytes;
  // Before anything is read from it.
  const wrong = checkTrustDigest({ digest: bytesDigest(bytes.value) }, trustDigests);
  if (wrong !== undefined) return failed({ ...wrong, file: path });
  const trust = parseTrust(bytes.value, path);
  return trust.ok ? ok({ trust: trust.value, bytes: bytes.value }) : trust;
}
