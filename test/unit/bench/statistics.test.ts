import { describe, expect, it } from 'vitest';
import { medianOf, percentileOf, spreadOf } from '../../../bench/statistics.js';

describe('statistics', () => {
  it('takes the middle of an odd and the mean of the two middle ones of an even number', () => {
    expect(medianOf([9, 1, 10])).toBe(9);
    expect(medianOf([10, 1, 4, 2])).toBe(3);
  });

  it('tells how far the rounds lie apart', () => {
    expect(spreadOf([3, 100, 20])).toEqual({ median: 20, min: 3, max: 100, count: 3 });
  });

  it('takes percentiles by nearest rank, never between two values', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentileOf(hundred, 50)).toBe(50);
    expect(percentileOf(hundred, 99)).toBe(99);
    expect(percentileOf([7], 99)).toBe(7);
  });

  it('refuses to summarise nothing', () => {
    expect(() => spreadOf([])).toThrow('no values');
  });
});
