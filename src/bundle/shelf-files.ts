/**
 * The files of a shelf: regular `*.tar.gz` at any depth below one directory. Paths mean nothing but
 * where to read, and nothing outside the directory is ever opened.
 */
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { SHELF_BUNDLES_MAX, SHELF_DEPTH_MAX, SHELF_NAMES_MAX } from '../constants.js';
import { type ErrorCode, type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { compareBytewise, escapeName } from './names.js';
import { systemErrorCode, systemErrorText } from './system-error.js';

export interface ShelfFile {
  /** Below the shelf, for messages. */
  readonly name: string;
  /** Without symlinks. */
  readonly path: string;
  readonly size: number;
  /** Equal as long as the file was not changed: device, inode, size, times. */
  readonly mark: string;
}

export interface ShelfFiles {
  /** In bytewise order of names; a file that is reached twice is listed once. */
  readonly files: readonly ShelfFile[];
  /** Names that lead nowhere, or out of the shelf. */
  readonly problems: readonly Problem[];
}

const ARCHIVE_NAME = /\.tar\.gz$/;
/** kubelet's own entries, such as `..data`: what they hold is reached through visible symlinks. */
const KUBELET_NAME = /^\.\./;

export async function listShelfFiles(directory: string): Promise<Result<ShelfFiles>> {
  const refuse = (code: ErrorCode, message: string) => failed(problem(code, message));
  try {
    const root = await realpath(directory);
    const walk = new Walk(root);
    await walk.enter(root, '', 0);
    const files = [...walk.files.values()].sort((a, b) => compareBytewise(a.name, b.name));
    return ok({ files, problems: walk.problems });
  } catch (thrown) {
    if (thrown instanceof TooMany) return refuse('bundle_too_large', thrown.message);
    if (systemErrorCode(thrown) === 'ENOENT') {
      return refuse('bundle_missing', `the directory \`${directory}\` does not exist`);
    }
    const cause = systemErrorText(thrown);
    return refuse('bundle_unreadable', `the directory \`${directory}\` cannot be read: ${cause}`);
  }
}

/** The shelf and the folders in it, as paths for a watcher; as far as they can be listed. */
export async function listShelfFolders(directory: string): Promise<string[]> {
  try {
    const walk = new Walk(await realpath(directory));
    await walk.enter(walk.root, '', 0).catch(() => undefined);
    return [directory, ...[...walk.folders].filter((folder) => folder !== walk.root)];
  } catch {
    return [directory];
  }
}

class TooMany extends Error {}

class Walk {
  /** By real path. */
  readonly files = new Map<string, ShelfFile>();
  readonly problems: Problem[] = [];
  /** By real path. */
  readonly folders = new Set<string>();
  #names = 0;

  constructor(readonly root: string) {}

  async enter(folder: string, prefix: string, depth: number): Promise<void> {
    // Symlinks can lead in circles.
    if (this.folders.has(folder)) return;
    this.folders.add(folder);
    if (depth > SHELF_DEPTH_MAX) {
      throw new TooMany(`the shelf has more than ${SHELF_DEPTH_MAX} folders inside each other`);
    }
    for (const name of (await readdir(folder)).sort(compareBytewise)) {
      this.#names += 1;
      if (this.#names > SHELF_NAMES_MAX) {
        throw new TooMany(`the shelf has more than ${SHELF_NAMES_MAX} names`);
      }
      if (!KUBELET_NAME.test(name)) await this.#look(join(folder, name), `${prefix}${name}`, depth);
    }
  }

  async #look(path: string, name: string, depth: number): Promise<void> {
    const refuse = (message: string) => {
      this.problems.push(problem('bundle_unreadable', message, { file: escapeName(name) }));
    };
    try {
      const isLink = (await lstat(path)).isSymbolicLink();
      const real = isLink ? await realpath(path) : path;
      if (!real.startsWith(`${this.root}${sep}`)) {
        if (real !== this.root) refuse('the symlink leads out of the shelf');
        return;
      }
      const stats = await stat(real, { bigint: true });
      if (stats.isDirectory()) await this.enter(real, `${name}/`, depth + 1);
      else if (ARCHIVE_NAME.test(name)) this.#add(real, escapeName(name), stats, refuse);
    } catch (thrown) {
      if (thrown instanceof TooMany) throw thrown;
      refuse(`it cannot be read: ${systemErrorText(thrown)}`);
    }
  }

  #add(path: string, name: string, stats: BigIntStats, refuse: (message: string) => void): void {
    if (this.files.has(path)) return;
    if (!stats.isFile()) {
      refuse('this is not a regular file');
      return;
    }
    if (this.files.size === SHELF_BUNDLES_MAX) {
      throw new TooMany(`the shelf has more than ${SHELF_BUNDLES_MAX} bundles`);
    }
    this.files.set(path, { name, path, size: Number(stats.size), mark: shelfMark(stats) });
  }
}

/** See ShelfFile. */
export function shelfMark({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}
