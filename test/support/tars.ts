/** Hand-made tars: right unless a test says otherwise, so that each test breaks one thing. */
import { gzipSync } from 'node:zlib';

export interface TarEntry {
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  /** Type flag; default a regular file. */
  readonly type?: string;
  /** Text written over a field, by its offset. Written before the checksum is. */
  readonly over?: readonly (readonly [offset: number, text: string | Buffer])[];
  /** Instead of the right checksum field. */
  readonly checksum?: string;
  /** Bytes after the content, up to the next block; default zeros. */
  readonly padding?: Buffer;
}

export const TAR_END = Buffer.alloc(1024);

export function tarOf(entries: readonly TarEntry[], end: Buffer = TAR_END): Buffer {
  return Buffer.concat([...entries.flatMap(entryBytes), end]);
}

export function tarGzOf(entries: readonly TarEntry[], end?: Buffer): Buffer {
  return gzipSync(tarOf(entries, end));
}

function entryBytes(entry: TarEntry): Buffer[] {
  const content = Buffer.from(entry.content ?? '');
  const rest = (512 - (content.length % 512)) % 512;
  return [headerOf(entry, content.length), content, entry.padding ?? Buffer.alloc(rest)];
}

function headerOf({ name, type = '0', over = [], checksum }: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(512);
  const write = (offset: number, text: string | Buffer) => Buffer.from(text).copy(block, offset);
  write(0, Buffer.from(name).subarray(0, 100));
  write(100, '0000644\u00000000000\u00000000000\0');
  write(124, `${size.toString(8).padStart(11, '0')}\u000000000000000\0`);
  write(156, type);
  write(257, 'ustar\u000000');
  write(329, '0000000\u00000000000\0');
  for (const [offset, text] of over) write(offset, text);
  write(148, '        ');
  const sum = block.reduce((total, byte) => total + byte, 0);
  write(148, checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}
