/** The built program serving approved rollouts: `serve --bundles --rollout --trust --state`. */
import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openBundle } from '../../src/bundle/open.js';
import { temporaryDirectory } from '../support/bundle-files.js';
import { decodeResponse, httpRequest } from '../support/check-request.js';
import { createKubeletVolume, type KubeletVolume } from '../support/kubelet-volume.js';
import { resultValue } from '../support/result.js';
import {
  digestOf,
  KEYS,
  makeEmergency,
  makeRollout,
  type RolloutOptions,
  rolloutTrustText,
} from '../support/rollouts.js';
import { type Sidecar, startSidecar } from '../support/sidecar.js';
import { signedBy, smallBundle } from '../support/signed-bundles.js';
import { waitFor } from '../support/wait.js';
import { connect } from '../unit/server/grpc-client.js';

interface Built {
  readonly archive: Buffer;
  readonly digest: `sha256:${string}`;
  readonly version: string;
}

/** Bundle N allows GET /N and nothing else. */
const bundles = new Map<number, Built>();
beforeAll(() => {
  for (const version of [1, 2, 3]) {
    const archive = signedBy(smallBundle(String(version)), KEYS.ada);
    const { digest } = resultValue(openBundle(archive, 'x'));
    bundles.set(version, { archive, digest, version: String(version) });
  }
});

function bundle(number: number): Built {
  const built = bundles.get(number);
  if (built === undefined) throw new Error(`there is no bundle ${number}`);
  return built;
}

const ref = (number: number) => ({
  name: 'test',
  version: String(number),
  digest: bundle(number).digest,
});

/** Document `sequence`: everything enforced under bundle `active`. */
function document(
  sequence: number,
  active: number,
  more: RolloutOptions & { rollback?: number } = {},
) {
  const { rollback, payload, source, ...rest } = more;
  return makeRollout({
    source: { bundle: `test@${active}`, enforce: '[{name: all, match: {}}]', ...source },
    approvals: 2,
    ...rest,
    payload: {
      sequence,
      resolved: {
        active: ref(active),
        candidate: null,
        rollback: rollback === undefined ? null : ref(rollback),
      },
      superseded: [],
      ...payload,
    },
  });
}

const TRUST = rolloutTrustText();
const TRUST_DIGEST = `sha256:${createHash('sha256').update(TRUST).digest('hex')}`;

interface Pod {
  readonly root: string;
  readonly rollout: KubeletVolume;
  start(...args: string[]): Promise<Sidecar>;
  put(...numbers: number[]): Promise<void>;
}

async function pod(): Promise<Pod> {
  const root = await temporaryDirectory();
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'bundles'));
  await writeFile(join(root, 'trust.yaml'), TRUST);
  const rollout = createKubeletVolume(join(root, 'rollout'));
  return {
    root,
    rollout,
    async start(...args) {
      const sidecar = await startSidecar({
        until: 'listening',
        args: [
          ...['--service', 'shop/orders', '--environment', 'production'],
          ...['--bundles', join(root, 'bundles'), '--rollout', join(root, 'rollout')],
          ...['--trust', join(root, 'trust.yaml'), '--trust-digest', TRUST_DIGEST],
          ...['--state', join(root, 'state'), ...args],
        ],
      });
      onTestFinished(() => sidecar.kill());
      return sidecar;
    },
    async put(...numbers) {
      for (const number of numbers) {
        const temporary = join(root, `${number}.part`);
        await writeFile(temporary, bundle(number).archive);
        await rename(temporary, join(root, 'bundles', `test-${number}.tar.gz`));
      }
    },
  };
}

async function ask(sidecar: Sidecar, path: string) {
  const client = connect(sidecar.listen[0] as string);
  const response = decodeResponse(await client.check(httpRequest({ path })));
  client.close();
  const fields = response.dynamic_metadata?.fields;
  return {
    outcome: fields?.outcome?.stringValue,
    reason: fields?.reason?.stringValue,
    stamp: fields?.policy_version?.stringValue,
  };
}

const sequenceOf = async (sidecar: Sidecar) =>
  ((await sidecar.status()).rollout as { sequence: number } | null)?.sequence;

async function runs(sidecar: Sidecar, sequence: number): Promise<void> {
  await waitFor(`document ${sequence}`, async () => (await sequenceOf(sidecar)) === sequence, {
    detail: () => sidecar.output(),
  });
}

async function refuses(sidecar: Sidecar, code: string): Promise<void> {
  await waitFor(
    code,
    async () => {
      const refusal = (await sidecar.status()).last_refusal as { code: string } | null;
      return refusal?.code === code;
    },
    { detail: () => sidecar.output() },
  );
}

describe('an approved rollout', () => {
  it('is not ready and fails before the first document, and serves it when both are there', async () => {
    const { rollout, start, put } = await pod();
    const sidecar = await start();
    expect(await sidecar.admin('/readyz')).toMatchObject({ status: 503 });
    expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'fail', reason: 'no_bundle' });
    await rollout.write({ 'orders.json': document(1, 1) });
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
    const { rollout, start, put } = await pod();
    await put(1);
    await rollout.write({ 'orders.json': document(1, 1) });
    const sidecar = await start();
    await runs(sidecar, 1);
    await rollout.write({ 'orders.json': document(2, 2, { rollback: 1 }) });
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
    const { root, rollout, start, put } = await pod();
    await put(2);
    await rollout.write({ 'orders.json': document(5, 2) });
    const first = await start();
    await runs(first, 5);
    await rollout.write({ 'orders.json': document(4, 2) });
    await refuses(first, 'rollout_sequence');
    await first.kill();
    // The volumes are broken: what is left is the state directory.
    await rm(join(root, 'bundles'), { recursive: true });
    const second = await start();
    await runs(second, 5);
    await refuses(second, 'rollout_sequence');
    expect(await second.admin('/readyz')).toMatchObject({ status: 200 });
    expect(await ask(second, '/2')).toMatchObject({ outcome: 'allow' });
  });

  it('stops a revoked bundle at once and goes back, and the emergency stays visible', async () => {
    const { rollout, start, put } = await pod();
    await put(1, 2);
    const base = document(7, 2, { rollback: 1 });
    await rollout.write({ 'orders.json': base });
    const sidecar = await start();
    await runs(sidecar, 7);
    const revoke = makeEmergency({ base, payload: { relax: [], revoke: [bundle(2).digest] } });
    await rollout.write({ 'orders.json': revoke });
    await runs(sidecar, 8);
    expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'allow' });
    expect(await sidecar.status()).toMatchObject({
      bundle: { version: '1' },
      emergency: { ticket: 'INC-7', author: 'erin' },
    });
    expect(await sidecar.metric('cedargate_emergency_unreconciled{rollout="orders"}')).toBe(1);
    // Nothing overtakes it but what takes it over.
    await rollout.write({ 'orders.json': document(9, 1) });
    await refuses(sidecar, 'emergency_unreconciled');
    await rollout.write({
      'orders.json': document(9, 1, { payload: { reconciles: [digestOf(revoke)] } }),
    });
    await runs(sidecar, 9);
    expect(await sidecar.metric('cedargate_emergency_unreconciled{rollout="orders"}')).toBe(0);
  });

  it('tells of each change who stands behind it, and of each refusal once', async () => {
    const { rollout, start, put } = await pod();
    await put(1);
    await rollout.write({ 'orders.json': document(3, 1) });
    const sidecar = await start();
    await runs(sidecar, 3);
    await rollout.write({ 'orders.json': document(4, 1, { approvals: 0 }) });
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
});
