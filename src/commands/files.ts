/** Files that commands read and write: bounded when read, whole or not at all when written. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type OpenedBundle, openBundle } from '../bundle/open.js';
import { systemErrorCode, systemErrorText } from '../bundle/system-error.js';
import { ARCHIVE_BYTES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';

/** Problem code: `file_unreadable`. */
export async function readBytes(path: string, bytesMax: number): Promise<Result<Buffer>> {
  const refuse = (message: string) => failed(problem('file_unreadable', message, { file: path }));
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      bytes += (chunk as Buffer).length;
      if (bytes > bytesMax) return refuse(`the file has more than ${bytesMax} bytes`);
      chunks.push(chunk as Buffer);
    }
  } catch (thrown) {
    return refuse(`the file cannot be read: ${systemErrorText(thrown)}`);
  }
  return ok(Buffer.concat(chunks));
}

/** A built bundle, found whole; who signed it is another question. */
export async function readBuiltBundle(path: string): Promise<Result<OpenedBundle>> {
  const bytes = await readBytes(path, ARCHIVE_BYTES_MAX);
  return bytes.ok ? openBundle(bytes.value, path) : bytes;
}

/**
 * Replaces a file, or makes it: readers, and a machine that loses power, see the old bytes or the
 * new ones. A symbolic link stays, and what it leads to is replaced. What is no regular file (a pipe, a
 * device) is left alone. Problem: `file_unwritable`.
 */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<Result<void>> {
  let temporary: string | undefined;
  try {
    const before = await existing(path);
    const target = before?.path ?? path;
    const name = `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`;
    const beside = join(dirname(target), name);
    await writeNew(beside, bytes, before?.mode ?? 0o644, () => {
      temporary = beside;
    });
    await rename(beside, target);
    temporary = undefined;
    await syncDirectory(dirname(target));
    return ok(undefined);
  } catch (thrown) {
    if (temporary !== undefined) await rm(temporary, { force: true });
    return unwritable(path, thrown);
  }
}

/**
 * The same of a file that was read before, `before`: what somebody else has written meanwhile is not lost.
 * The lock is held for a few system calls; the comparison would else come too early for one of two.
 * Problem: `file_unwritable`.
 */
export async function replaceUnchanged(
  path: string,
  before: Uint8Array,
  bytes: Uint8Array,
): Promise<Result<void>> {
  let lock: string | undefined;
  try {
    const target = (await existing(path))?.path ?? path;
    lock = await makeLock(target);
    const now = await readBytes(target, before.length);
    if (!now.ok || !now.value.equals(before)) {
      throw new NotReplaceable('it was changed meanwhile: look at it, and run the command again');
    }
    return await replaceFile(target, bytes);
  } catch (thrown) {
    return unwritable(path, thrown);
  } finally {
    if (lock !== undefined) await rm(lock, { force: true });
  }
}

async function makeLock(target: string): Promise<string> {
  const lock = join(dirname(target), `.${basename(target)}.lock`);
  try {
    await (await open(lock, 'wx')).close();
    return lock;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'EEXIST') throw thrown;
    const message = `another command is writing it; if none is, remove \`${lock}\``;
    throw new NotReplaceable(message);
  }
}

/**
 * Makes a file that must not be there yet, with exactly these permissions. A file that could not be
 * written whole is removed. Problem: `file_unwritable`.
 */
export async function createFile(
  path: string,
  bytes: Uint8Array,
  mode: number,
): Promise<Result<void>> {
  let isOurs = false;
  try {
    await writeNew(path, bytes, mode, () => {
      isOurs = true;
    });
    await syncDirectory(dirname(path));
    return ok(undefined);
  } catch (thrown) {
    if (isOurs) await rm(path, { force: true });
    return unwritable(path, thrown);
  }
}

async function writeNew(
  path: string,
  bytes: Uint8Array,
  mode: number,
  onOpen: () => void,
): Promise<void> {
  const file = await open(path, 'wx', mode);
  onOpen();
  try {
    await file.chmod(mode);
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function existing(path: string): Promise<{ path: string; mode: number } | undefined> {
  try {
    const real = await realpath(path);
    const stats = await stat(real);
    // Root would put a file in the place of /dev/null for everybody on the machine.
    if (!stats.isFile()) throw new NotReplaceable('it is there, and is not a regular file');
    return { path: real, mode: stats.mode & 0o777 };
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'ENOENT') throw thrown;
  }
  // A link that leads nowhere, such as /dev/stdout when it is a pipe.
  const isLink = await lstat(path).catch(() => undefined);
  if (isLink !== undefined) throw new NotReplaceable('the symbolic link leads to no file');
  return undefined;
}

class NotReplaceable extends Error {}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function unwritable(file: string, thrown: unknown) {
  const why = thrown instanceof NotReplaceable ? thrown.message : systemErrorText(thrown);
  const message = `the file cannot be written: ${why}`;
  return failed(problem('file_unwritable', message, { file }));
}
