/** 3 am: one command, a stand-in for kubectl that writes the volume as kubelet does, a real sidecar. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { decodeResponse, httpRequest } from '../support/check-request.js';
import { createCluster } from '../support/kubectl.js';
import { policyRepository } from '../support/policy-repository.js';
import { type Sidecar, startSidecar } from '../support/sidecar.js';
import { connect } from '../unit/server/grpc-client.js';

const CONFIG_MAP = 'cedargate-rollout-orders';
const KEY = 'orders.json';
const WHY = '--environment dev --ticket CHG-1 --reason why';

async function statusOf(sidecar: Sidecar, path: string): Promise<number> {
  const client = connect(sidecar.listen[0] as string);
  const response = decodeResponse(await client.check(httpRequest({ path })));
  client.close();
  return response.denied_response?.status?.code ?? 200;
}

it('relax --emergency --apply puts a running sidecar into shadow, and prints the timeline', async () => {
  const { root, cedargate, approve, read } = await policyRepository();
  const first = '--service shop/orders --owner team-orders --review-by 2099-01-01';
  await cedargate(`promote orders --bundle test@1 ${first} ${WHY}`, 'ada');
  approve('history/dev/orders/0001.json', 'bob');
  await cedargate(`enforce orders --slice all ${WHY}`, 'ada');
  approve('history/dev/orders/0002.json', 'bob', 'carol');

  const cluster = await createCluster();
  cluster.configMaps.set(CONFIG_MAP, { [KEY]: read('history/dev/orders/0002.json') });
  const labels = { 'app.kubernetes.io/name': 'orders' };
  const pod = await cluster.addPod('orders-a', labels, CONFIG_MAP, KEY);
  const trustDigest = createHash('sha256').update(read('trust.yaml')).digest('hex');
  const sidecar = await startSidecar({
    args: [
      ...['--service', 'shop/orders', '--environment', 'dev'],
      ...['--bundles', join(root, 'bundles'), '--rollout', pod.volume.directory],
      ...['--trust', join(root, 'trust.yaml'), '--trust-digest', `sha256:${trustDigest}`],
      ...['--state', join(root, 'state')],
    ],
  });
  onTestFinished(() => sidecar.kill());
  expect(await statusOf(sidecar, '/other')).toBe(403);

  const url = `http://127.0.0.1:${sidecar.adminPort}/status`;
  const apply = `--apply --kubectl ${cluster.kubectl} --status-url ${url}`;
  const emergency = `relax orders --environment dev --emergency --ticket INC-1 ${apply}`;
  const ran = await cedargate(emergency, 'erin', cluster.env);
  expect(ran).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('emergency 3') });
  expect(ran.stderr).toContain(`patched ConfigMap ${CONFIG_MAP}`);
  expect(ran.stderr).toMatch(/annotated 1 pod[\s\S]*sequence 3/);
  expect(await statusOf(sidecar, '/other')).toBe(200);
  expect(await sidecar.status()).toMatchObject({ emergency: { ticket: 'INC-1', author: 'erin' } });
});

it('approve --apply hands over what counts by then, and nothing before', async () => {
  const { root, cedargate, files } = await policyRepository();
  const first = '--service shop/orders --owner team-orders --review-by 2099-01-01';
  const cluster = await createCluster();
  const apply = `--apply --kubectl ${cluster.kubectl} --timeout 1s`;
  await cedargate(`promote orders --bundle test@1 ${first} ${WHY}`, 'ada');
  const folder = 'history/dev/orders';
  const approve = `approve ${root}/${folder}/0001.json ${apply}`;
  // A slip in a flag costs nothing: nothing is signed.
  const slip = await cedargate(approve.replace('1s', '1'), 'bob', cluster.env);
  expect(slip).toMatchObject({ exitCode: 2, stdout: '' });
  const approved = await cedargate(approve, 'bob', cluster.env);
  // Handed over, and nobody is there to run it.
  expect(approved).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('approved by bob'),
  });
  const { [KEY]: file = '' } = cluster.configMaps.get(CONFIG_MAP) ?? {};
  expect(JSON.parse(file)).toMatchObject({ approvals: [{}] });

  const calls = cluster.calls.length;
  await cedargate(`enforce orders --slice all ${WHY}`, 'ada');
  const early = await cedargate(approve.replace('0001', '0002'), 'bob', cluster.env);
  expect(early).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('not handed over') });
  const planned = await cedargate(
    `relax orders --environment dev --replace --ticket CHG-1 --reason r ${apply}`,
    'ada',
    cluster.env,
  );
  expect(planned).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('approve --apply'),
  });
  expect(cluster.calls).toHaveLength(calls);
  expect(files(folder)).toEqual(['0001.json', '0002.json']);
});
