/** As much of DER (X.690) as a test certificate needs, writing only. */

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), length(content.length), content]);
}

function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes);
  if (bytes < 0x100) return Buffer.of(0x81, bytes);
  return Buffer.of(0x82, bytes >> 8, bytes & 0xff);
}

export const sequence = (...items: Buffer[]) => tagged(0x30, Buffer.concat(items));
export const set = (...items: Buffer[]) => tagged(0x31, Buffer.concat(items));
export const boolean = (value: boolean) => tagged(0x01, Buffer.of(value ? 0xff : 0));
/** Big endian; the first bit must be 0, for only positive numbers are written. */
export const integer = (bytes: Buffer) => tagged(0x02, bytes);
/** A BIT STRING of which the last `unused` bits do not count. */
export const bits = (unused: number, bytes: Buffer) =>
  tagged(0x03, Buffer.concat([Buffer.of(unused), bytes]));
export const octets = (bytes: Buffer) => tagged(0x04, bytes);
export const utf8String = (text: string) => tagged(0x0c, Buffer.from(text));
export const printableString = (text: string) => tagged(0x13, Buffer.from(text, 'latin1'));
/** Context-specific, primitive: how a GeneralName is written. */
export const context = (tag: number, bytes: Buffer) => tagged(0x80 | tag, bytes);
/** Context-specific, constructed: `[n] EXPLICIT`. */
export const explicit = (tag: number, item: Buffer) => tagged(0xa0 | tag, item);

/** `YYMMDDhhmmssZ`, for years before 2050. */
export function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return tagged(0x17, Buffer.from(`${digits}Z`));
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(0x06, Buffer.from(bytes));
}
