import { describe, expect, it } from 'vitest';
import { bareRecord } from '../../src/bare-record.js';

describe('a bare record', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'has no %s of its own, and takes one like any other name',
    (name) => {
      const record = bareRecord<string>();
      expect(name in record).toBe(false);
      record[name] = 'value';
      expect(JSON.stringify(record)).toBe(`{"${name}":"value"}`);
      expect(Object.keys(record)).toEqual([name]);
      expect(name in bareRecord()).toBe(false);
    },
  );

  it('inherits nothing that could be changed for all of them', () => {
    const shared = Object.getPrototypeOf(bareRecord()) as object;
    expect(Object.getPrototypeOf(shared)).toBeNull();
    expect(Object.isFrozen(shared)).toBe(true);
  });
});
