/**
 * Which directories must be watched to notice every change of a bundle directory: the directory, the
 * version of a volume inside it, and for each symlink on the way and for the directory itself the
 * nearest parent that exists (there a late volume appears, there a deleted directory comes back).
 */
import type { BigIntStats } from 'node:fs';
import { lstat, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** As many as the kernel follows. */
const SYMLINKS_MAX = 40;

export interface WatchTargets {
  /** Real path -> names in it that matter; undefined = all. */
  readonly directories: ReadonlyMap<string, ReadonlySet<string> | undefined>;
  /** Changes when another set, or another inode under the same path, has to be watched. */
  readonly identity: string;
}

export async function findWatchTargets(directory: string): Promise<WatchTargets> {
  const directories = new Map<string, Set<string> | undefined>();
  const inodes: string[] = [];
  const seen = new Set<string>();

  const follow = async (path: string): Promise<void> => {
    if (seen.has(path) || seen.size >= SYMLINKS_MAX) return;
    seen.add(path);
    const parent = await nearestParent(path);
    if (directories.get(parent.path) !== undefined || !directories.has(parent.path)) {
      const names = directories.get(parent.path) ?? new Set();
      directories.set(parent.path, names.add(parent.child));
      inodes.push(parent.inode);
    }
    const real = join(parent.path, parent.child);
    const stats = parent.missing ? undefined : await lookAt(real);
    if (stats?.isSymbolicLink()) {
      const target = await readlink(real).catch(() => undefined);
      if (target !== undefined) await follow(resolve(parent.path, target));
    } else if (stats?.isDirectory()) {
      directories.set(real, undefined);
      inodes.push(inodeOf(stats));
      if ((await lookAt(join(real, '..data'))) !== undefined) await follow(join(real, '..data'));
    }
  };
  await follow(resolve(directory));
  const identity = JSON.stringify([[...directories.keys()].sort(), inodes]);
  return { directories, identity };
}

/** Everything that either of them watches. */
export function unitedTargets(all: readonly WatchTargets[]): WatchTargets {
  const directories = new Map<string, ReadonlySet<string> | undefined>();
  for (const [path, names] of all.flatMap((targets) => [...targets.directories])) {
    const known = directories.get(path);
    const whole = names === undefined || (known === undefined && directories.has(path));
    directories.set(path, whole ? undefined : new Set([...(known ?? []), ...names]));
  }
  return { directories, identity: JSON.stringify(all.map(({ identity }) => identity)) };
}

interface Parent {
  readonly path: string;
  /** The entry in it that leads to the path asked for. */
  readonly child: string;
  readonly inode: string;
  /** The direct parent does not exist: `child` is one of its ancestors. */
  readonly missing: boolean;
}

async function nearestParent(path: string): Promise<Parent> {
  let child = basename(path);
  let parent = dirname(path);
  for (let missing = false; ; missing = true) {
    const real = await realpath(parent).catch(() => undefined);
    const stats = real === undefined ? undefined : await lookAt(real);
    if (real !== undefined && stats?.isDirectory()) {
      return { path: real, child, inode: inodeOf(stats), missing };
    }
    if (dirname(parent) === parent) return { path: parent, child, inode: '', missing: true };
    child = basename(parent);
    parent = dirname(parent);
  }
}

async function lookAt(path: string): Promise<BigIntStats | undefined> {
  return lstat(path, { bigint: true }).catch(() => undefined);
}

/** With the time of birth: a directory deleted and made again often has the same number (ext4). */
function inodeOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${birthtimeNs}`;
}
