/** Where the policies of a sidecar come from, and how its bundle is loaded from there. */
import { bytesDigest } from '../bundle/digest.js';
import { type LoadedBundle, loadBundleDirectory } from '../bundle/load.js';
import { loadOpened } from '../bundle/load-opened.js';
import type { OpenedBundle } from '../bundle/open.js';
import { readBounded } from '../bundle/read-bounded.js';
import { openFromShelf, readShelf } from '../bundle/shelf.js';
import type { CompiledBundle, CompileOptions, Digest } from '../bundle/types.js';
import { verifyBundle } from '../bundle/verify.js';
import { YAML_BYTES_MAX } from '../constants.js';
import { failed, ok, type Result } from '../result.js';
import { checkTrustDigest, parseTrust, type Trust } from '../rollout/trust.js';

/** A plain directory: whoever can write it decides what runs. */
export interface DirectorySource {
  readonly kind: 'directory';
  readonly directory: string;
}

/** One built bundle of a shelf, by its digest, as far as people that a trust file names signed it. */
export interface ShelfSource {
  readonly kind: 'shelf';
  readonly directory: string;
  readonly digest: Digest;
  readonly trust: string;
  /** The trust file must have one of these; several while it is being replaced. */
  readonly trustDigests: readonly string[];
}

export type BundleSource = DirectorySource | ShelfSource;

/** Never rejects for what is on disk. Runs in a thread of its own (compile-worker.ts). */
export async function loadSource(
  source: BundleSource,
  options: CompileOptions,
): Promise<LoadedBundle> {
  if (source.kind === 'directory') return loadBundleDirectory(source.directory, options);
  return { result: await loadFromShelf(source, options), digest: source.digest };
}

/** INVARIANT: who signed is judged before any policy is looked at. */
async function loadFromShelf(
  source: ShelfSource,
  options: CompileOptions,
): Promise<Result<CompiledBundle>> {
  const trust = await readTrust(source);
  if (!trust.ok) return trust;
  const shelf = await readShelf(source.directory);
  if (!shelf.ok) return shelf;
  const take = (opened: OpenedBundle, file: string): Result<CompiledBundle> => {
    const signers = verifyBundle(opened, trust.value.bundleSigners);
    if (!signers.ok) {
      const [first, ...rest] = signers.problems;
      return failed({ ...first, file: `${file}/${first.file}` }, ...rest);
    }
    const loaded = loadOpened(opened, options);
    if (!loaded.ok) return loaded;
    const signedBy = signers.value.map(({ person }) => person).sort();
    return ok({ ...loaded.value, signedBy });
  };
  const { problems } = shelf.value;
  const found = await openFromShelf(shelf.value, source.digest, (opened, { name }) => {
    return take(opened, name);
  });
  // What is damaged and wanted by nobody is only told; when nothing is found it may be the reason.
  if (!found.ok) return failed(found.problems[0], ...found.problems.slice(1), ...problems);
  return ok({ ...found.value, warnings: [...problems, ...found.value.warnings] });
}

async function readTrust({ trust: path, trustDigests }: ShelfSource): Promise<Result<Trust>> {
  const bytes = await readBounded(path, path, YAML_BYTES_MAX);
  if (!bytes.ok) return bytes;
  // Before anything is read from it.
  const wrong = checkTrustDigest({ digest: bytesDigest(bytes.value) }, trustDigests);
  return wrong === undefined ? parseTrust(bytes.value, path) : failed({ ...wrong, file: path });
}
