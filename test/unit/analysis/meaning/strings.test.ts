/** The partition of strings, against all short strings. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ANY_RUN,
  literal,
  MAYBE_SLASH,
  matchesPattern,
  ONE_PLAIN,
  type Pattern,
  PLAIN_RUN,
  partition,
  type Step,
} from '../../../../src/analysis/meaning/strings.js';

const STATES = 10_000;
/** `*`, `+`, `~` and `?` as in the comments of strings.ts, for short tests. */
const SIGNS: Readonly<Record<string, Step>> = {
  '*': ANY_RUN,
  '+': ONE_PLAIN,
  '~': PLAIN_RUN,
  '?': MAYBE_SLASH,
};
const pattern = (text: string): Pattern => [...text].map((sign) => SIGNS[sign] ?? sign);

/** The same as a regular expression: another road to the answer. */
function expression(text: string): RegExp {
  const parts: Readonly<Record<string, string>> = {
    '*': '[^]*',
    '+': '[^/]',
    '~': '[^/]*',
    '?': '/?',
  };
  return new RegExp(`^${[...text].map((sign) => parts[sign] ?? sign).join('')}$`);
}

function strings(alphabet: readonly string[], length: number): string[] {
  const all = [''];
  for (let at = 0, end = 1, size = 0; size < length; size += 1) {
    for (; at < end; at += 1) {
      for (const character of alphabet) all.push((all[at] as string) + character);
    }
    end = all.length;
  }
  return all;
}

describe('partition', () => {
  it.each([
    [['a*', '*b'], ['', 'ax', 'ab', 'b'].length],
    [['*'], 1],
    [[], 1],
    [['ab', 'ab'], 2],
  ])('of %j has %i classes', (texts, count) => {
    const { classes, complete } = partition(texts.map(pattern), { statesMax: STATES });
    expect(classes).toHaveLength(count);
    expect(complete).toBe(true);
  });

  it('finds every combination that some short string has, and no other, with a witness for each', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', '/', '*', '+', '~', '?'),
      maxLength: 4,
    });
    const all = strings(['a', 'b', '/', 'x'], 6);
    fc.assert(
      fc.property(fc.array(text, { maxLength: 3 }), (texts) => {
        const { classes } = partition(texts.map(pattern), { statesMax: STATES });
        const expressions = texts.map(expression);
        const keyOf = (string: string) =>
          expressions.flatMap((test, index) => (test.test(string) ? [index] : [])).join();
        for (const { matches, witness } of classes) expect(keyOf(witness)).toBe(matches.join());
        const found = new Set(classes.map(({ matches }) => matches.join()));
        expect([...new Set(all.map(keyOf))].filter((key) => !found.has(key))).toEqual([]);
        expect(found.size).toBe(classes.length);
      }),
      { numRuns: 60 },
    );
  });

  it('matches a pattern as the expression does', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '/', '*', '+', '~', '?'), maxLength: 5 });
    const string = fc.string({ unit: fc.constantFrom('a', '/', 'x'), maxLength: 6 });
    fc.assert(
      fc.property(text, string, (signs, value) => {
        expect(matchesPattern(pattern(signs), value)).toBe(expression(signs).test(value));
      }),
    );
  });

  it('says so when the search was cut off', () => {
    const patterns = ['*aab*', '*aba*', '*baa*', '*bab*'].map(pattern);
    expect(partition(patterns, { statesMax: STATES }).complete).toBe(true);
    expect(partition(patterns, { statesMax: 20 }).complete).toBe(false);
  });

  it('uses a character that no pattern names', () => {
    const { classes } = partition([literal('x')], { statesMax: STATES });
    const witnesses = classes.map(({ witness }) => witness);
    expect(witnesses).toContain('x');
    expect(witnesses).toHaveLength(2);
  });
});
