/**
 * Writes the wire format of Protocol Buffers as text, a character for each byte (latin1): what is
 * joined from pieces is joined cheapest as text, and becomes bytes once, at the end. (The library that
 * does it from .proto files takes 80 ms to load, and 60 more for each further service.)
 */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const ASCII = /^[\0-\x7f]*$/;

/** A text field, as UTF-8. */
export function textField(number: number, text: string): string {
  return bytesField(number, ASCII.test(text) ? text : Buffer.from(text).toString('latin1'));
}

/** A field of bytes, or of a message inside. Numbers of fields go to 15. */
export function bytesField(number: number, bytes: string): string {
  return fieldStart(number, bytes.length) + bytes;
}

/** A bool, an enum, or another number that is not negative. */
export function numberField(number: number, value: number): string {
  return String.fromCharCode(number * 8 + VARINT) + varint(value);
}

export function doubleField(number: number, value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return String.fromCharCode(number * 8 + FIXED64) + bytes.toString('latin1');
}

/** All of such a field but its bytes. */
export function fieldStart(number: number, length: number): string {
  return String.fromCharCode(number * 8 + BYTES) + varint(length);
}

function varint(value: number): string {
  let text = '';
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) text += String.fromCharCode((rest & 0x7f) | 0x80);
  return text + String.fromCharCode(rest);
}
