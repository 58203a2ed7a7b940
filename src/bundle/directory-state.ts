/**
 * What a bundle directory looks like at one moment: which files it would give, and a signature that
 * changes with any of them. Nothing is opened here, so no pipe or device can block or be disturbed.
 */
import type { BigIntStats } from 'node:fs';
import { lstat, opendir, readlink, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { BUNDLE_BYTES_MAX, BUNDLE_ENTRIES_MAX } from '../constants.js';
import { type ErrorCode, type Problem, problem } from '../errors.js';
import { mapConcurrently } from './map-concurrently.js';
import { compareBytewise, decodeFileName, fileRole } from './names.js';
import { systemErrorCode, systemErrorText } from './system-error.js';

/** kubelet's symlink to the directory that holds the present version of a volume. */
const VOLUME_LINK = '..data';
const STATS_AT_ONCE = 16;

export interface DirectoryEntry {
  readonly name: string;
  /** Without symlinks, inside the real directory. */
  readonly path: string;
  readonly stats: BigIntStats;
}

export interface DirectoryState {
  /** Everything is read from here; undefined when there is no directory. */
  readonly realPath: string | undefined;
  /** A kubelet volume: versions are swapped whole and never edited. */
  readonly volume: boolean;
  /** Files of the bundle, in bytewise order of names. */
  readonly entries: readonly DirectoryEntry[];
  /** Names that have no part in a bundle, made readable. */
  readonly ignored: readonly string[];
  /** Why the directory is no bundle; then `entries` is not complete. */
  readonly problems: readonly Problem[];
  /** Equal as long as nothing changed: names, inodes, sizes, times, link targets. */
  readonly signature: string;
}

export async function observeDirectory(directory: string): Promise<DirectoryState> {
  const refused = (code: ErrorCode, message: string): DirectoryState => {
    const problems = [problem(code, message)];
    const signature = `refused ${message}`;
    return { realPath: undefined, volume: false, entries: [], ignored: [], problems, signature };
  };
  try {
    const target = await resolveTarget(directory);
    if (typeof target === 'string') return refused('bundle_unreadable', target);
    return await list(target);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') {
      return refused('bundle_missing', `the bundle directory \`${directory}\` does not exist`);
    }
    const cause = systemErrorText(thrown);
    return refused('bundle_unreadable', `the directory \`${directory}\` cannot be read: ${cause}`);
  }
}

interface Target {
  readonly realPath: string;
  readonly volume: boolean;
  readonly stats: BigIntStats;
}

/** INVARIANT: one version of a volume is one real path; only that path is read afterwards. */
async function resolveTarget(directory: string): Promise<Target | string> {
  const outer = await realpath(directory);
  const link = join(outer, VOLUME_LINK);
  const volume = await exists(link);
  const realPath = volume ? await realpathOrNothing(link) : outer;
  if (realPath === undefined) return `\`${VOLUME_LINK}\` leads nowhere`;
  if (volume && !isInside(outer, realPath)) return `\`${VOLUME_LINK}\` leads out of the directory`;
  const stats = await stat(realPath, { bigint: true });
  if (!stats.isDirectory()) return `\`${volume ? VOLUME_LINK : directory}\` is not a directory`;
  return { realPath, volume, stats };
}

async function realpathOrNothing(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

async function list(target: Target): Promise<DirectoryState> {
  const { realPath, volume } = target;
  const names = await listNames(realPath);
  const problems: Problem[] = names === undefined ? [tooManyEntries()] : [];
  const { sources, ignored } = sortOut(names ?? [], problems);

  const found = await mapConcurrently(sources, STATS_AT_ONCE, (name) => inspect(realPath, name));
  const entries: DirectoryEntry[] = [];
  const marks: string[] = [`${realPath} ${target.stats.dev} ${target.stats.ino}`, ...ignored];
  for (const { entry, fault, mark } of found) {
    marks.push(mark);
    if (entry !== undefined) entries.push(entry);
    if (fault !== undefined) problems.push(fault);
  }
  const bytes = entries.reduce((sum, entry) => sum + entry.stats.size, 0n);
  if (bytes > BigInt(BUNDLE_BYTES_MAX)) problems.push(tooManyBytes());
  // Problems have no other trace than their text where a file could not even be looked at.
  marks.push(...problems.map(({ file, message }) => `${file} ${message}`));
  return { realPath, volume, entries, ignored, problems, signature: JSON.stringify(marks) };
}

function tooManyEntries(): Problem {
  const message = `the bundle directory has more than ${BUNDLE_ENTRIES_MAX} entries`;
  return problem('bundle_too_large', message);
}

function tooManyBytes(): Problem {
  const message = `the files of the bundle have more than ${BUNDLE_BYTES_MAX} bytes`;
  return problem('bundle_too_large', message);
}

/** Names as bytes: those that are not UTF-8 must not be mistaken for others. Undefined: too many. */
async function listNames(directory: string): Promise<Uint8Array[] | undefined> {
  const names: Uint8Array[] = [];
  // The types know only text; with this encoding, names are buffers.
  const handle = await opendir(directory, {
    encoding: 'buffer' as BufferEncoding,
    bufferSize: 256,
  });
  let entries = 0;
  for await (const entry of handle) {
    entries += 1;
    if (entries > BUNDLE_ENTRIES_MAX) return undefined;
    const name = entry.name as unknown as Uint8Array;
    // A bundle is what lies at the top: a folder that is not named like one of its files is no part.
    if (entry.isDirectory() && fileRole(decodeFileName(name).text) !== 'source') continue;
    names.push(name);
  }
  return names;
}

function sortOut(names: readonly Uint8Array[], problems: Problem[]) {
  const sources: string[] = [];
  const ignored: string[] = [];
  for (const bytes of names) {
    const { text, shown, plain } = decodeFileName(bytes);
    const role = fileRole(text);
    if (role === 'ignored') ignored.push(shown);
    if (role !== 'source') continue;
    if (plain) sources.push(text);
    else {
      const message = 'the file name has characters that cannot be seen, or is not UTF-8';
      problems.push(problem('bundle_unreadable', message, { file: shown }));
    }
  }
  return { sources: sources.sort(compareBytewise), ignored: ignored.sort(compareBytewise) };
}

interface Inspected {
  readonly entry?: DirectoryEntry;
  readonly fault?: Problem;
  /** This file's part of the signature. */
  readonly mark: string;
}

/** A regular file, or a symlink to one that does not leave the directory. */
async function inspect(directory: string, name: string): Promise<Inspected> {
  const path = join(directory, name);
  let mark = name;
  const refused = (message: string): Inspected => {
    return { fault: problem('bundle_unreadable', message, { file: name }), mark };
  };
  try {
    const own = await lstat(path, { bigint: true });
    mark = `${name} ${markOf(own)}`;
    if (!own.isSymbolicLink()) {
      return own.isFile() ? { entry: { name, path, stats: own }, mark } : refused(kindFault(own));
    }
    mark = `${mark} ${await readlink(path)}`;
    const real = await realpath(path);
    if (!isInside(directory, real)) return refused('the symlink leads out of the directory');
    const stats = await stat(real, { bigint: true });
    mark = `${mark} ${real} ${markOf(stats)}`;
    return stats.isFile()
      ? { entry: { name, path: real, stats }, mark }
      : refused(kindFault(stats));
  } catch (thrown) {
    return refused(`the file cannot be read: ${systemErrorText(thrown)}`);
  }
}

function markOf(stats: BigIntStats): string {
  const { dev, ino, mode, size, mtimeNs, ctimeNs } = stats;
  return [dev, ino, mode, size, mtimeNs, ctimeNs].join(' ');
}

function kindFault(stats: BigIntStats): string {
  if (stats.isDirectory()) return 'this is a directory, not a file';
  if (stats.isFIFO()) return 'this is a pipe, not a file';
  if (stats.isSocket()) return 'this is a socket, not a file';
  return 'this is a device, not a file';
}

function isInside(directory: string, path: string): boolean {
  return path.startsWith(directory.endsWith(sep) ? directory : `${directory}${sep}`);
}
