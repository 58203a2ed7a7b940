import { describe, expect, it } from 'vitest';
import { listText, requestsText, takesAll } from '../../../src/rollout/match-words.js';
import type { Match } from '../../../src/rollout/types.js';

const COVERED = ['shop/orders', 'shop/carts'];

const MATCHES: readonly (readonly [Match, string])[] = [
  [{}, 'all requests of all callers to shop/orders and shop/carts'],
  [
    { actions: ['GET'], destinations: ['shop/orders'] },
    'GET requests of all callers to shop/orders',
  ],
  [{ access: 'read', destinations: ['a/b'] }, 'reading requests of all callers to a/b'],
  [
    { access: 'write', actions: ['POST', 'rpc'], destinations: ['a/b'] },
    'writing POST and rpc requests of all callers to a/b',
  ],
  [
    { callers: ['spiffe://x/**', 'anonymous'], destinations: ['a/b'] },
    'all requests of spiffe://x/** and anonymous to a/b',
  ],
  [
    { namespaces: ['web', 'api'], tenants: ['acme'], destinations: ['a/b'] },
    'all requests of callers in namespaces web or api with tenant acme to a/b',
  ],
  [
    { trustDomains: ['x.org'], percent: 25, destinations: ['a/b'] },
    'all requests of 25 % of callers of trust domain x.org to a/b',
  ],
  [{ percent: 5, destinations: ['a/b'] }, 'all requests of 5 % of all callers to a/b'],
  [
    { unidentified: true, destinations: ['a/b'] },
    'all requests of callers whose identity cannot be read to a/b',
  ],
  [
    { unidentified: true, callers: ['spiffe://x/a'], destinations: ['a/b'] },
    'all requests of spiffe://x/a, and of callers whose identity cannot be read to a/b',
  ],
  [
    { routes: ['refund'], destinations: ['a/b'] },
    'all requests of all callers to a/b on route refund',
  ],
];

describe('a match in words', () => {
  it.each(MATCHES)('%j', (match, words) => {
    expect(requestsText(match, COVERED)).toBe(words);
  });

  it('takes everything only without any key', () => {
    expect(MATCHES.filter(([match]) => takesAll(match))).toHaveLength(1);
  });
});

describe('a list in words', () => {
  it.each([
    [[], 'nothing'],
    [['a'], 'a'],
    [['a', 'b'], 'a and b'],
    [['a', 'b', 'c'], 'a, b and c'],
  ])('%j', (names, words) => {
    expect(listText(names)).toBe(words);
  });
});
