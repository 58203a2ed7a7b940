/**
 * Reads a plain bundle directory as it was at one moment: never a mix of two versions.
 *
 * A kubelet volume is read through the one real path that `..data` named, which is never edited. A
 * directory edited in place is looked at before and after: when anything differs, it is read again.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { BUNDLE_READ_ATTEMPTS_MAX, BUNDLE_SETTLE_MS } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, okUnless, type Result } from '../result.js';
import { type DirectoryEntry, type DirectoryState, observeDirectory } from './directory-state.js';
import { mapConcurrently } from './map-concurrently.js';
import { systemErrorText } from './system-error.js';
import type { SourceFile } from './types.js';

const FILES_AT_ONCE = 8;
/** Should a pipe take the place of a file after the look: neither wait for it nor follow a link. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

export interface BundleDirectory {
  /** In bytewise order of names. */
  readonly files: readonly SourceFile[];
  /** What was read: without symlinks, one version of a volume. */
  readonly realPath: string;
  /** Names that have no part in a bundle; `tests/` and dot names are not listed. */
  readonly ignored: readonly string[];
}

export async function readBundleDirectory(directory: string): Promise<Result<BundleDirectory>> {
  for (let attempt = 1; attempt <= BUNDLE_READ_ATTEMPTS_MAX; attempt += 1) {
    const before = await observeDirectory(directory);
    if (isSettled(before, Date.now())) {
      const result = await readFiles(before);
      const after = await observeDirectory(directory);
      if (after.signature === before.signature && result !== undefined) return result;
    }
    await sleep(BUNDLE_SETTLE_MS);
  }
  return failed(problem('bundle_changing', 'the directory kept changing while it was read'));
}

/**
 * File times are coarse: a second write within one tick of the first leaves no trace. So files must
 * be older than a tick before they are read. (Times in the future come from another clock and say
 * nothing.) The real clock, because the file system's is compared with it.
 */
function isSettled(state: DirectoryState, nowMs: number): boolean {
  if (state.volume) return true;
  return state.entries.every(({ stats }) => {
    const ageMs = nowMs - Number(stats.ctimeNs / 1_000_000n);
    return ageMs < 0 || ageMs >= BUNDLE_SETTLE_MS;
  });
}

/** Undefined when a file is not what it was a moment ago. */
async function readFiles(state: DirectoryState): Promise<Result<BundleDirectory> | undefined> {
  const { realPath, entries, ignored } = state;
  const [first, ...rest] = state.problems;
  if (first !== undefined) return failed(first, ...rest);
  if (realPath === undefined) throw new Error('a directory without a path has a problem');
  const read = await mapConcurrently(entries, FILES_AT_ONCE, readFile);
  const files: SourceFile[] = [];
  const problems: Problem[] = [];
  for (const outcome of read) {
    if (outcome === 'changed') return undefined;
    if ('bytes' in outcome) files.push(outcome);
    else problems.push(outcome);
  }
  return okUnless(problems, () => ({ files, realPath, ignored }));
}

async function readFile(entry: DirectoryEntry): Promise<SourceFile | Problem | 'changed'> {
  const { name, path, stats } = entry;
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, OPEN_FLAGS);
    const opened = await handle.stat({ bigint: true });
    if (!opened.isFile() || opened.ino !== stats.ino || opened.size !== stats.size)
      return 'changed';
    const bytes = await readExactly(handle, Number(stats.size));
    return bytes === undefined ? 'changed' : { name, bytes };
  } catch (thrown) {
    const message = `the file cannot be read: ${systemErrorText(thrown)}`;
    return problem('bundle_unreadable', message, { file: name });
  } finally {
    await handle?.close();
  }
}

/** Asks for one byte more than expected, so that a file that grows is noticed and never followed. */
async function readExactly(handle: FileHandle, size: number): Promise<Uint8Array | undefined> {
  const buffer = Buffer.alloc(size + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length === size ? buffer.subarray(0, size) : undefined;
}
