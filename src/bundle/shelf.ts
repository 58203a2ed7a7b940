/**
 * A shelf: a directory of built bundles, in which a bundle is found by its digest. A file that cannot
 * be used is told, and is in nobody's way: what is wanted may lie beside it.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ARCHIVE_BYTES_MAX } from '../constants.js';
import { messageOf, type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { bundleDigest } from './built-manifest.js';
import { type OpenedBundle, openBundle } from './open.js';
import { readBounded } from './read-bounded.js';
import { listShelfFiles, type ShelfFile } from './shelf-files.js';
import { peekManifest } from './tar.js';
import type { Digest } from './types.js';

/** Inflated at once: most manifests are smaller. */
const PEEK_CHUNK_BYTES = 64 * 1024;

/** A file whose first bytes are those of a built bundle; whether the rest is whole, opening says. */
export interface ShelfBundle extends ShelfFile {
  readonly digest: Digest;
  readonly manifestBytes: Uint8Array;
}

export interface Shelf {
  readonly bundles: readonly ShelfBundle[];
  /** Files and links that cannot be used. */
  readonly problems: readonly Problem[];
}

/** What is on the shelf. Of each archive only the beginning is read. */
export async function readShelf(directory: string): Promise<Result<Shelf>> {
  const listed = await listShelfFiles(directory);
  if (!listed.ok) return listed;
  const bundles: ShelfBundle[] = [];
  const problems = [...listed.value.problems];
  for (const file of listed.value.files) {
    const peeked = await peek(file);
    if (peeked instanceof Uint8Array) {
      bundles.push({ ...file, digest: bundleDigest(peeked), manifestBytes: peeked });
    } else problems.push(peeked);
  }
  return ok({ bundles, problems });
}

/**
 * The first bundle with this digest that opens and that `accept` takes; two files may hold the same
 * bundle with different signatures. Else every reason why not, or `bundle_not_on_shelf`.
 */
export async function openFromShelf<T>(
  shelf: Shelf,
  digest: Digest,
  accept: (opened: OpenedBundle, file: ShelfBundle) => Result<T>,
): Promise<Result<T>> {
  const problems: Problem[] = [];
  for (const file of shelf.bundles.filter((bundle) => bundle.digest === digest)) {
    const result = await openFile(file, digest, accept);
    if (result.ok) return result;
    problems.push(...result.problems);
  }
  const [first, ...rest] = problems;
  if (first !== undefined) return failed(first, ...rest);
  const count = shelf.bundles.length;
  const message = `none of ${count} bundles on the shelf has the digest \`${digest}\``;
  return failed(problem('bundle_not_on_shelf', message));
}

async function openFile<T>(
  file: ShelfBundle,
  digest: Digest,
  accept: (opened: OpenedBundle, file: ShelfBundle) => Result<T>,
): Promise<Result<T>> {
  const { name, path } = file;
  const bytes = await readBounded(path, name, ARCHIVE_BYTES_MAX);
  if (!bytes.ok) return bytes;
  const opened = openBundle(bytes.value, name);
  if (!opened.ok) return opened;
  // It may have been replaced since it was listed.
  if (opened.value.digest !== digest) {
    return failed(problem('bundle_changing', 'the file changed while it was read', { file: name }));
  }
  return accept(opened.value, file);
}

async function peek({ name, path, size }: ShelfFile): Promise<Uint8Array | Problem> {
  if (size > ARCHIVE_BYTES_MAX) {
    const message = `the archive has more than ${ARCHIVE_BYTES_MAX} bytes`;
    return problem('bundle_too_large', message, { file: name });
  }
  const damaged = (message: string) => problem('archive_invalid', message, { file: name });
  try {
    // A pipe that has taken the place of the file is not waited for.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const inflated = createGunzip({ chunkSize: PEEK_CHUNK_BYTES });
    // Errors of either stream end the loop below; leaving it destroys both, and closes the file.
    pipeline(handle.createReadStream(), inflated, () => undefined);
    const chunks: Buffer[] = [];
    let length = 0;
    let needed = 0;
    for await (const chunk of inflated) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      // Put together only when there is enough: a small file may inflate to a very long manifest.
      if (length < needed) continue;
      const peeked = peekManifest(Buffer.concat(chunks), name);
      if (!peeked.ok) return peeked.problems[0];
      if ('bytes' in peeked.value) return peeked.value.bytes;
      needed = peeked.value.more;
    }
    return damaged('the archive is cut off');
  } catch (thrown) {
    return damaged(`the archive does not inflate: ${messageOf(thrown)}`);
  }
}
