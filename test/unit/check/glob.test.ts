import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob } from '../../../src/check/glob.js';

const CASES: [pattern: string, text: string, matches: boolean][] = [
  ['spiffe://a.example/ns/shop/sa/orders', 'spiffe://a.example/ns/shop/sa/orders', true],
  ['spiffe://a.example/ns/shop/sa/orders', 'spiffe://a.example/ns/shop/sa/orders2', false],
  ['spiffe://a.example/ns/shop/sa/orders', 'spiffe://a.example/ns/shop/sa', false],
  ['spiffe://a.example/ns/*/sa/orders', 'spiffe://a.example/ns/shop/sa/orders', true],
  ['spiffe://a.example/ns/*/sa/orders', 'spiffe://a.example/ns/shop/x/sa/orders', false],
  ['spiffe://a.example/ns/shop/sa/*', 'spiffe://a.example/ns/shop/sa/orders', true],
  ['spiffe://a.example/ns/shop/sa/*', 'spiffe://a.example/ns/shop/sa/orders/x', false],
  ['spiffe://a.example/ns/shop/sa/*', 'spiffe://a.example/ns/shop/sa', false],
  ['spiffe://a.example/ns/shop/sa/or*rs', 'spiffe://a.example/ns/shop/sa/orders', true],
  ['spiffe://a.example/ns/shop/sa/or*rs', 'spiffe://a.example/ns/shop/sa/ors', false],
  ['spiffe://a.example/ns/shop/sa/orders*', 'spiffe://a.example/ns/shop/sa/orders', true],
  ['spiffe://a.example/**', 'spiffe://a.example/ns/shop/sa/orders', true],
  ['spiffe://a.example/**', 'spiffe://a.example/x', true],
  ['spiffe://a.example/**', 'spiffe://a.example', false],
  ['spiffe://a.example/**', 'spiffe://a.example.evil.test/x', false],
  ['spiffe://a.example/ns/**', 'spiffe://a.example/nsx/y', false],
  ['spiffe://*.example/**', 'spiffe://a.example/x', true],
  ['spiffe://*.example/**', 'spiffe://a.example.org/x', false],
  ['**', 'spiffe://a.example/x', true],
  ['spiffe://a.example/(x|y)', 'spiffe://a.example/x', false],
  ['spiffe://a.example/a.c', 'spiffe://a.example/abc', false],
];

/** The same by a regular expression, which is no way to do it with patterns from outside. */
function oracle(pattern: string, text: string): boolean {
  const deep = /(^|\/)\*\*$/.test(pattern);
  const plain = (deep ? pattern.slice(0, -2) : pattern)
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*');
  return new RegExp(`^${plain}${deep ? '.+' : ''}$`).test(text);
}

describe('a pattern of SPIFFE IDs', () => {
  it.each(CASES)('%s, %s: %s', (pattern, text, matches) => {
    expect(compileGlob(pattern)(text)).toBe(matches);
    expect(oracle(pattern, text)).toBe(matches);
  });

  it('matches as a regular expression would', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 9 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 7 });
    fc.assert(
      fc.property(pattern, text, (glob, against) => {
        // A deep pattern asks for at least one segment with something in it.
        fc.pre(!against.includes('//') && !against.endsWith('/'));
        expect(compileGlob(glob)(against)).toBe(oracle(glob, against));
      }),
      { numRuns: 3_000 },
    );
  });

  it('takes no time on text that makes a backtracking matcher hang', () => {
    const pattern = `spiffe://a.example/${'*a'.repeat(50)}b`;
    const started = performance.now();
    expect(compileGlob(pattern)(`spiffe://a.example/${'a'.repeat(2_000)}`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(100);
  });
});
