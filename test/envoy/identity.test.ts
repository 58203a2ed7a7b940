/** Who a caller is, told by real certificates through a real Envoy. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LeafOptions } from '../support/certs.js';
import type { EnvoyConfig } from '../support/envoy.js';
import { describeWithEnvoy } from '../support/suites.js';
import { CALLERS, startWorld, type World } from '../support/world.js';

const ORDERS = CALLERS.orders;
const REJECTED = { status: 403, reason: 'identity_rejected' };
const PERMITTED = { status: 200, reason: 'policy_permit', principal: ORDERS };

interface Case {
  readonly what: string;
  /** undefined: the caller has no certificate. */
  readonly leaf: LeafOptions | undefined;
  readonly lenient: object;
  readonly strict: object;
}

const CASES: readonly Case[] = [
  { what: 'one SPIFFE URI', leaf: { uris: [ORDERS] }, lenient: PERMITTED, strict: PERMITTED },
  {
    what: 'a SPIFFE URI beside a DNS name',
    leaf: { uris: [ORDERS], dns: ['web.test'] },
    lenient: PERMITTED,
    strict: PERMITTED,
  },
  // Envoy reads both as the same text: only the certificate tells them apart.
  {
    what: 'a DNS name with the text of a SPIFFE ID',
    leaf: { dns: [ORDERS] },
    lenient: PERMITTED,
    strict: REJECTED,
  },
  {
    what: 'two SPIFFE URIs',
    leaf: { uris: [ORDERS, 'spiffe://example.org/ns/shop/sa/root'] },
    lenient: PERMITTED,
    strict: REJECTED,
  },
  {
    what: 'another URI before the SPIFFE one',
    leaf: { uris: ['https://x.test/', ORDERS] },
    lenient: REJECTED,
    strict: REJECTED,
  },
  { what: 'an empty URI', leaf: { uris: [''] }, lenient: REJECTED, strict: REJECTED },
  {
    what: 'an empty URI beside a DNS name',
    leaf: { uris: [''], dns: [ORDERS] },
    lenient: REJECTED,
    strict: REJECTED,
  },
  { what: 'no name at all', leaf: {}, lenient: REJECTED, strict: REJECTED },
  {
    what: 'a subject and no SAN',
    leaf: { subject: { CN: ORDERS } },
    lenient: REJECTED,
    strict: REJECTED,
  },
  {
    what: 'a subject with more than a SPIFFE ID',
    leaf: { subject: { CN: ORDERS, O: 'Lab, Inc', C: 'NZ' } },
    lenient: REJECTED,
    strict: REJECTED,
  },
  {
    what: 'an e-mail address',
    leaf: { emails: ['orders@example.org'] },
    lenient: REJECTED,
    strict: REJECTED,
  },
  {
    what: 'a NUL in the URI',
    leaf: { uris: [`${ORDERS}\0.evil`] },
    lenient: REJECTED,
    strict: REJECTED,
  },
  {
    what: 'a comma in the URI',
    leaf: { uris: [`${ORDERS},x`] },
    lenient: REJECTED,
    strict: REJECTED,
  },
  {
    what: 'a port in the trust domain',
    leaf: { uris: ['spiffe://example.org:8443/ns/shop/sa/orders'] },
    lenient: REJECTED,
    strict: REJECTED,
  },
  {
    what: 'percent encoding',
    leaf: { uris: ['spiffe://example.org/ns/shop/sa/%6frders'] },
    lenient: REJECTED,
    strict: REJECTED,
  },
  {
    what: 'upper case',
    leaf: { uris: ['SPIFFE://EXAMPLE.ORG/ns/shop/sa/orders'] },
    lenient: REJECTED,
    strict: REJECTED,
  },
  {
    what: 'no certificate',
    leaf: undefined,
    lenient: { status: 403, reason: 'no_permit', principal: 'anonymous' },
    strict: { status: 403, reason: 'no_permit', principal: 'anonymous' },
  },
];

describeWithEnvoy.each(['lenient', 'strict'] as const)('a caller, identity %s', (setting) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({
      profile: 'enforcing',
      mode: 'enforce',
      env: { CEDARGATE_STRICT_IDENTITY: String(setting === 'strict') },
      edit: certificateOptional,
    });
  });
  afterAll(() => world?.stop());

  it.each(CASES.map((c, i) => ({ ...c, i })))('with $what', async ({ leaf, i, ...expected }) => {
    const caller = leaf === undefined ? 'nobody' : world.ca.leaf(`case-${i}`, leaf);
    const answer = await world.send(caller, { path: '/refunds/1' });
    const line = await world.decision(answer);
    expect({ status: answer.status, ...line }).toMatchObject(expected[setting]);
    if (line.reason === 'identity_rejected') expect(line.principal ?? null).toBeNull();
  });
});

function certificateOptional(config: EnvoyConfig): void {
  const [chain] = config.static_resources.listeners[0].filter_chains;
  chain.transport_socket.typed_config.require_client_certificate = false;
}
