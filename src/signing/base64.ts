/** Base64 as signatures come in it: both alphabets are read, the standard one is written. */

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/**
 * The bytes of a base64 text, in the standard or the URL-safe alphabet, with padding or without;
 * undefined when it is none. Bits that the last character has to spare must be 0, so that only one
 * text of each alphabet stands for the same bytes.
 */
export function decodeBase64(text: string): Buffer | undefined {
  if (!BASE64.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  const standard = text.replaceAll('-', '+').replaceAll('_', '/');
  const expected = bytes.toString('base64');
  const isExact = standard === expected || standard === expected.replace(/=+$/, '');
  return isExact ? bytes : undefined;
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
