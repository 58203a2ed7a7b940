/** A built bundle as a file: `.tar.gz`, the same bytes for the same files, read in memory only. */
import type { Result } from '../result.js';
import { gunzip, gzip } from './gzip.js';
import { type ArchiveEntry, packTar, unpackTar } from './tar.js';

export type { ArchiveEntry } from './tar.js';

/** The order of `entries` does not matter. */
export function packArchive(entries: readonly ArchiveEntry[]): Buffer {
  return gzip(packTar(entries));
}

/**
 * In the order of the archive. Refuses whatever `packArchive` would not have written, but for the
 * way the data is deflated. `file` is for messages.
 */
export function unpackArchive(bytes: Uint8Array, file: string): Result<readonly ArchiveEntry[]> {
  const tar = gunzip(bytes, file);
  return tar.ok ? unpackTar(tar.value, file) : tar;
}
