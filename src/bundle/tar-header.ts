/**
 * One header of the tar inside a built bundle: ustar, with every field fixed but name, size and
 * checksum. Whatever else tar can say (links, sparse files, owners, times) is refused.
 */
import { ARCHIVE_NAME_BYTES_MAX } from '../constants.js';
import { decodeFileName, escapeName } from './names.js';

export const BLOCK_BYTES = 512;

interface Field {
  readonly at: number;
  readonly length: number;
}

/** Offsets and lengths in bytes (POSIX.1-1988). */
const NAME: Field = { at: 0, length: ARCHIVE_NAME_BYTES_MAX };
const SIZE: Field = { at: 124, length: 12 };
const CHECKSUM: Field = { at: 148, length: 8 };
const TYPE: Field = { at: 156, length: 1 };
const MAGIC: Field = { at: 257, length: 8 };
const PREFIX: Field = { at: 345, length: 155 };

const MAGIC_TEXT = 'ustar\u000000';
const REGULAR_FILE = '0';

/** Fields that say the same in every header: mode 0644, owner 0, time 0, device 0, no names. */
const FIXED: readonly (readonly [offset: number, text: string])[] = [
  [100, '0000644\0'],
  [108, '0000000\0'],
  [116, '0000000\0'],
  [136, '00000000000\0'],
  [TYPE.at, REGULAR_FILE],
  [MAGIC.at, MAGIC_TEXT],
  [329, '0000000\0'],
  [337, '0000000\0'],
];

const OCTAL_SIZE = /^[0-7]{11}\0$/;

const TYPE_WORDS: ReadonlyMap<string, string> = new Map([
  ['\0', 'a file of the old tar format'],
  ['1', 'a hard link'],
  ['2', 'a symbolic link'],
  ['3', 'a character device'],
  ['4', 'a block device'],
  ['5', 'a directory'],
  ['6', 'a pipe'],
  ['7', 'a contiguous file'],
  ['g', 'a global pax header'],
  ['x', 'a pax header'],
  ['K', 'a long link name of GNU tar'],
  ['L', 'a long name of GNU tar'],
  ['S', 'a sparse file'],
]);

export interface TarHeader {
  readonly name: string;
  /** Bytes of the file's content. */
  readonly size: number;
}

/** INVARIANT: `nameFault(name)` is undefined. */
export function encodeHeader({ name, size }: TarHeader): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, NAME.at, 'utf8');
  for (const [offset, text] of FIXED) block.write(text, offset, 'latin1');
  block.write(`${size.toString(8).padStart(11, '0')}\0`, SIZE.at, 'latin1');
  block.write(checksumText(block), CHECKSUM.at, 'latin1');
  return block;
}

/** The header, or what is wrong with it. */
export function decodeHeader(block: Buffer): TarHeader | string {
  if (textOf(block, CHECKSUM) !== checksumText(block)) return 'a tar header has a wrong checksum';
  if (textOf(block, MAGIC) !== MAGIC_TEXT) return 'a tar header is not of the ustar format';
  const type = textOf(block, TYPE);
  if (type !== REGULAR_FILE) {
    const what = TYPE_WORDS.get(type) ?? 'an entry of an unknown type';
    return `the archive holds ${what}; only regular files may be in it`;
  }
  const name = readName(block);
  if ('fault' in name) return name.fault;
  const sizeText = textOf(block, SIZE);
  if (!OCTAL_SIZE.test(sizeText)) return `the size of \`${name.text}\` is not an octal number`;
  const header = { name: name.text, size: Number.parseInt(sizeText, 8) };
  if (!encodeHeader(header).equals(block)) {
    return `the tar header of \`${name.text}\` sets mode, owner, time or another fixed field`;
  }
  return header;
}

function readName(block: Buffer): { readonly text: string } | { readonly fault: string } {
  const field = bytesOf(block, NAME);
  const end = field.indexOf(0);
  const bytes = end === -1 ? field : field.subarray(0, end);
  const { text, shown, plain } = decodeFileName(bytes);
  if (end !== -1 && field.subarray(end).some((byte) => byte !== 0)) {
    return { fault: `the name \`${shown}\` goes on after a NUL` };
  }
  if (bytesOf(block, PREFIX).some((byte) => byte !== 0)) {
    return { fault: `the name \`${shown}\` has a prefix: names must be flat` };
  }
  const fault = plain ? nameFault(text) : 'has characters that cannot be seen, or is not UTF-8';
  return fault === undefined ? { text } : { fault: `the name \`${shown}\` ${fault}` };
}

/** Why a file in a built bundle may not have this name, to follow the name; undefined when it may. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (/[/\\]/.test(name)) return 'leads into another directory: names must be flat';
  if (name.startsWith('.')) return 'begins with a dot';
  if (escapeName(name) !== name) return 'has characters that cannot be seen';
  return Buffer.byteLength(name, 'utf8') > ARCHIVE_NAME_BYTES_MAX
    ? `is longer than ${ARCHIVE_NAME_BYTES_MAX} bytes`
    : undefined;
}

function bytesOf(block: Buffer, { at, length }: Field): Buffer {
  return block.subarray(at, at + length);
}

function textOf(block: Buffer, field: Field): string {
  return bytesOf(block, field).toString('latin1');
}

/** The sum of all bytes, where those of the checksum itself count as spaces. */
function checksumText(block: Buffer): string {
  let sum = CHECKSUM.length * 0x20;
  const { at, length } = CHECKSUM;
  for (let i = 0; i < block.length; i += 1) {
    if (i < at || i >= at + length) sum += block[i] as number;
  }
  return `${sum.toString(8).padStart(6, '0')}\0 `;
}
