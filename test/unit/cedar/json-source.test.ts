import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainValue } from '../../../src/cedar/entity-source.js';
import { parseJsonSource } from '../../../src/cedar/json-source.js';

function parse(text: string) {
  return parseJsonSource({ file: 'a.json', text });
}

const integers = fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value));
const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(integers, fc.boolean(), fc.constant(null), fc.string({ unit: 'grapheme' })),
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
  ),
}));

describe('reading JSON', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(json, fc.constantFrom('', ' ', '\n\t'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        const parsed = parse(text);
        expect(parsed.ok && plainValue(parsed.value)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    const scraps = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"b"',
        '1',
        '-',
        '01',
        'true',
        'nul',
        ' ',
        '"',
        '\\',
        "'",
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(scraps, (parts) => {
        const text = parts.join('');
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const parsed = parse(text);
        if (!valid) expect(parsed.ok).toBe(false);
        // Duplicate keys are valid JSON that we refuse.
        else if (!parsed.ok) expect(parsed.problems[0].message).toMatch(/appears twice/);
      }),
      { numRuns: 2_000 },
    );
  });
});
