import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IDENTITY_RULES, parseSpiffeId, readCaller } from '../../../src/check/identity.js';
import { Stop } from '../../../src/check/stop.js';

describe('a canonical SPIFFE ID is a workload', () => {
  it('in its namespace and trust domain for the Kubernetes form', () => {
    const principal = 'spiffe://example.org/ns/shop/sa/orders';
    expect(readCaller({ principal, certificate: '' }, false)).toEqual({
      name: principal,
      id: {
        text: principal,
        trustDomain: 'example.org',
        kubernetes: { namespace: 'shop', serviceAccount: 'orders' },
      },
      entity: {
        uid: { type: 'Workload', id: principal },
        attrs: { namespace: 'shop', serviceAccount: 'orders' },
        parents: [
          { type: 'Namespace', id: 'example.org/shop' },
          { type: 'TrustDomain', id: 'example.org' },
        ],
      },
      ancestors: [
        { uid: { type: 'TrustDomain', id: 'example.org' }, attrs: {}, parents: [] },
        {
          uid: { type: 'Namespace', id: 'example.org/shop' },
          attrs: {},
          parents: [{ type: 'TrustDomain', id: 'example.org' }],
        },
      ],
    });
  });

  it.each([
    'spiffe://example.org',
    'spiffe://example.org/billing/payments',
    'spiffe://a-b_c.1/x',
    'spiffe://example.org/ns/shop/sa/orders/extra',
    'spiffe://example.org/sa/orders/ns/shop',
  ])('in its trust domain alone otherwise: %s', (principal) => {
    const caller = readCaller({ principal, certificate: '' }, false);
    expect(caller).toMatchObject({ name: principal, entity: { attrs: {} } });
    expect(caller instanceof Stop ? [] : caller.entity.parents).toHaveLength(1);
  });
});

describe('no principal', () => {
  it('is anonymous when there is no certificate either', () => {
    expect(readCaller({ principal: '', certificate: '' }, true)).toMatchObject({
      name: 'anonymous',
      entity: { uid: { type: 'Anonymous', id: 'anonymous' } },
    });
  });

  it('is rejected beside a certificate: an empty URI SAN', () => {
    const caller = readCaller({ principal: '', certificate: '-----BEGIN' }, false);
    expect(caller).toMatchObject({
      reason: 'identity_rejected',
      error: { code: 'identity_empty_san' },
    });
  });
});

describe('a principal that is there and not canonical is an error, never anonymous', () => {
  const table: [principal: string, rule: string][] = [
    ['web.test', 'identity_not_spiffe'],
    ['CN=client', 'identity_not_spiffe'],
    ['CN=spiffe://td.test/ns/a/sa/b,O=Lab', 'identity_not_spiffe'],
    ['https://example.org/x', 'identity_not_spiffe'],
    ['SPIFFE://example.org/x', 'identity_not_spiffe'],
    [' spiffe://example.org/x', 'identity_not_spiffe'],
    ['spiffe://', 'identity_trust_domain'],
    ['spiffe:///x', 'identity_trust_domain'],
    ['spiffe://Example.org/x', 'identity_trust_domain'],
    ['spiffe://example.org:8443/x', 'identity_trust_domain'],
    ['spiffe://user@example.org/x', 'identity_trust_domain'],
    ['spiffe://example%2eorg/x', 'identity_trust_domain'],
    ['spiffe://example.org?x=1', 'identity_trust_domain'],
    [`spiffe://${'a'.repeat(256)}/x`, 'identity_trust_domain'],
    ['spiffe://example.org/', 'identity_path'],
    ['spiffe://example.org/a/', 'identity_path'],
    ['spiffe://example.org//a', 'identity_path'],
    ['spiffe://example.org/.', 'identity_path'],
    ['spiffe://example.org/a/../b', 'identity_path'],
    ['spiffe://example.org/ns/a\u0000.evil/x', 'identity_path'],
    ['spiffe://example.org/a%66', 'identity_path'],
    ['spiffe://example.org/a,spiffe://example.org/b', 'identity_path'],
    ['spiffe://example.org/a?x=1', 'identity_path'],
    ['spiffe://example.org/a#x', 'identity_path'],
    ['spiffe://example.org/a b', 'identity_path'],
    ['spiffe://example.org/é', 'identity_path'],
    ['spiffe://example.org/a\n', 'identity_path'],
    [`spiffe://example.org/${'a'.repeat(2048)}`, 'identity_too_long'],
  ];
  it.each(table)('%j breaks %s', (principal, code) => {
    expect(readCaller({ principal, certificate: '' }, false)).toMatchObject({
      reason: 'identity_rejected',
      error: { code },
    });
  });

  it('whatever the text: a workload has exactly that text as its id, or a known rule is broken', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((tail) => `spiffe://${tail}`),
      fc.stringMatching(/^spiffe:\/\/[a-z0-9.]{1,5}(\/[a-z0-9.%:]{0,4}){0,5}$/),
    );
    fc.assert(
      fc.property(texts, (principal) => {
        fc.pre(principal !== '');
        const caller = readCaller({ principal, certificate: '' }, false);
        if (caller instanceof Stop) {
          expect(Object.keys(IDENTITY_RULES)).toContain(caller.error.code);
          return;
        }
        expect(caller.entity.uid).toEqual({ type: 'Workload', id: principal });
        expect(principal).toMatch(/^spiffe:\/\/[a-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/);
        expect(principal.split('/').slice(3)).not.toContain('..');
      }),
      { numRuns: 3_000 },
    );
  });

  it('never takes the namespace of anything but the four-segment Kubernetes form', () => {
    expect(parseSpiffeId('spiffe://td/ns/a/sa/b')).toMatchObject({
      kubernetes: { namespace: 'a', serviceAccount: 'b' },
    });
    expect(parseSpiffeId('spiffe://td/ns/a/sa/b/c')).toMatchObject({ kubernetes: undefined });
  });
});
