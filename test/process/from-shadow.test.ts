/** The built program on the way from shadow to enforcement: a candidate, an exception, a block. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadedPackages, SERVING_PACKAGES } from '../support/loaded-packages.js';
import { testDocument } from '../support/rollout-place.js';
import { ask, createPod, runs } from '../support/rollout-pod.js';
import { waitFor } from '../support/wait.js';

const HOUR_MS = 3_600_000;
const time = (ms: number) => new Date(Date.now() + ms).toISOString();
const entry = (name: string, match: string) =>
  `[{name: ${name}, ticket: INC-1, owner: o, reason: r, match: {${match}}, ` +
  `from: "${time(-HOUR_MS)}", until: "${time(HOUR_MS)}"}]`;

/** Bundle N allows GET /N and nothing else. */
it('compares a candidate as soon as it is there, counts uses of exceptions, and blocks', async () => {
  const { root, rollout, start, put } = await createPod();
  const coverage = join(root, 'coverage');
  await put(1);
  const exceptions = entry('let', 'actions: [GET]');
  const issued = { payload: { issuedAt: time(0) }, statement: { signedAt: time(0) } };
  const first = testDocument(1, 1, { candidate: 2, source: { exceptions }, ...issued });
  await rollout.write({ 'orders.json': first });
  const env = { NODE_V8_COVERAGE: coverage, CEDARGATE_DRAIN_MS: '0' };
  const sidecar = await start([], { env });
  await runs(sidecar, 1);
  const candidate = async () => (await sidecar.status()).candidate as Record<string, unknown>;
  await waitFor('the reason', async () => (await candidate()).problem);
  expect(await candidate()).toMatchObject({
    ...{ version: '2', loaded_at: null, problem: { code: 'bundle_not_on_shelf' } },
  });
  expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'allow' });

  await put(2);
  await waitFor('the candidate', async () => (await candidate()).loaded_at);
  expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'allow' });
  const flip = await sidecar.waitForLine((line) => line.flip === true);
  expect(flip).toMatchObject({
    ...{ decision: 'allow', outcome: 'allow', policy_version: expect.stringMatching(/^1\+/) },
    candidate: { version: '2', decision: 'deny', reason: 'no_permit', policies: [] },
  });
  expect(await ask(sidecar, '/2')).toMatchObject({ outcome: 'allow', reason: 'exception' });
  const flips = (from: string, to: string) =>
    sidecar.metric(`cedargate_flips_total{from="${from}",to="${to}"}`);
  expect([await flips('allow', 'deny'), await flips('deny', 'allow')]).toEqual([1, 1]);
  expect(await sidecar.metric('cedargate_candidate_checks_total')).toBe(2);
  expect(await sidecar.metric('cedargate_cache_requests_total{result="miss"}')).toBeGreaterThan(0);
  expect(sidecar.output()).toContain('the candidate is compared from now on');
  const roles = (await sidecar.admin('/metrics')).body.match(/^cedargate_bundle_info\{.*$/gm);
  expect(roles?.map((line) => /role="(\w+)"/.exec(line)?.[1])).toEqual(['active', 'candidate']);

  expect((await sidecar.status()).exceptions).toMatchObject([
    { name: 'let', uses: 1, ends_soon: true, first_used: expect.any(String) },
  ]);
  expect(sidecar.output()).toContain('an exception is used for the first time');
  expect(await sidecar.metric('cedargate_exception_uses_total{exception="let"}')).toBe(1);
  expect(await sidecar.metric('cedargate_exceptions_unused{rollout="orders"}')).toBe(0);

  const blocks = entry('stop', 'actions: [GET]');
  await rollout.write({
    'orders.json': testDocument(2, 1, { candidate: 2, source: { exceptions, blocks }, ...issued }),
  });
  await runs(sidecar, 2);
  expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'deny', reason: 'blocked' });
  expect((await candidate()).loaded_at).not.toBeNull();
  const blocked = await sidecar.waitForLine((line) => line.reason === 'blocked');
  expect(blocked).toMatchObject({ candidate: null, flip: null, slice: 'stop' });

  // All that serving took, changes included: nothing that only commands need came with it.
  expect(await sidecar.stop()).toBe(0);
  const loaded = await loadedPackages(coverage);
  const expected = [...SERVING_PACKAGES, '@cedar-policy/cedar-wasm', 'prom-client'];
  expect([...loaded]).toEqual(expect.arrayContaining(expected));
  for (const name of ['zod', '@grpc/proto-loader', 'protobufjs', 'grpc-health-check', 'fflate']) {
    expect(loaded).not.toContain(name);
  }
});
