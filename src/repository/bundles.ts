/** The built bundles of a repository, found by what people call them. */
import { join } from 'node:path';
import { parseBuiltManifest } from '../bundle/built-manifest.js';
import { parseManifest } from '../bundle/manifest.js';
import { MANIFEST_FILE, ROUTES_FILE } from '../bundle/names.js';
import type { OpenedBundle } from '../bundle/open.js';
import { parseRoutes } from '../bundle/routes.js';
import { openFromShelf, readShelf, type Shelf, type ShelfBundle } from '../bundle/shelf.js';
import { decodeText } from '../bundle/text.js';
import type { Digest } from '../bundle/types.js';
import { verifyBundle } from '../bundle/verify.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { BundleFacts } from '../rollout/fit.js';
import type { BundleRef, ResolvedBundle } from '../rollout/types.js';
import { BUNDLES_FOLDER } from './layout.js';
import type { Repository } from './open.js';

/** Whole, and signed by enough people. */
export interface FoundBundle extends ResolvedBundle {
  readonly path: string;
  /** Relative to the repository. */
  readonly file: string;
  readonly opened: OpenedBundle;
}

/**
 * The bundle that `NAME@VERSION` means. Problem codes: `bundle_not_on_shelf`, `bundle_ambiguous` for
 * two digests under one version, and why one that is there does not count.
 */
export async function findBundle(
  repository: Repository,
  { name, version }: BundleRef,
): Promise<Result<FoundBundle>> {
  const shelf = await readShelf(join(repository.root, BUNDLES_FOLDER));
  if (!shelf.ok) return shelf;
  const named = shelf.value.bundles.filter((bundle) => isNamed(bundle, { name, version }));
  const digests = [...new Set(named.map(({ digest }) => digest))];
  const [digest, other] = digests;
  if (digest === undefined) {
    const message = `${BUNDLES_FOLDER}/ has no \`${name}@${version}\``;
    return failed(problem('bundle_not_on_shelf', message));
  }
  if (other !== undefined) {
    const files = named.map(({ name: file }) => `\`${file}\``).join(' and ');
    const message = `${files} are both \`${name}@${version}\`, and differ`;
    return failed(problem('bundle_ambiguous', message));
  }
  return open(repository, shelf.value, digest);
}

export async function findDigest(
  repository: Repository,
  digest: Digest,
): Promise<Result<FoundBundle>> {
  const shelf = await readShelf(join(repository.root, BUNDLES_FOLDER));
  return shelf.ok ? open(repository, shelf.value, digest) : shelf;
}

/** A damaged manifest has no name; opening it would say why, and here nobody asked for it. */
function isNamed({ manifestBytes }: ShelfBundle, ref: BundleRef): boolean {
  const manifest = parseBuiltManifest(manifestBytes);
  return manifest.ok && manifest.value.name === ref.name && manifest.value.version === ref.version;
}

function open({ trust }: Repository, shelf: Shelf, digest: Digest): Promise<Result<FoundBundle>> {
  return openFromShelf(shelf, digest, (opened, file) => {
    const signers = verifyBundle(opened, trust.bundleSigners);
    if (!signers.ok) return signers;
    const { name, version } = opened.manifest;
    const path = file.path;
    return ok({ name, version, digest, path, file: `${BUNDLES_FOLDER}/${file.name}`, opened });
  });
}

/** What of a bundle a document must fit. Problem codes: those of its sources. */
export function bundleFacts({ files }: OpenedBundle): Result<BundleFacts> {
  const manifest = textOf(files, MANIFEST_FILE);
  if (!manifest.ok) return manifest;
  const parsed = parseManifest(manifest.value);
  if (!parsed.ok) return parsed;
  const { scope, path } = parsed.value;
  if (!files.has(ROUTES_FILE)) return ok({ routes: [], destinations: scope?.destinations });
  const text = textOf(files, ROUTES_FILE);
  if (!text.ok) return text;
  const semicolonAllowed = path.allow.includes('semicolon');
  const routes = parseRoutes(text.value, { semicolonAllowed });
  if (!routes.ok) return routes;
  return ok({ routes: routes.value.map(({ name }) => name), destinations: scope?.destinations });
}

function textOf(files: OpenedBundle['files'], name: string) {
  return decodeText({ name, bytes: files.get(name) ?? new Uint8Array() });
}
