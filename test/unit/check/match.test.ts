import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Answer, compileMatch, type Traits } from '../../../src/check/match.js';
import { PercentBuckets, percentBucket } from '../../../src/check/percent.js';
import type { Match } from '../../../src/rollout/types.js';
import { callerOf, ORDERS, PARTNER, REPORTS, TENANTS, traits } from '../../support/traits.js';

const buckets = new PercentBuckets('seed');

function answer(match: Match, changes: Partial<Traits> = {}, bundle = true): Answer {
  const tenants = bundle ? TENANTS : undefined;
  return compileMatch(match, { tenants, buckets }).answer(traits(changes));
}

const anonymous = { caller: callerOf('anonymous') };
const unidentified = { caller: undefined };
const unreadable = { route: undefined, pathReadable: false };
const partner = { caller: callerOf(PARTNER) };
const reports = { caller: callerOf(REPORTS) };

const CASES: [Match, Partial<Traits>, Answer][] = [
  [{}, {}, 'yes'],
  [{}, anonymous, 'yes'],
  [{}, { ...unidentified, ...unreadable }, 'yes'],

  [{ callers: [ORDERS] }, {}, 'yes'],
  [{ callers: [REPORTS] }, {}, 'no'],
  [{ callers: [REPORTS, ORDERS] }, {}, 'yes'],
  [{ callers: ['spiffe://example.org/ns/*/sa/*'] }, {}, 'yes'],
  [{ callers: ['spiffe://partner.example/**'] }, {}, 'no'],
  [{ callers: ['spiffe://partner.example/**'] }, partner, 'yes'],
  [{ callers: ['anonymous'] }, anonymous, 'yes'],
  [{ callers: ['anonymous'] }, {}, 'no'],
  [{ callers: ['**'] }, anonymous, 'no'],
  [{ callers: ['*'] }, anonymous, 'no'],
  [{ callers: ['**'] }, {}, 'yes'],

  [{ namespaces: ['shop'] }, {}, 'yes'],
  [{ namespaces: ['shop'] }, reports, 'no'],
  [{ namespaces: ['shop'] }, partner, 'no'],
  [{ namespaces: ['shop'] }, anonymous, 'no'],
  [{ trustDomains: ['example.org'] }, {}, 'yes'],
  [{ trustDomains: ['example.org'] }, partner, 'no'],
  [{ trustDomains: ['example.org'] }, anonymous, 'no'],
  [{ tenants: ['red'] }, {}, 'yes'],
  [{ tenants: ['red'] }, reports, 'no'],
  [{ tenants: ['red'] }, partner, 'no'],
  [{ tenants: ['red'] }, anonymous, 'no'],

  [{ destinations: ['shop/payments'] }, {}, 'yes'],
  [{ destinations: ['shop/ledger'] }, {}, 'no'],
  [{ actions: ['GET', 'HEAD'] }, {}, 'yes'],
  [{ actions: ['POST'] }, {}, 'no'],
  [{ actions: ['GET'] }, { action: undefined }, 'no'],
  [{ access: 'read' }, {}, 'yes'],
  [{ access: 'write' }, {}, 'no'],
  [{ access: 'write' }, { access: undefined }, 'unknown'],
  [{ routes: ['refund'] }, {}, 'yes'],
  [{ routes: ['charge'] }, {}, 'no'],
  [{ routes: ['charge'] }, { route: undefined }, 'no'],
  [{ routes: ['charge'] }, unreadable, 'unknown'],
  [{ actions: ['GET'] }, unreadable, 'yes'],
  [{ actions: ['rpc'] }, { ...unreadable, action: undefined }, 'unknown'],

  // Keys are AND, and a clear no is a no, whatever cannot be told beside it.
  [{ callers: [ORDERS], access: 'read', routes: ['refund'] }, {}, 'yes'],
  [{ callers: [ORDERS], access: 'write' }, {}, 'no'],
  [{ callers: [REPORTS], access: 'read' }, {}, 'no'],
  [{ routes: ['charge'], access: 'write' }, unreadable, 'no'],
  [{ routes: ['charge'], access: 'read' }, unreadable, 'unknown'],
  [{ routes: ['charge'], callers: [REPORTS] }, unreadable, 'no'],
  [{ namespaces: ['shop'], trustDomains: ['partner.example'] }, {}, 'no'],

  // An unreadable identity is no caller of any list, unless the entry says so.
  [{ callers: [ORDERS] }, unidentified, 'no'],
  [{ callers: ['**'] }, unidentified, 'no'],
  [{ namespaces: ['shop'] }, unidentified, 'no'],
  [{ trustDomains: ['example.org'] }, unidentified, 'no'],
  [{ tenants: ['red'] }, unidentified, 'no'],
  [{ access: 'read' }, unidentified, 'yes'],
  [{ callers: [ORDERS], unidentified: true }, unidentified, 'yes'],
  [{ callers: [ORDERS], unidentified: true }, {}, 'yes'],
  [{ callers: [ORDERS], unidentified: true }, reports, 'no'],
  [{ tenants: ['red'], namespaces: ['x'], unidentified: true }, unidentified, 'yes'],
  [{ callers: [ORDERS], access: 'write', unidentified: true }, unidentified, 'no'],
  // Without caller keys it takes nobody else.
  [{ unidentified: true }, unidentified, 'yes'],
  [{ unidentified: true }, {}, 'no'],
  [{ unidentified: true }, anonymous, 'no'],
  [{ access: 'read', unidentified: true }, unidentified, 'yes'],
  [{ access: 'read', unidentified: true }, {}, 'no'],

  [{ percent: 99 }, anonymous, 'no'],
  [{ percent: 99 }, unidentified, 'no'],
  [{ percent: 99, callers: ['anonymous'] }, anonymous, 'no'],
  [{ percent: 99, callers: [ORDERS], unidentified: true }, unidentified, 'no'],
];

describe('a match', () => {
  it.each(CASES)('%j and %j: %s', (match, changes, expected) => {
    expect(answer(match, changes)).toBe(expected);
  });

  it.each<[Match, Partial<Traits>, Answer]>([
    [{ routes: ['refund'] }, {}, 'unknown'],
    [{ tenants: ['red'] }, {}, 'unknown'],
    [{ tenants: ['red'] }, anonymous, 'unknown'],
    [{ tenants: ['red'] }, unidentified, 'no'],
    [{ tenants: ['red'], access: 'write' }, {}, 'no'],
    [{ callers: [ORDERS] }, {}, 'yes'],
  ])('without a bundle, %j and %j: %s', (match, changes, expected) => {
    expect(answer(match, changes, false)).toBe(expected);
  });
});

describe('a percentage', () => {
  const callers = Array.from({ length: 5_000 }, (_, i) => `spiffe://example.org/ns/n/sa/s${i}`);
  const inside = (percent: number, seed: string) => {
    const own = new PercentBuckets(seed);
    const match = compileMatch({ percent }, { tenants: TENANTS, buckets: own });
    return new Set(
      callers.filter((name) => match.answer(traits({ caller: callerOf(name) })) === 'yes'),
    );
  };

  it('is the first four bytes of sha256(seed, NUL, caller), modulo 100', () => {
    const bytes = Buffer.concat([Buffer.from('seed'), Buffer.from([0]), Buffer.from(ORDERS)]);
    const hex = createHash('sha256').update(bytes).digest('hex');
    const expected = Number.parseInt(hex.slice(0, 8), 16) % 100;
    expect(percentBucket('seed', ORDERS)).toBe(expected);
    expect(answer({ percent: expected + 1 })).toBe('yes');
    expect(answer({ percent: expected })).toBe('no');
  });

  it.each([1, 25, 50, 99])('of %i takes about that share of callers', (percent) => {
    const share = (100 * inside(percent, 'seed').size) / callers.length;
    expect(Math.abs(share - percent)).toBeLessThan(3);
  });

  it('keeps the callers that it has as it grows', () => {
    let before = inside(1, 'seed');
    for (let percent = 2; percent < 100; percent += 8) {
      const now = inside(percent, 'seed');
      expect([...before].filter((name) => !now.has(name))).toEqual([]);
      before = now;
    }
  });

  it('takes others with another seed', () => {
    const other = inside(25, 'other');
    const both = [...inside(25, 'seed')].filter((name) => other.has(name));
    expect(both.length).toBeLessThan(0.1 * callers.length);
  });

  it('stays the same whoever was asked about before', () => {
    const own = new PercentBuckets('seed');
    for (const name of [ORDERS, REPORTS, ORDERS, ORDERS, PARTNER]) {
      expect(own.of(name)).toBe(percentBucket('seed', name));
    }
  });
});
