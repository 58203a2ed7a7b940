/** One file into memory, if it is a regular file and not larger than it may be. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { systemErrorText } from './system-error.js';

/** A pipe in place of the file is not waited for. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** `name` is for messages. Problem codes: `bundle_unreadable`, `bundle_too_large`. */
export async function readBounded(
  path: string,
  name: string,
  bytesMax: number,
): Promise<Result<Buffer>> {
  const place = { file: name };
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, OPEN_FLAGS);
    const stats = await handle.stat();
    if (!stats.isFile()) return failed(problem('bundle_unreadable', 'not a regular file', place));
    if (stats.size > bytesMax) {
      const message = `the file has more than ${bytesMax} bytes`;
      return failed(problem('bundle_too_large', message, place));
    }
    const buffer = Buffer.alloc(stats.size);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return ok(buffer.subarray(0, length));
  } catch (thrown) {
    const message = `the file cannot be read: ${systemErrorText(thrown)}`;
    return failed(problem('bundle_unreadable', message, place));
  } finally {
    await handle?.close();
  }
}
