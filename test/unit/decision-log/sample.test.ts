import { describe, expect, it } from 'vitest';
import { createIdSource } from '../../../src/decision-log/decision-id.js';
import { inSample } from '../../../src/decision-log/sample.js';

/** An id whose last eight digits are those of `value`. */
const idOf = (value: number) =>
  `0193b0a0-0000-7000-8000-0000${value.toString(16).padStart(8, '0')}`;
const HIGHEST = 2 ** 32 - 1;

describe('a sample', () => {
  it.each([
    [0, 0, false],
    [0, 0.000_001, true],
    [HIGHEST, 0.999_999, false],
    [HIGHEST, 1, true],
    [2 ** 30 - 1, 0.25, true],
    [2 ** 30, 0.25, false],
  ])('of the id that ends in %d at a share of %d: %s', (value, share, inside) => {
    expect(inSample(idOf(value), share)).toBe(inside);
  });

  it('of all lines is every line, whatever its id', () => {
    expect(inSample('no id of ours', 1)).toBe(true);
    expect(inSample('no id of ours', 0.5)).toBe(false);
  });

  it('has its share of the ids as they are made, of each of two callers in turn', () => {
    const nextId = createIdSource();
    const ids = Array.from({ length: 4_000 }, () => nextId(1_700_000_000_000));
    for (const turn of [0, 1]) {
      const mine = ids.filter((_, index) => index % 2 === turn);
      const share = mine.filter((id) => inSample(id, 0.5)).length / mine.length;
      // Ten times the deviation that chance brings.
      expect(Math.abs(share - 0.5)).toBeLessThan(0.12);
    }
  });

  it('grows with its share: whoever was in it stays', () => {
    const nextId = createIdSource();
    for (let i = 0; i < 200; i += 1) {
      const id = nextId(0);
      if (inSample(id, 0.2)) expect(inSample(id, 0.3)).toBe(true);
    }
  });
});
