/** What is watched of a source of policies, and how it is told that it changed. */
import { dirname } from 'node:path';
import { observeDirectory } from '../bundle/directory-state.js';
import { listShelfFiles, listShelfFolders, type ShelfFiles } from '../bundle/shelf-files.js';
import { SHELF_WATCHES_MAX } from '../constants.js';
import type { Problem } from '../errors.js';
import type { RolloutPaths } from './load-rollouts.js';
import { documentFilesSignature, markOf } from './rollout-files.js';
import type { BundleSource, ShelfSource } from './source.js';
import type { Watched } from './watch.js';
import { findWatchTargets, unitedTargets } from './watch-targets.js';

export function watchedOf(source: BundleSource): Watched {
  if (source.kind === 'shelf') return watchedShelf(source);
  const { directory } = source;
  return {
    signature: async () => (await observeDirectory(directory)).signature,
    targets: () => findWatchTargets(directory),
  };
}

/** The shelf with its folders, and the trust file. */
function watchedShelf({ directory, trust }: ShelfSource): Watched {
  return {
    signature: async () => JSON.stringify([await shelfSignature(directory), await markOf(trust)]),
    targets: () => targetsOf([directory], [dirname(trust)]),
  };
}

/** Documents, shelf and trust file. */
export function watchedRollouts({ documents, bundles, trust }: RolloutPaths): Watched {
  return {
    signature: async () =>
      JSON.stringify([
        await documentFilesSignature(documents),
        await shelfSignature(bundles),
        await markOf(trust),
      ]),
    // A file in a volume is reached by links of its folder, which the folder's own targets follow.
    targets: () => targetsOf([bundles], [documents, dirname(documents), dirname(trust)]),
  };
}

/** No archive is opened: this runs beside the requests, and a shelf may hold a thousand. */
async function shelfSignature(directory: string): Promise<readonly string[]> {
  const listed = await listShelfFiles(directory);
  return listed.ok ? signatureOf(listed.value) : textsOf(listed.problems);
}

async function targetsOf(shelves: readonly string[], folders: readonly string[]) {
  const listed = (await Promise.all(shelves.map(listShelfFolders))).flat();
  // Beyond this number the poll has to do: handles are scarce.
  const watched = [...listed.slice(0, SHELF_WATCHES_MAX), ...folders];
  return unitedTargets(await Promise.all(watched.map((folder) => findWatchTargets(folder))));
}

function signatureOf({ files, problems }: ShelfFiles): string[] {
  return [...files.map(({ name, mark }) => `${name} ${mark}`), ...textsOf(problems)];
}

function textsOf(problems: readonly Problem[]): string[] {
  return problems.map(({ file, message }) => `${file} ${message}`);
}
