/**
 * Files of the state directory: read if they are regular and small enough, and replaced so that
 * whoever reads, and a machine that loses power at any instruction, finds the old bytes or the new.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemErrorCode, systemErrorText } from '../bundle/system-error.js';

/** What is used of node:fs/promises; tests pass one that fails. */
export type StateFs = Pick<
  typeof nodeFs,
  'lstat' | 'mkdir' | 'open' | 'readdir' | 'rename' | 'unlink'
>;

/** Nobody else's business: documents name callers. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
/** A pipe in place of a file is not waited for, a symlink not followed. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const WRITE_FLAGS =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** No name that is ever read looks like this. */
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/s;

/** Everything here rejects with what `whyNot` puts into words. */
export class StateFiles {
  readonly #fs: StateFs;

  constructor(fs: StateFs = nodeFs) {
    this.#fs = fs;
  }

  /** Makes the directory, and those above it, unless it is there, or a symlink to one is. */
  async makeRoot(path: string): Promise<void> {
    const made = await this.#fs.mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
    if (made !== undefined) await this.#sync(dirname(made));
  }

  /** Makes a directory in one that is there. */
  async makeFolder(path: string): Promise<void> {
    try {
      await this.#fs.mkdir(path, { mode: DIRECTORY_MODE });
      await this.#sync(dirname(path));
    } catch (thrown) {
      if (systemErrorCode(thrown) !== 'EEXIST') throw thrown;
      await this.checkFolder(path);
    }
  }

  /** That a directory is one, and no symlink to one. */
  async checkFolder(path: string): Promise<void> {
    const stats = await this.#fs.lstat(path);
    if (!stats.isDirectory()) throw new Error('it is not a directory');
  }

  names(folder: string): Promise<string[]> {
    return this.#fs.readdir(folder);
  }

  async read(path: string, bytesMax: number): Promise<Buffer> {
    const file = await this.#fs.open(path, READ_FLAGS);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new Error('it is not a regular file');
      if (stats.size > bytesMax) throw new Error(`it has more than ${bytesMax} bytes`);
      // Not to its end, which may move meanwhile.
      const buffer = Buffer.alloc(stats.size);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return buffer.subarray(0, length);
    } finally {
      await file.close();
    }
  }

  /** Once this resolves, the new bytes survive a loss of power. */
  async replace(path: string, bytes: Uint8Array): Promise<void> {
    const folder = dirname(path);
    const random = randomBytes(6).toString('hex');
    const temporary = join(folder, `.${basename(path)}.${random}.tmp`);
    const file = await this.#fs.open(temporary, WRITE_FLAGS, FILE_MODE);
    try {
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#fs.rename(temporary, path);
    } catch (thrown) {
      // A full disk wants it gone now; what cannot be removed, `clean` finds after the next start.
      await this.#fs.unlink(temporary).catch(() => undefined);
      throw thrown;
    }
    await this.#sync(folder);
  }

  /** In one folder; what has the new name goes. */
  async move(path: string, to: string): Promise<void> {
    await this.#fs.rename(path, to);
    await this.#sync(dirname(path));
  }

  /** Of a symlink, the link goes. */
  async remove(path: string): Promise<void> {
    await this.#fs.unlink(path);
    await this.#sync(dirname(path));
  }

  /**
   * Removes what interrupted writes left in a folder, and resolves with the names of the rest. What
   * was renamed just before the interruption survives a loss of power from now on.
   */
  async clean(folder: string): Promise<string[]> {
    const names = await this.#fs.readdir(folder);
    for (const name of names.filter((n) => TEMPORARY.test(n))) {
      // One that stays is in nobody's way.
      await this.#fs.unlink(join(folder, name)).catch(() => undefined);
    }
    await this.#sync(folder).catch(() => undefined);
    return names.filter((name) => !TEMPORARY.test(name));
  }

  async #sync(folder: string): Promise<void> {
    const handle = await this.#fs.open(folder, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/** The cause in words, without paths. */
export function whyNot(thrown: unknown): string {
  if (systemErrorCode(thrown) === 'ELOOP') return 'it is a symbolic link (ELOOP)';
  return systemErrorText(thrown);
}
