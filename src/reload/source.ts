/** Where the policies of a sidecar come from, and how its bundle is loaded from there. */
import { type LoadedBundle, loadBundleDirectory } from '../bundle/load.js';
import { openFromShelf, readShelf } from '../bundle/shelf.js';
import type { CompiledBundle, CompileOptions, Digest } from '../bundle/types.js';
import { failed, ok, type Result } from '../result.js';
import { loadSigned, readTrust, type TrustPaths } from './signed-bundle.js';

/** A plain directory: whoever can write it decides what runs. */
export interface DirectorySource {
  readonly kind: 'directory';
  readonly directory: string;
}

/** One built bundle of a shelf, by its digest, as far as people that a trust file names signed it. */
export interface ShelfSource extends TrustPaths {
  readonly kind: 'shelf';
  readonly directory: string;
  readonly digest: Digest;
}

export type BundleSource = DirectorySource | ShelfSource;

/** Never rejects for what is on disk. Runs in a thread of its own, mostly (bundle-loader.ts). */
export async function loadSource(
  source: BundleSource,
  options: CompileOptions,
): Promise<LoadedBundle> {
  if (source.kind === 'directory') return loadBundleDirectory(source.directory, options);
  return { result: await loadFromShelf(source, options), digest: source.digest };
}

async function loadFromShelf(
  source: ShelfSource,
  options: CompileOptions,
): Promise<Result<CompiledBundle>> {
  const trust = await readTrust(source);
  if (!trust.ok) return trust;
  const shelf = await readShelf(source.directory);
  if (!shelf.ok) return shelf;
  const { problems } = shelf.value;
  const found = await openFromShelf(shelf.value, source.digest, (opened, { name }) => {
    return loadSigned(opened, name, trust.value.trust, options);
  });
  // What is damaged and wanted by nobody is only told; when nothing is found it may be the reason.
  if (!found.ok) return failed(found.problems[0], ...found.problems.slice(1), ...problems);
  return ok({ ...found.value, warnings: [...problems, ...found.value.warnings] });
}
