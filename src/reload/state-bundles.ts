/** Bundles on their way into the state directory: read only when they are not stored there yet. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { readBounded } from '../bundle/read-bounded.js';
import { type ShelfFile, shelfMark } from '../bundle/shelf-files.js';
import { systemErrorText } from '../bundle/system-error.js';
import type { Digest } from '../bundle/types.js';
import { ARCHIVE_BYTES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, type Result } from '../result.js';
import { bundleFile } from './state-known.js';

/** A built bundle that a running generation needs. */
export interface BundleToKeep {
  /**
   * Equal only as long as the bytes are: what was stored under a mark is not asked for again. The
   * digest alone is none, because the signatures beside the manifest can change.
   */
  readonly mark: string;
  /** The bytes of the archive, or why they can no longer be had. */
  read(): Promise<Result<Uint8Array>>;
}

/** The file on a shelf, as long as it is the one that was listed. */
export function bundleOfShelf(file: Pick<ShelfFile, 'name' | 'path' | 'mark'>): BundleToKeep {
  const { name, path, mark } = file;
  const read = async (): Promise<Result<Uint8Array>> => {
    const bytes = await readBounded(path, name, ARCHIVE_BYTES_MAX);
    const refuse = (why: string) => failed(problem('bundle_changing', why, { file: name }));
    try {
      // The volume may have put another bundle there since this one was verified.
      const same = shelfMark(await lstat(path, { bigint: true })) === mark;
      return same ? bytes : refuse('the file changed before it could be remembered');
    } catch (thrown) {
      return refuse(`the file went before it could be remembered: ${systemErrorText(thrown)}`);
    }
  };
  return { mark, read };
}

/** One that the state directory has already, in the folder `shelf`. */
export function rememberedBundle(shelf: string, digest: Digest): BundleToKeep {
  const name = bundleFile(digest);
  const read = () => readBounded(join(shelf, name), name, ARCHIVE_BYTES_MAX);
  return { mark: `remembered ${digest}`, read };
}
