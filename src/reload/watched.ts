/** What is watched of a source of policies, and how it is told that it changed. */
import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { observeDirectory } from '../bundle/directory-state.js';
import { listShelfFiles, listShelfFolders, type ShelfFiles } from '../bundle/shelf-files.js';
import { SHELF_WATCHES_MAX } from '../constants.js';
import { messageOf, type Problem } from '../errors.js';
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
    // No archive is opened: this runs beside the requests, and a shelf may hold a thousand.
    async signature() {
      const listed = await listShelfFiles(directory);
      return JSON.stringify([
        listed.ok ? signatureOf(listed.value) : textsOf(listed.problems),
        await markOf(trust),
      ]);
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

function signatureOf({ files, problems }: ShelfFiles): string[] {
  return [...files.map(({ name, mark }) => `${name} ${mark}`), ...textsOf(problems)];
}

function textsOf(problems: readonly Problem[]): string[] {
  return problems.map(({ file, message }) => `${file} ${message}`);
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
