/**
 * Where bundles come from: the shelf, then the state directory, each by digest and as far as people
 * whom the trust file names have signed it; and the trust file itself.
 */
import { openFromShelf, readShelf, type Shelf } from '../bundle/shelf.js';
import type { ShelfFile } from '../bundle/shelf-files.js';
import type { CompiledBundle, Digest, ServedBundle } from '../bundle/types.js';
import { messageOf, type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { BundleFacts } from '../rollout/fit.js';
import type { Trust } from '../rollout/trust.js';
import type { FileRefusal } from './accept-documents.js';
import { loadSigned, type ReadTrust, readTrust, type TrustPaths } from './signed-bundle.js';

/** Where trust file and bundles are. Plain data: it crosses threads. */
export interface SupplyPlaces {
  readonly paths: TrustPaths & {
    /** The shelf. */
    readonly bundles: string;
  };
  /** Folders with bundles that the state directory keeps. */
  readonly stateBundles: string;
  /** The trust file that the state directory keeps. */
  readonly stateTrust: string;
  readonly environment: string;
}

interface SupplyRequest extends SupplyPlaces {
  /** Bundles that the serving thread has loaded. */
  readonly loaded: ReadonlyMap<Digest, BundleFacts>;
}

/**
 * The mounted trust file, else the one that is remembered: the pinned digest says that it is as good.
 * `refusal` tells what is wrong with the mounted one.
 */
export async function findTrust({
  paths,
  stateTrust,
}: SupplyPlaces): Promise<Result<ReadTrust & { readonly refusal: readonly FileRefusal[] }>> {
  const mounted = await readTrust(paths);
  if (mounted.ok) return ok({ ...mounted.value, refusal: [] });
  if (paths.trustDigests.length === 0) return mounted;
  const kept = await readTrust({ ...paths, trust: stateTrust });
  if (!kept.ok) return mounted;
  const { problems } = mounted;
  return ok({ ...kept.value, refusal: [{ file: paths.trust, document: undefined, problems }] });
}

/** Bundles by digest, each opened at most once: the serving thread's own, then the two shelves. */
export class BundleSupply {
  readonly bundles = new Map<Digest, CompiledBundle>();
  readonly archives = new Map<Digest, ShelfFile>();
  readonly warnings: Problem[] = [];
  readonly #request: SupplyRequest;
  readonly #trust: Trust;
  readonly #known = new Map<Digest, Result<BundleFacts>>();
  #shelves: Promise<readonly Shelf[]> | undefined;

  constructor(request: SupplyRequest, trust: Trust) {
    this.#request = request;
    this.#trust = trust;
  }

  async get(digest: Digest): Promise<Result<BundleFacts>> {
    const loaded = this.#request.loaded.get(digest);
    if (loaded !== undefined) return ok(loaded);
    let known = this.#known.get(digest);
    if (known === undefined) {
      known = await this.#find(digest);
      this.#known.set(digest, known);
    }
    return known;
  }

  async #find(digest: Digest): Promise<Result<BundleFacts>> {
    this.#shelves ??= this.#readShelves();
    const problems: Problem[] = [];
    for (const shelf of await this.#shelves) {
      const { environment } = this.#request;
      const found = await openFromShelf(shelf, digest, (opened, file) => {
        const bundle = loadSigned(opened, file.name, this.#trust, { environment });
        return bundle.ok ? ok({ bundle: bundle.value, file }) : bundle;
      });
      if (!found.ok) {
        problems.push(...found.problems);
        continue;
      }
      const { bundle, file } = found.value;
      this.bundles.set(digest, bundle);
      this.archives.set(digest, file);
      return ok(factsOf(bundle));
    }
    // What is wrong with a file that has the digest says more than that another shelf lacks it.
    const [first] = [
      ...problems.filter(({ code }) => code !== 'bundle_not_on_shelf'),
      ...problems,
      problem('bundle_not_on_shelf', `there is no shelf to find \`${digest}\` on`),
    ] as [Problem];
    return failed(first);
  }

  async #readShelves(): Promise<readonly Shelf[]> {
    const { paths, stateBundles } = this.#request;
    const shelves: Shelf[] = [];
    for (const directory of [paths.bundles, stateBundles]) {
      try {
        const shelf = await readShelf(directory);
        if (shelf.ok) {
          shelves.push(shelf.value);
          this.warnings.push(...shelf.value.problems);
        } else if (directory === paths.bundles) this.warnings.push(...shelf.problems);
      } catch (thrown) {
        this.warnings.push(problem('bundle_unreadable', messageOf(thrown)));
      }
    }
    return shelves;
  }
}

export function factsOf({ routes, manifest }: ServedBundle): BundleFacts {
  return {
    routes: routes.map(({ name }) => name),
    destinations: manifest.scope?.destinations,
  };
}
