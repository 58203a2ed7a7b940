/** What is watched of a source of policies, and how it is told that it changed. */
import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { observeDirectory } from '../bundle/directory-state.js';
import { readShelf, type Shelf } from '../bundle/shelf.js';
import { listShelfFolders } from '../bundle/shelf-files.js';
import { SHELF_WATCHES_MAX } from '../constants.js';
import { messageOf } from '../errors.js';
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
  let before: Shelf | undefined;
  return {
    async signature() {
      const shelf = await readShelf(directory, {
        nowMs: Date.now(),
        ...(before === undefined ? {} : { before }),
      });
      before = shelf.ok ? shelf.value : undefined;
      const found = shelf.ok ? shelf.value.signature : shelf.problems[0].message;
      return JSON.stringify([found, await markOf(trust)]);
    },
    async targets() {
      const folders = await listShelfFolders(directory);
      // Beyond this number the poll has to do: handles are scarce.
      const watched = [...folders.slice(0, SHELF_WATCHES_MAX), dirname(trust)];
      const each = await Promise.all(watched.map((folder) => findWatchTargets(folder)));
      return unitedTargets(each);
    },
  };
}

/** The file that a path leads to, through the links of a volume. */
async function markOf(path: string): Promise<string> {
  try {
    const [own, real] = await Promise.all([lstat(path), stat(path, { bigint: true })]);
    return [own.ino, real.dev, real.ino, real.size, real.mtimeNs, real.ctimeNs].join(' ');
  } catch (thrown) {
    return messageOf(thrown);
  }
}
