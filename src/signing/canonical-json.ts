/**
 * Canonical JSON after RFC 8785: one value, one text. Keys in order of their UTF-16 code units, no
 * white space, the shortest escapes. Of numbers only integers within 2^53, which every JSON library
 * reads alike. What is signed or digested is written and read through here, so that no two readers
 * can see different things in the same bytes.
 */
import { CANONICAL_JSON_DEPTH_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** A value that canonical JSON has no text for. */
class NotCanonical extends Error {}

/**
 * The canonical text of a value. Throws on what has none: numbers that are no safe integer, halves
 * of surrogate pairs, the key `__proto__`, nesting deeper than CANONICAL_JSON_DEPTH_MAX.
 */
export function canonicalJson(value: JsonValue): string {
  return textOf(value, 0);
}

/**
 * The value of bytes that are exactly their own canonical form: so they hold no duplicate key, no
 * white space, no byte order mark, no invalid UTF-8. Objects have the ordinary prototype: look
 * names up with `Object.hasOwn`, or make a Map. Problem code: `json_not_canonical`.
 */
export function parseCanonicalJson(bytes: Uint8Array, file: string): Result<JsonValue> {
  const refuse = (why: string) =>
    failed(problem('json_not_canonical', `the file is not canonical JSON: ${why}`, { file }));
  const text = decode(bytes);
  if (text === undefined) return refuse('it is not valid UTF-8');
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return refuse('it does not parse');
  }
  if (isWrittenPlainly(value, text)) return ok(value);
  try {
    if (canonicalJson(value) === text) return ok(value);
  } catch (thrown) {
    if (!(thrown instanceof NotCanonical)) throw thrown;
    return refuse(thrown.message);
  }
  return refuse('it has white space, a key twice, keys out of order or needless escapes');
}

/**
 * A quick yes for nearly all that is canonical: JSON.stringify writes what it was given in the order in
 * which it stood, and otherwise as RFC 8785 asks for, so only order, numbers and depth are left to be
 * looked at. Writing the index of 10,000 policies by hand takes half a second at each start.
 */
function isWrittenPlainly(value: JsonValue, text: string): boolean {
  return isInOrder(value, 0) && JSON.stringify(value) === text && !SURROGATE_ESCAPE.test(text);
}

/** The only way to half of a surrogate pair in what was valid UTF-8. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

function isInOrder(value: JsonValue, depth: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth >= CANONICAL_JSON_DEPTH_MAX) return false;
  if (isList(value)) {
    for (const element of value) if (!isInOrder(element, depth + 1)) return false;
    return true;
  }
  let before = '';
  // All are its own: it was read from JSON, into an object with the ordinary prototype.
  for (const key in value) {
    if (key < before || key === '__proto__') return false;
    if (!isInOrder(value[key] as JsonValue, depth + 1)) return false;
    before = key;
  }
  return true;
}

function textOf(value: JsonValue, depth: number): string {
  if (depth > CANONICAL_JSON_DEPTH_MAX) {
    throw new NotCanonical(`values are nested more than ${CANONICAL_JSON_DEPTH_MAX} deep`);
  }
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new NotCanonical(`\`${value}\` is no integer to 2^53`);
    return JSON.stringify(value);
  }
  if (value === null || typeof value === 'boolean') return String(value);
  if (isList(value)) return `[${value.map((element) => textOf(element, depth + 1)).join(',')}]`;
  if (typeof value !== 'object') throw new NotCanonical(`a ${typeof value} is no JSON`);
  // The default order of `sort` is the one that RFC 8785 asks for.
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${keyText(key)}:${textOf(value[key] as JsonValue, depth + 1)}`);
  return `{${fields.join(',')}}`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function keyText(key: string): string {
  // Copying such an object would set a prototype, in this program and in others.
  if (key === '__proto__') throw new NotCanonical('the key `__proto__` is not allowed');
  return stringText(key);
}

function stringText(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new NotCanonical('half of a surrogate pair is no text');
  return JSON.stringify(text);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
