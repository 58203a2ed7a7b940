/** Writes a tree of new files: never over anything that is there, and all of them or none. */
import { lstat, mkdir, open, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorCode, systemErrorText } from '../bundle/system-error.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';

export interface NewFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly text: string | Uint8Array;
  /** Permissions; the umask can only take some away. */
  readonly mode: number;
}

/** Names in `directory`, sorted; empty when it does not exist. Problem code: `file_unwritable`. */
export async function namesIn(directory: string): Promise<Result<readonly string[]>> {
  try {
    return ok((await readdir(directory)).sort());
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return ok([]);
    return unwritable(directory, thrown);
  }
}

/**
 * Makes `directory` if need be, and the files in it. When one cannot be written, what was made
 * before is removed again. Problem code: `file_unwritable`.
 */
export async function writeNewFiles(
  directory: string,
  files: readonly NewFile[],
): Promise<Result<void>> {
  const undo: (() => Promise<void>)[] = [];
  for (const { path, text, mode } of files) {
    const target = join(directory, path);
    try {
      for (const missing of await missingDirectories(dirname(target))) {
        await mkdir(missing);
        undo.push(() => rmdir(missing));
      }
      // Fails for whatever is there, a dangling link too.
      const file = await open(target, 'wx', mode);
      undo.push(() => rm(target));
      try {
        await file.writeFile(text);
      } finally {
        await file.close();
      }
    } catch (thrown) {
      // What somebody else has put there meanwhile stays, and so do the directories around it.
      for (const step of undo.reverse()) await step().catch(() => undefined);
      return unwritable(target, thrown);
    }
  }
  return ok(undefined);
}

/** `directory` and those above it that are not there, outermost first. */
async function missingDirectories(directory: string): Promise<string[]> {
  const missing: string[] = [];
  for (let above = directory; ; above = dirname(above)) {
    const isTop = dirname(above) === above;
    if (isTop || (await lstat(above).catch(absent)) !== undefined) return missing;
    missing.unshift(above);
  }
}

function absent(thrown: unknown): undefined {
  if (systemErrorCode(thrown) !== 'ENOENT') throw thrown;
}

function unwritable(path: string, thrown: unknown) {
  const message = `\`${path}\` cannot be written: ${systemErrorText(thrown)}`;
  return failed(problem('file_unwritable', message));
}
