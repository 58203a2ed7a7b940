/**
 * The tar inside a built bundle: regular files with flat names, manifest.json first, then bytewise
 * order of names, two zero blocks at the end. The reader takes what the writer writes and no more.
 */
import { ARCHIVE_ENTRIES_MAX, BUILT_MANIFEST_BYTES_MAX } from '../constants.js';
import { type ErrorCode, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { BUILT_MANIFEST_FILE, compareBytewise } from './names.js';
import { BLOCK_BYTES, decodeHeader, encodeHeader, nameFault } from './tar-header.js';
import type { SourceFile } from './types.js';

/** A file in a built bundle: its flat name and its bytes. */
export type ArchiveEntry = SourceFile;

const END = Buffer.alloc(2 * BLOCK_BYTES);

/** Throws on names that no archive may hold: whoever builds one has checked them (`nameFault`). */
export function packTar(entries: readonly ArchiveEntry[]): Buffer {
  const sorted = [...entries].sort((a, b) => compareEntries(a.name, b.name));
  const parts = sorted.flatMap(({ name, bytes }) => {
    const fault = nameFault(name);
    if (fault !== undefined) throw new Error(`the name \`${name}\` ${fault}`);
    return [encodeHeader({ name, size: bytes.length }), bytes, padding(bytes.length)];
  });
  return Buffer.concat([...parts, END]);
}

function padding(size: number): Buffer {
  return Buffer.alloc(paddedSize(size) - size);
}

function paddedSize(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

/** manifest.json first, so that a bundle's digest is known from its first bytes. */
function compareEntries(a: string, b: string): number {
  const manifestFirst = Number(b === BUILT_MANIFEST_FILE) - Number(a === BUILT_MANIFEST_FILE);
  return manifestFirst || compareBytewise(a, b);
}

/**
 * INVARIANT: what is taken is byte for byte what `packTar` writes of the result: every header is
 * compared with the one it would write, padding and end are zeros, names ascend.
 */
export function unpackTar(tar: Buffer, file: string): Result<readonly ArchiveEntry[]> {
  const refuse = (message: string, code: ErrorCode = 'archive_invalid') =>
    failed(problem(code, message, { file }));
  const entries: ArchiveEntry[] = [];
  let at = 0;
  for (;;) {
    const block = tar.subarray(at, at + BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) return refuse('the tar is cut off');
    if (block.every((byte) => byte === 0)) break;
    const header = decodeHeader(block);
    if (typeof header === 'string') return refuse(header);
    const { name, size } = header;
    const fault = placeFault(entries.at(-1)?.name, name);
    if (fault !== undefined) return refuse(fault);
    if (entries.length === ARCHIVE_ENTRIES_MAX) {
      const message = `the archive holds more than ${ARCHIVE_ENTRIES_MAX} files`;
      return refuse(message, 'bundle_too_large');
    }
    const start = at + BLOCK_BYTES;
    at = start + paddedSize(size);
    if (at > tar.length) return refuse(`\`${name}\` is cut off`);
    if (tar.subarray(start + size, at).some((byte) => byte !== 0)) {
      return refuse(`bytes follow the end of \`${name}\``);
    }
    entries.push({ name, bytes: tar.subarray(start, start + size) });
  }
  if (entries.length === 0) return refuse('the archive is empty');
  return tar.subarray(at).equals(END)
    ? ok(entries)
    : refuse('the tar does not end with exactly two blocks of zeros');
}

/** What is wrong with `name` following `before`; undefined when nothing is. */
function placeFault(before: string | undefined, name: string): string | undefined {
  if (before === undefined) {
    return name === BUILT_MANIFEST_FILE
      ? undefined
      : `the first file is \`${name}\`, not \`${BUILT_MANIFEST_FILE}\``;
  }
  // Names ascend, so a second one of a name is either next to the first or out of order.
  if (before === name) return `the archive holds \`${name}\` twice`;
  return compareEntries(before, name) < 0
    ? undefined
    : `\`${name}\` is out of order: names must be in bytewise order`;
}

/**
 * The content of manifest.json from the first bytes of a tar. `more` says how many bytes are needed
 * to go on; a problem is told when these bytes are no beginning of a bundle.
 */
export function peekManifest(
  start: Buffer,
  file: string,
): Result<{ readonly bytes: Buffer } | { readonly more: number }> {
  const refuse = (message: string, code: ErrorCode = 'archive_invalid') =>
    failed(problem(code, message, { file }));
  if (start.length < BLOCK_BYTES) return ok({ more: BLOCK_BYTES });
  const header = decodeHeader(start.subarray(0, BLOCK_BYTES));
  if (typeof header === 'string') return refuse(header);
  const fault = placeFault(undefined, header.name);
  if (fault !== undefined) return refuse(fault);
  if (header.size > BUILT_MANIFEST_BYTES_MAX) {
    const message = `\`${header.name}\` has more than ${BUILT_MANIFEST_BYTES_MAX} bytes`;
    return refuse(message, 'bundle_too_large');
  }
  const end = BLOCK_BYTES + header.size;
  return ok(
    start.length < end ? { more: end } : { bytes: Buffer.from(start.subarray(BLOCK_BYTES, end)) },
  );
}
