/**
 * Many texts in memory that threads share: a thread that is given ten thousand of them does no work
 * for those that it never looks at, and none of them is in its heap (packed-policies.ts: half a second).
 */

/** Plain data: it crosses threads without being copied. */
export interface PackedTexts {
  /** UTF-8, one after the other. */
  readonly bytes: Uint8Array;
  /** Where each has ended. */
  readonly ends: Uint32Array;
}

export function packTexts(texts: readonly string[]): PackedTexts {
  let size = 0;
  for (const text of texts) size += Buffer.byteLength(text, 'utf8');
  const shared = new SharedArrayBuffer(size);
  const ends = new Uint32Array(new SharedArrayBuffer(4 * texts.length));
  // Written where they are to lie: a buffer for each text would take twice as long.
  const into = Buffer.from(shared);
  let end = 0;
  for (let index = 0; index < texts.length; index += 1) {
    end += into.write(texts[index] as string, end, 'utf8');
    ends[index] = end;
  }
  return { bytes: new Uint8Array(shared), ends };
}

export function textAt(texts: PackedTexts, index: number): string {
  // TextDecoder refuses shared memory.
  return bytesAt(texts, index).toString('utf8');
}

/** The bytes themselves, not a copy. */
export function bytesAt({ bytes, ends }: PackedTexts, index: number): Buffer {
  const end = ends[index];
  if (end === undefined) throw new Error(`there is no text ${index}`);
  const start = index === 0 ? 0 : (ends[index - 1] ?? 0);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** Different texts, found by what they are: a hash table of their numbers. */
export interface PackedNames {
  readonly texts: PackedTexts;
  /** Numbers from 1, 0 where there is none; more than half of it is free. */
  readonly slots: Uint32Array;
}

export function packNames(names: readonly string[]): PackedNames {
  let size = 2;
  while (size < 2 * names.length) size *= 2;
  const slots = sharedNumbers(new Array<number>(size).fill(0));
  for (const [index, name] of names.entries()) {
    let at = hashOf(name) & (size - 1);
    while (slots[at] !== 0) at = (at + 1) & (size - 1);
    slots[at] = index + 1;
  }
  return { texts: packTexts(names), slots };
}

/** Its place in the list that was packed; undefined when it is not in it. */
export function numberOf({ texts, slots }: PackedNames, name: string): number | undefined {
  const mask = slots.length - 1;
  for (let at = hashOf(name) & mask; ; at = (at + 1) & mask) {
    const index = (slots[at] ?? 0) - 1;
    if (index < 0) return undefined;
    if (textAt(texts, index) === name) return index;
  }
}

/** FNV-1a. Names are those of a bundle, so nobody gains by finding some that collide. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}

export function sharedNumbers(numbers: readonly number[]): Uint32Array {
  const shared = new Uint32Array(new SharedArrayBuffer(4 * numbers.length));
  shared.set(numbers);
  return shared;
}
