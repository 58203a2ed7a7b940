import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalJson,
  type JsonValue,
  parseCanonicalJson,
} from '../../../src/signing/canonical-json.js';

const parse = (text: string | Uint8Array) =>
  parseCanonicalJson(typeof text === 'string' ? Buffer.from(text, 'utf8') : text, 'x.json');

/** Everything that has a canonical text. */
const values = fc.letrec<{ value: JsonValue; text: string }>((tie) => ({
  text: fc.string({ unit: 'binary' }).filter((text) => !/\p{Surrogate}/u.test(text)),
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    tie('text'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      tie('text').filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value;

describe('canonical JSON', () => {
  it('sorts keys by UTF-16 code units, as RFC 8785 does in its example', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    expect(Object.values(JSON.parse(canonicalJson(value)))).toHaveLength(7);
    // JSON.parse would put `1` first in any case, so the order is read from the text.
    expect([...canonicalJson(value).matchAll(/:"(\w+)/g)].map(([, word]) => word)).toEqual([
      ...['Carriage', 'One', 'Control', 'Latin', 'Euro', 'Emoji', 'Hebrew'],
    ]);
  });

  it('has the shortest escapes and no white space', () => {
    const value = { b: [1, -2, true, null], a: '\u20ac$\u000f\nA\'B"\\\\"/' };
    expect(canonicalJson(value)).toBe(
      '{"a":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/","b":[1,-2,true,null]}',
    );
  });

  it.each<[string, JsonValue]>([
    ['a fraction', 1.5],
    ['a number beyond 2^53', 2 ** 53],
    ['no number', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['half of a surrogate pair', '\ud800'],
    ['such a key', { '\udc00': 1 }],
    ['the key __proto__', JSON.parse('{"__proto__":1}')],
    ['undefined', { a: undefined as unknown as JsonValue }],
    ['nesting without end', JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`)],
  ])('has no text for %s', (_name, value) => {
    expect(() => canonicalJson(value)).toThrow();
  });

  it('comes back as what it was', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(parse(canonicalJson(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it('is refused or identical when bytes are changed', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
        const bytes = Buffer.from(canonicalJson(value), 'utf8');
        const index = at % bytes.length;
        bytes[index] = (bytes[index] as number) ^ flip;
        const result = parse(bytes);
        if (result.ok) expect(Buffer.from(canonicalJson(result.value), 'utf8')).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['white space', '{"a": 1}', 'white space'],
    ['a line feed at the end', '{"a":1}\n', 'white space'],
    ['a key twice', '{"a":1,"a":2}', 'a key twice'],
    ['keys out of order', '{"b":1,"a":2}', 'out of order'],
    ['a needless escape', '{"\\u0061":1}', 'escapes'],
    ['an escaped slash', '"\\/"', 'escapes'],
    ['a fraction', '1.5', 'no integer'],
    ['an exponent', '1e3', 'escapes'],
    ['a fraction of zero', '1.0', 'escapes'],
    ['negative zero', '-0', 'escapes'],
    ['a number beyond 2^53', '9007199254740993', 'no integer'],
    ['half of a surrogate pair', '"\\ud800"', 'surrogate'],
    ['__proto__', '{"__proto__":{}}', '__proto__'],
    ['a byte order mark', '\ufeff{}', 'does not parse'],
    ['nothing', '', 'does not parse'],
    ['two values', '1 2', 'does not parse'],
    ['nesting without end', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'nested'],
  ])('is not taken with %s', (_name, text, message) => {
    const result = parse(text);
    expect(result).toMatchObject({
      ok: false,
      problems: [{ code: 'json_not_canonical', file: 'x.json' }],
    });
    expect(JSON.stringify(result)).toContain(message);
  });

  it('is not taken when it is no UTF-8', () => {
    expect(parse(Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({
      problems: [{ message: 'the file is not canonical JSON: it is not valid UTF-8' }],
    });
  });
});
