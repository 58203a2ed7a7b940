/**
 * Writes the wire format of Protocol Buffers as text, a character for each byte (latin1): what is
 * joined from pieces is joined cheapest as text, and becomes bytes once, at the end.
 */

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
