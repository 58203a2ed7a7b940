/** The built program serving approved rollouts: `serve --bundles --rollout --trust --state`. */
import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decodeResponse, httpRequest } from '../support/check-request.js';
import { testBundle, testDocument } from '../support/rollout-place.js';
import { ask, createPod, refuses, runs } from '../support/rollout-pod.js';
import { digestOf, makeEmergency } from '../support/rollouts.js';
import { waitFor } from '../support/wait.js';
import { connect } from '../unit/server/grpc-client.js';

/** Bundle N allows GET /N and nothing else. */
describe('an approved rollout', () => {
  it('is not ready and fails before the first document, and serves it when both are there', async () => {
    const { rollout, start, put } = await createPod();
    const sidecar = await start();
    expect(await sidecar.admin('/readyz')).toMatchObject({ status: 503 });
    expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'fail', reason: 'no_bundle' });
    await rollout.write({ 'orders.json': testDocument(1, 1) });
    await runs(sidecar, 1);
    // Everything is enforced, and there is no bundle.
    expect(await sidecar.admin('/readyz')).toMatchObject({ status: 503 });
    expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'fail', stamp: 'none.r1' });
    await put(1);
    await waitFor('readiness', async () => (await sidecar.admin('/readyz')).status === 200);
    expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'allow' });
    expect((await ask(sidecar, '/1')).stamp).toMatch(/^1\+[0-9a-f]{12}\.r1$/);
    expect(await ask(sidecar, '/2')).toMatchObject({ outcome: 'deny', reason: 'no_permit' });
  });

  it('goes on with the former generation until the bundle of the next document arrives', async () => {
    const { rollout, start, put } = await createPod();
    await put(1);
    await rollout.write({ 'orders.json': testDocument(1, 1) });
    const sidecar = await start();
    await runs(sidecar, 1);
    await rollout.write({ 'orders.json': testDocument(2, 2, { rollback: 1 }) });
    await waitFor('the lag', async () => (await sidecar.status()).lag);
    expect(await sidecar.status()).toMatchObject({
      ready: true,
      rollout: { sequence: 1 },
      approved: { sequence: 2 },
      lag: { reason: 'bundle_not_on_shelf' },
    });
    expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'allow' });
    await put(2);
    await runs(sidecar, 2);
    expect(await sidecar.status()).toMatchObject({ lag: null, last_refusal: null });
    expect(await ask(sidecar, '/2')).toMatchObject({ outcome: 'allow' });
  });

  it('refuses an older document, also after a restart, and runs what it ran from its state alone', async () => {
    const { at, rollout, start, put } = await createPod();
    await put(2);
    await rollout.write({ 'orders.json': testDocument(5, 2) });
    const first = await start();
    await runs(first, 5);
    await rollout.write({ 'orders.json': testDocument(4, 2) });
    await refuses(first, 'rollout_sequence');
    await first.kill();
    // The volumes are broken: what is left is the state directory.
    await rm(at('bundles'), { recursive: true });
    const second = await start();
    await runs(second, 5);
    await refuses(second, 'rollout_sequence');
    expect(await second.admin('/readyz')).toMatchObject({ status: 200 });
    expect(await ask(second, '/2')).toMatchObject({ outcome: 'allow' });
  });

  it('stops a revoked bundle at once and goes back, and the emergency stays visible', async () => {
    const { rollout, start, put } = await createPod();
    await put(1, 2);
    const base = testDocument(7, 2, { rollback: 1 });
    await rollout.write({ 'orders.json': base });
    const sidecar = await start();
    await runs(sidecar, 7);
    const revoke = makeEmergency({ base, payload: { relax: [], revoke: [testBundle(2).digest] } });
    await rollout.write({ 'orders.json': revoke });
    await runs(sidecar, 8);
    expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'allow' });
    expect(await sidecar.status()).toMatchObject({
      bundle: { version: '1' },
      emergency: { ticket: 'INC-7', author: 'erin' },
    });
    expect(await sidecar.metric('cedargate_emergency_unreconciled{rollout="orders"}')).toBe(1);
    // Nothing overtakes it but what takes it over.
    await rollout.write({ 'orders.json': testDocument(9, 1) });
    await refuses(sidecar, 'emergency_unreconciled');
    await rollout.write({
      'orders.json': testDocument(9, 1, { payload: { reconciles: [digestOf(revoke)] } }),
    });
    await runs(sidecar, 9);
    expect(await sidecar.metric('cedargate_emergency_unreconciled{rollout="orders"}')).toBe(0);
  });

  it('tells of each change who stands behind it, and of each refusal once', async () => {
    const { rollout, start, put } = await createPod();
    await put(1);
    await rollout.write({ 'orders.json': testDocument(3, 1) });
    const sidecar = await start();
    await runs(sidecar, 3);
    await rollout.write({ 'orders.json': testDocument(4, 1, { approvals: 0 }) });
    await refuses(sidecar, 'approvals_missing');
    const changes = () => sidecar.lines.filter(({ type }) => type === 'change');
    await waitFor('both change lines', () => changes().length >= 2);
    expect(changes()).toMatchObject([
      {
        result: 'taken',
        rollout: 'orders',
        sequence: 3,
        ticket: 'CHG-1041',
        author: 'ada',
        approvers: ['bob', 'carol'],
        from: null,
      },
      {
        result: 'refused',
        reason: 'approvals_missing',
        file: expect.stringContaining('orders.json'),
      },
    ]);
  });

  it('decides nothing without its log where that is required, and goes on when it is read', async () => {
    const { rollout, start, put } = await createPod();
    await put(1);
    const source = { destinations: '[{service: shop/orders, requireLog: true}]' };
    await rollout.write({ 'orders.json': testDocument(3, 1, { source }) });
    const sidecar = await start([], { env: { CEDARGATE_LOG_SAMPLE_ALLOWS: '0' } });
    await runs(sidecar, 3);
    sidecar.stall();
    const client = connect(sidecar.listen[0] as string);
    // Lines of about 9 KB: the queue is full after a thousand of them.
    const message = httpRequest({ path: `/${'x'.repeat(7_000)}` });
    const reasons = new Set<string | undefined>();
    await waitFor('a full log', async () => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => client.check(message)));
      for (const answer of answers) {
        reasons.add(decodeResponse(answer).dynamic_metadata?.fields?.reason?.stringValue);
      }
      return reasons.has('overload');
    });
    client.close();
    expect([...reasons]).toEqual(['no_permit', 'overload']);
    expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'fail', reason: 'overload' });
    sidecar.read();
    await waitFor('room', async () => (await ask(sidecar, '/1')).outcome === 'allow');
    sidecar.signal('SIGTERM');
    expect(await sidecar.ended).toBe(0);
    const last = /"checks":(\d+),"logged":(\d+),"sampled":0,"dropped":(\d+),"limited":0/;
    const [, checks, logged, dropped] = (last.exec(sidecar.output()) ?? []).map(Number);
    expect(Number(logged) + Number(dropped)).toBe(checks);
    const decisions = sidecar.lines.filter(({ type }) => type === 'decision');
    expect(decisions).toHaveLength(Number(logged));
    // All that was decided has its line.
    expect(decisions.at(-1)).toMatchObject({ decision: 'allow', sampled_share: 1 });
  });
});
