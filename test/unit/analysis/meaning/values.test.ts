import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressClasses } from '../../../../src/analysis/meaning/addresses.js';
import { boxesOf } from '../../../../src/analysis/meaning/boxes.js';
import { shares, spread } from '../../../../src/analysis/meaning/budget.js';
import { valuesToTry } from '../../../../src/analysis/meaning/field-values.js';

describe('classes of addresses', () => {
  it('have one address for every way in which ranges hold it', () => {
    const classes = addressClasses(['10.0.0.0/8', '10.1.0.0/16', '10.1.0.0/16', '2001:db8::/32']);
    const kinds = classes.map(({ address, inside }) => `${address} ${[...inside].join()}`);
    expect(kinds.sort()).toEqual([
      '10.0.0.0 0',
      '10.1.0.0 0,1,2',
      '198.51.100.7 ',
      '2001:db8::7 3',
      '2001:db9:: ',
    ]);
  });

  it('know neighbours, ends and both families', () => {
    const classes = addressClasses(['255.255.255.255', '0.0.0.0/1', '::/0']);
    expect(classes.map(({ inside }) => [...inside].join()).sort()).toEqual(['', '0', '1', '2']);
  });

  it('ignore what is no range', () => {
    expect(addressClasses(['nonsense'])).toHaveLength(2);
  });
});

describe('values of numbers', () => {
  const limit = (value: number, by: '<' | '<=' | '==') =>
    ({ kind: 'limit', value, by, written: String(value), text: `x ${by} ${value}` }) as const;

  it.each([
    [[limit(900, '<=')], [900, 901]],
    [[limit(900, '<')], [899, 900]],
    [[limit(900, '==')], [899, 900]],
    [
      [limit(300, '<='), limit(900, '<=')],
      [300, 900, 901],
    ],
    [
      [limit(5, '<'), limit(5, '<='), limit(5, '==')],
      [4, 5, 6],
    ],
    [[], [0]],
  ])('have one in each part: %#', (atoms, expected) => {
    const { values } = valuesToTry('claims.level', { kind: 'long' }, atoms);
    expect(values.map(({ value }) => value)).toEqual(expected);
  });
});

describe('values of sets', () => {
  const contains = (value: string) => ({ kind: 'contains', value, text: `has ${value}` }) as const;
  const type = { kind: 'set', element: 'string', fillable: true } as const;

  it('are all subsets of few elements, with and without another', () => {
    const { values, complete } = valuesToTry('claims.aud', type, [contains('a'), contains('b')]);
    expect(values).toHaveLength(8);
    expect(complete).toBe(true);
  });

  it('are some subsets of many elements, and say so', () => {
    const atoms = ['a', 'b', 'c', 'd', 'e'].map(contains);
    const { values, complete } = valuesToTry('claims.aud', type, atoms);
    expect(complete).toBe(false);
    expect(values.map(({ value }) => value)).toContainEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('are never empty where an empty one is the same as none', () => {
    const { values } = valuesToTry('query.q', { ...type, fillable: false }, []);
    expect(values.map(({ value }) => value)).toEqual([['other']]);
  });
});

describe('a budget', () => {
  it('gives small cells all they need and the rest to the others', () => {
    expect(shares([3, 1_000, 5, 1_000], 108)).toEqual([3, 50, 5, 50]);
    expect(shares([3, 4], 100)).toEqual([3, 4]);
    expect(shares([3, 4, 5], 2).reduce((a, b) => a + b)).toBe(2);
  });

  it('spreads numbers without repeating one, over all parts', () => {
    const total = fc.integer({ min: 1, max: 5_000 });
    fc.assert(
      fc.property(total, fc.integer({ min: 1, max: 500 }), (size, wanted) => {
        const numbers = [...spread(size, wanted)];
        expect(new Set(numbers).size).toBe(Math.min(size, wanted));
        expect(numbers.every((number) => number >= 0 && number < size)).toBe(true);
        if (wanted < 20 || size < wanted * 2) return;
        // None of four parts is left out.
        expect(new Set(numbers.map((number) => Math.floor((number * 4) / size))).size).toBe(4);
      }),
    );
  });
});

describe('boxes', () => {
  it('cover exactly the combinations, each once', () => {
    const sizes = [2, 3, 2];
    const all = [0, 1].flatMap((a) => [0, 1, 2].flatMap((b) => [0, 1].map((c) => [a, b, c])));
    fc.assert(
      fc.property(fc.subarray(all), (chosen) => {
        const boxes = boxesOf(chosen, sizes);
        for (const combination of all) {
          const holding = boxes.filter((box) =>
            combination.every((digit, index) => box[index]?.has(digit)),
          );
          expect(holding).toHaveLength(chosen.includes(combination) ? 1 : 0);
        }
      }),
    );
  });

  it('are one where dimensions do not matter', () => {
    const chosen = [0, 1, 2].flatMap((b) => [0, 1].map((c) => [1, b, c]));
    expect(boxesOf(chosen, [2, 3, 2])).toEqual([
      [new Set([1]), new Set([0, 1, 2]), new Set([0, 1])],
    ]);
  });
});
