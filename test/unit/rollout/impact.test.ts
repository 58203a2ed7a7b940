import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesDestination, rulesFor } from '../../../src/rollout/destination-rules.js';
import { checkExpiry, isExpired } from '../../../src/rollout/expiry.js';
import { rolloutTrust, verifiedEmergency, verifiedRollout } from '../../support/rollouts.js';

const EXCEPTION =
  'name: x, ticket: INC-1, owner: o, reason: r, match: {access: write}, from: 2026-11-20T00:00:00Z, until: 2026-11-21T00:00:00Z';

describe('impact', () => {
  it.each<[string, Record<string, string>]>([
    ['nothing is enforced', { enforce: '' }],
    ['reads are enforced, by access', { enforce: '[{name: a, match: {access: read}}]' }],
    [
      'a POST that only reads is enforced',
      { enforce: '[{name: a, match: {access: read, actions: [POST, rpc]}}]' },
    ],
    [
      'reads are enforced, by action',
      { enforce: '[{name: a, match: {actions: [GET, HEAD, OPTIONS]}}]' },
    ],
    ['writes are held', { hold: '[{name: h, match: {access: write}}]' }],
    ['an exception stays below forbids', { exceptions: `[{${EXCEPTION}}]` }],
    ['faults deny', { destinations: '[{service: shop/orders, onFault: deny}]' }],
  ])('is low when %s', (_name, source) => {
    expect(verifiedRollout({ source, approvals: 2 }).impact).toBe('low');
  });

  it.each<[string, Record<string, string>]>([
    ['everything is enforced', { enforce: '[{name: a, match: {}}]' }],
    ['writes are enforced, by access', { enforce: '[{name: a, match: {access: write}}]' }],
    ['one of the actions writes', { enforce: '[{name: a, match: {actions: [GET, POST]}}]' }],
    [
      'a GET that writes is enforced',
      { enforce: '[{name: a, match: {access: write, actions: [GET]}}]' },
    ],
    ['rpcs are enforced', { enforce: '[{name: a, match: {actions: [rpc]}}]' }],
    [
      'any of the slices enforces writes',
      { enforce: '[{name: a, match: {access: read}}, {name: b, match: {routes: [refund]}}]' },
    ],
    ['an exception overrides a forbid', { exceptions: `[{${EXCEPTION}, overrideForbid: true}]` }],
    ['faults allow', { destinations: '[{service: shop/orders, onFault: allow}]' }],
    ['a destination is of high impact', { destinations: '[{service: shop/payments}]' }],
  ])('is high when %s', (_name, source) => {
    expect(verifiedRollout({ source, approvals: 2 }).impact).toBe('high');
  });

  it('is the highest of all entries that match a destination', () => {
    const trust = rolloutTrust();
    expect(rulesFor('shop/payments', trust).map(({ impact }) => impact)).toEqual(['low', 'high']);
    expect(rulesFor('shop/orders', trust).map(({ impact }) => impact)).toEqual(['low']);
  });
});

describe('patterns of destinations', () => {
  it.each([
    ['**', 'shop/orders', true],
    ['shop/orders', 'shop/orders', true],
    ['shop/orders', 'shop/orders-2', false],
    ['shop/orders', 'my-shop/orders', false],
    ['shop/*', 'shop/orders', true],
    ['shop/*', 'shopping/orders', false],
    ['shop/**', 'shop/orders', true],
    ['shop/**', 'other/orders', false],
    ['*/orders', 'shop/orders', true],
    ['*/orders', 'shop/reorders', false],
    ['*/*', 'shop/orders', true],
    ['*-test/*', 'shop-test/orders', true],
    ['*-test/*', 'shop/orders-test', false],
    ['shop/a*c*e', 'shop/abcde', true],
    ['shop/a*c*e', 'shop/ace', true],
    ['shop/a*c*e', 'shop/aec', false],
    ['shop/ab*ba', 'shop/aba', false],
    ['shop/ab*ba', 'shop/abba', true],
  ])('%s and %s: %s', (pattern, service, expected) => {
    expect(matchesDestination(pattern, service)).toBe(expected);
  });

  it('fit as the regular expression would that they stand for', () => {
    const part = fc.stringMatching(/^[ab*]{1,8}$/);
    const name = fc.stringMatching(/^[ab]{1,10}$/);
    fc.assert(
      fc.property(part, part, name, name, (first, second, namespace, service) => {
        const regex = new RegExp(`^${`${first}/${second}`.replaceAll(/\*+/g, '[^/]*')}$`);
        const text = `${namespace}/${service}`;
        expect(matchesDestination(`${first}/${second}`, text)).toBe(regex.test(text));
      }),
    );
  });

  it('take time in proportion to the name, whatever their stars', () => {
    const started = performance.now();
    const pattern = `shop/${'*a'.repeat(31)}`;
    for (let i = 0; i < 1_000; i += 1) matchesDestination(pattern, `shop/${'a'.repeat(62)}b`);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('expiry', () => {
  const rollout = verifiedRollout();
  const at = rollout.expiresAtMs;

  it('begins at `expiresAt`, for an emergency at that of its base', () => {
    for (const document of [rollout, verifiedEmergency()]) {
      expect([isExpired(document, at - 1), isExpired(document, at)]).toEqual([false, true]);
    }
  });

  it('refuses a document only where trust.yaml says so', () => {
    expect(checkExpiry(rollout, { refuseExpired: false }, at)).toBeUndefined();
    expect(checkExpiry(rollout, { refuseExpired: true }, at - 1)).toBeUndefined();
    expect(checkExpiry(rollout, { refuseExpired: true }, at)).toMatchObject({
      code: 'rollout_expired',
      message: 'the document expired at 2027-03-24T00:00:00.000Z',
    });
  });
});
