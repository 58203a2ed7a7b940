/**
 * Digests. That of a plain directory bundle is the sha256 of the lines `name NUL sha256 LF`, sha256 in
 * lower-case hexadecimal, names in bytewise order (formats.md, 1).
 */
import { createHash } from 'node:crypto';
import { compareBytewise } from './names.js';
import type { Digest, SourceFile } from './types.js';

/** INVARIANT: names hold neither NUL nor LF (read-directory.ts sees to it), so lines are one to one. */
export function directoryDigest(files: readonly SourceFile[]): Digest {
  const sorted = [...files].sort((a, b) => compareBytewise(a.name, b.name));
  const lines = createHash('sha256');
  for (const file of sorted) lines.update(`${file.name}\0${sha256(file.bytes)}\n`);
  return `sha256:${lines.digest('hex')}`;
}

export function bytesDigest(bytes: Uint8Array): Digest {
  return `sha256:${sha256(bytes)}`;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
