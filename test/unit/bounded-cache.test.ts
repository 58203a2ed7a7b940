import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedCache } from '../../src/bounded-cache.js';

describe('a bounded cache', () => {
  it('gives back what was put in, and nothing else', () => {
    const cache = new BoundedCache<number>({ entriesMax: 2 });
    cache.set('a', 1);
    cache.set('b', 2);
    expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual([1, 2, undefined]);
    cache.set('a', 3);
    expect(cache.get('a')).toBe(3);
    cache.clear();
    expect(cache.get('a')).toBeUndefined();
  });

  it('keeps what is asked for through a flood of what never comes again', () => {
    const cache = new BoundedCache<string>({ entriesMax: 10 });
    cache.set('common', 'here');
    for (let n = 0; n < 1_000; n += 1) {
      cache.set(`flood-${n}`, 'x');
      if (n % 5 === 0) expect(cache.get('common')).toBe('here');
    }
    expect(cache.get('flood-1')).toBeUndefined();
  });

  it('does not keep what is larger than all it may hold', () => {
    const cache = new BoundedCache<string>({ entriesMax: 10, bytesMax: 100 });
    cache.set('small', 'x', 50);
    cache.set('large', 'x', 101);
    expect(cache.get('large')).toBeUndefined();
    expect(cache.get('small')).toBe('x');
  });

  it('never holds more than two generations, and never a wrong value', () => {
    const steps = fc.array(fc.tuple(fc.nat(30), fc.nat(60), fc.boolean()), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (all) => {
        const cache = new BoundedCache<number>({ entriesMax: 8, bytesMax: 100 });
        const written = new Map<string, { value: number; bytes: number }>();
        all.forEach(([name, bytes, writes], value) => {
          const key = `k${name}`;
          if (writes) {
            cache.set(key, value, bytes);
            written.set(key, { value, bytes });
          }
          const found = cache.get(key);
          if (found !== undefined) expect(found).toBe(written.get(key)?.value);
          if (writes) expect(found).toBe(value);
        });
        expect(cache.size).toBeLessThanOrEqual(16);
        const kept = [...written].filter(([key]) => cache.get(key) !== undefined);
        const total = kept.reduce((sum, [, { bytes }]) => sum + bytes, 0);
        expect(total).toBeLessThanOrEqual(200);
      }),
    );
  });
});
