/** What a client and the access log get for every outcome, through both shipped profiles. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valuesOf } from '../support/http-client.js';
import { describeWithEnvoy } from '../support/suites.js';
import type { Echo } from '../support/upstream.js';
import { type Caller, startWorld, type World } from '../support/world.js';

const STAMP = /^1\.0\.0\+[0-9a-f]{12}\.unsigned$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const SPOOF = {
  'x-cedargate-policy-version': ['9.9.9', '8.8.8'],
  'x-cedargate-decision-id': 'spoofed',
  'x-cedargate-mode': 'spoofed',
};

interface Case {
  readonly what: string;
  readonly caller: Caller;
  readonly method: string;
  readonly path: string;
  readonly decision: string;
  readonly reason: string;
  /** In enforce; in shadow every one of these passes. */
  readonly enforced: { readonly outcome: string; readonly status: number };
}

const allow = { outcome: 'allow', status: 200 };
const forbidden = { outcome: 'deny', status: 403 };
const bad = { outcome: 'deny', status: 400 };
const CASES: readonly Case[] = [
  {
    what: 'a permit',
    caller: 'orders',
    method: 'GET',
    path: '/refunds/1?full=yes',
    decision: 'allow',
    reason: 'policy_permit',
    enforced: allow,
  },
  {
    what: 'no permit',
    caller: 'batch',
    method: 'GET',
    path: '/refunds/1',
    decision: 'deny',
    reason: 'no_permit',
    enforced: forbidden,
  },
  {
    what: 'a forbid',
    caller: 'orders',
    method: 'DELETE',
    path: '/refunds/1',
    decision: 'deny',
    reason: 'policy_forbid',
    enforced: forbidden,
  },
  {
    what: 'a path read in two ways',
    caller: 'orders',
    method: 'GET',
    path: '/refunds/1;x=%252e',
    decision: 'error',
    reason: 'path_rejected',
    enforced: bad,
  },
  {
    what: 'a method of no schema',
    caller: 'orders',
    method: 'PROPFIND',
    path: '/refunds/1',
    decision: 'error',
    reason: 'action_unknown',
    enforced: forbidden,
  },
];

describeWithEnvoy.each([
  { profile: 'observe', mode: 'shadow' },
  { profile: 'enforcing', mode: 'enforce' },
] as const)('profile $profile, mode $mode', ({ profile, mode }) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ profile, mode, upstream: { responseHeaders: SPOOF } });
  });
  afterAll(() => world?.stop());

  it.each(CASES)(
    'answers $what ($reason)',
    async ({ caller, method, path, decision, reason, enforced }) => {
      const expected = mode === 'shadow' ? allow : enforced;
      const before = world.upstream.count();
      const answer = await world.send(caller, { method, path, headers: SPOOF });

      expect(answer.status).toBe(expected.status);
      const [version, ...otherVersions] = valuesOf(answer, 'x-cedargate-policy-version');
      expect(version).toMatch(STAMP);
      expect(otherVersions).toEqual([]);
      const [id, ...otherIds] = valuesOf(answer, 'x-cedargate-decision-id');
      expect(id).toMatch(UUID_V7);
      expect(otherIds).toEqual([]);
      // Off by default, so whoever sends it, it is not ours.
      expect(valuesOf(answer, 'x-cedargate-mode')).toEqual([]);
      expect(world.upstream.count() - before).toBe(expected.outcome === 'allow' ? 1 : 0);
      if (expected.outcome === 'allow') expect(answer.json<Echo>()).toMatchObject({ method });
      else expect(answer.body).toContain(`decision id: ${id}`);

      const access = await world.envoy.waitForAccessLog((line) => line.decision_id === id);
      expect(access).toMatchObject({
        policy_version: version,
        decision,
        mode,
        outcome: expected.outcome,
        reason,
        method,
        path: path.split('?')[0],
        status: expected.status,
        flags: expected.outcome === 'allow' ? '-' : 'UAEX',
        caller: `spiffe://example.org/ns/shop/sa/${caller}`,
      });
      expect(await world.decision(answer)).toMatchObject({
        decision_id: id,
        policy_version: version,
        decision,
        mode,
        outcome: expected.outcome,
        reason,
        would_deny: mode === 'shadow' && decision !== 'allow',
        method,
        principal: `spiffe://example.org/ns/shop/sa/${caller}`,
      });
    },
  );

  it('keeps the headers that replace a method or path from the upstream, not from cedargate', async () => {
    const headers = {
      'x-http-method-override': 'DELETE',
      'x-http-method': 'DELETE',
      'x-method-override': 'DELETE',
      'x-original-url': '/admin',
      'x-rewrite-url': '/admin',
    };
    const answer = await world.send('batch', { path: '/override', headers });
    // The policy `override-probe` permits only when cedargate sees the header.
    expect(await world.decision(answer)).toMatchObject({ policies: ['override-probe'] });
    expect(answer.status).toBe(200);
    const seen = answer.json<Echo>().headers;
    for (const name of Object.keys(headers)) expect(seen).not.toHaveProperty(name);
  });

  it('writes the caller for the upstream itself, whatever the client claims', async () => {
    const answer = await world.send('orders', {
      headers: { 'x-forwarded-client-cert': 'URI=spiffe://example.org/ns/shop/sa/root' },
    });
    const xfcc = answer.json<Echo>().headers['x-forwarded-client-cert'];
    expect(xfcc).toContain('URI=spiffe://example.org/ns/shop/sa/orders');
    expect(xfcc).not.toContain('root');
  });

  it.each(['/a%2Fb', '/a%5Cb'])('has Envoy itself refuse %s, without asking', async (path) => {
    const answer = await world.send('orders', { path });
    expect(answer.status).toBe(400);
    expect(valuesOf(answer, 'x-cedargate-policy-version')).toEqual([]);
  });

  it('decides the path that the upstream gets, after Envoy has normalised it', async () => {
    const answer = await world.send('orders', { path: '/refunds//./a/../1' });
    expect(answer.json<Echo>().path).toBe('/refunds/1');
    expect(await world.decision(answer)).toMatchObject({ path: '/refunds/1' });
  });
});

describeWithEnvoy('a sidecar that cannot decide', () => {
  describe.each([
    { profile: 'observe', mode: 'shadow', status: 200 },
    { profile: 'enforcing', mode: 'enforce', status: 503 },
  ] as const)('under profile $profile, mode $mode', ({ profile, mode, status }) => {
    let world: World;
    beforeAll(async () => {
      // The last --service wins: one that the bundle does not cover.
      world = await startWorld({ profile, mode, args: ['--service', 'shop/other'] });
    });
    afterAll(() => world?.stop());

    it(`answers ${status}, stamped and logged`, async () => {
      const answer = await world.send('orders', { path: '/refunds/1' });
      expect(answer.status).toBe(status);
      expect(answer.headers['x-cedargate-policy-version']).toMatch(STAMP);
      const id = answer.headers['x-cedargate-decision-id'];
      expect(await world.envoy.waitForAccessLog((line) => line.decision_id === id)).toMatchObject({
        decision: 'error',
        outcome: mode === 'shadow' ? 'allow' : 'fail',
        reason: 'destination_not_covered',
        details: mode === 'shadow' ? 'via_upstream' : 'ext_authz_error',
      });
    });
  });
});
