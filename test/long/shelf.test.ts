/** The built program with signed bundles: `serve --bundles --digest --trust --trust-digest`. */
import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openBundle } from '../../src/bundle/open.js';
import { temporaryDirectory } from '../support/bundle-files.js';
import { decodeResponse, httpRequest } from '../support/check-request.js';
import { createKubeletVolume } from '../support/kubelet-volume.js';
import { resultValue } from '../support/result.js';
import { type Sidecar, type SidecarOptions, startSidecar } from '../support/sidecar.js';
import { signedBy, smallBundle } from '../support/signed-bundles.js';
import { type TestKey, testKey, trustOf } from '../support/trust.js';
import { waitFor } from '../support/wait.js';
import { connect } from '../unit/server/grpc-client.js';

let ana: TestKey;
let bundle: Buffer;
let digest: string;
beforeAll(() => {
  ana = testKey('ana-1');
  bundle = signedBy(smallBundle(), ana);
  digest = resultValue(openBundle(bundle, 'x')).digest;
});

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

async function shelf() {
  const root = await temporaryDirectory();
  const bundles = join(root, 'bundles');
  await mkdir(bundles);
  const trust = join(root, 'trust.yaml');
  const text = trustOf({ ana }, 1);
  await writeFile(trust, text);
  const args = ['--service', 'shop/payments', '--bundles', bundles, '--digest', digest];
  args.push('--trust', trust, '--trust-digest', sha256(text));
  return { root, bundles, trust, args };
}

async function start(args: string[], options: Partial<SidecarOptions> = {}): Promise<Sidecar> {
  const sidecar = await startSidecar({ until: 'listening', ...options, args });
  onTestFinished(() => sidecar.kill());
  return sidecar;
}

async function answer(sidecar: Sidecar, path: string) {
  const client = connect(sidecar.listen[0] as string);
  const response = decodeResponse(await client.check(httpRequest({ path })));
  client.close();
  return response;
}

const STAMP = /^1\+[0-9a-f]{12}$/;

describe('a signed bundle', () => {
  it('is served and enforced without --allow-unsigned, under a stamp that says so', async () => {
    const { bundles, args } = await shelf();
    await writeFile(join(bundles, 'test-1.tar.gz'), bundle);
    const sidecar = await start([...args, '--mode', 'enforce'], { until: 'ready' });
    expect(await sidecar.status()).toMatchObject({
      mode: 'enforce',
      policy_version: expect.stringMatching(STAMP),
      bundle: { name: 'test', version: '1', digest },
    });
    const allowed = await answer(sidecar, '/1');
    expect(allowed.status?.code ?? 0).toBe(0);
    expect(allowed.dynamic_metadata?.fields?.policy_version?.stringValue).toMatch(STAMP);
    expect((await answer(sidecar, '/2')).denied_response?.status?.code).toBe(403);
    expect(sidecar.output()).toContain('"signed_by":["ana"]');
  });

  it('is taken when it comes late, in a slot that kubelet mounts', async () => {
    const { bundles, args } = await shelf();
    const sidecar = await start([...args, '--mode', 'enforce']);
    expect(await sidecar.admin('/readyz')).toMatchObject({ status: 503 });
    expect(await sidecar.status()).toMatchObject({ last_refusal: { code: 'bundle_not_on_shelf' } });
    await createKubeletVolume(join(bundles, 'a')).write({ 'bundle.tar.gz': bundle });
    await waitFor('readiness', async () => (await sidecar.admin('/readyz')).status === 200);
    expect((await answer(sidecar, '/1')).status?.code ?? 0).toBe(0);
  });

  it('stays when its file is tampered with or disappears, and the refusal is told', async () => {
    const { bundles, args } = await shelf();
    const file = join(bundles, 'test-1.tar.gz');
    await writeFile(file, bundle);
    const sidecar = await start(args, { until: 'ready' });
    const tampered = Buffer.from(bundle);
    tampered[tampered.length >> 1] = (tampered[tampered.length >> 1] as number) ^ 1;
    await writeFile(`${file}.new`, tampered);
    await rename(`${file}.new`, file);
    await waitFor('the refusal', async () => (await sidecar.status()).last_refusal !== null);
    expect((await sidecar.status()).last_refusal).toMatchObject({
      code: expect.stringMatching(/^(archive_invalid|bundle_altered|bundle_not_on_shelf)$/),
    });
    expect((await sidecar.status()).policy_version).toMatch(STAMP);
    expect((await answer(sidecar, '/1')).dynamic_metadata?.fields?.decision?.stringValue).toBe(
      'allow',
    );
    await writeFile(file, bundle);
    await waitFor('no refusal', async () => (await sidecar.status()).last_refusal === null);
  });

  it('is not believed under a trust file that is not the pinned one', async () => {
    const { bundles, trust, args } = await shelf();
    await writeFile(join(bundles, 'test-1.tar.gz'), bundle);
    await writeFile(trust, trustOf({ eve: testKey('eve-1') }, 1));
    const sidecar = await start(args);
    expect(await sidecar.status()).toMatchObject({
      policy_version: 'none',
      last_refusal: { code: 'trust_digest', file: trust },
    });
    const changes = () => sidecar.lines.filter(({ type }) => type === 'change');
    await waitFor('the change line', () => changes().length > 0);
    expect(changes()).toMatchObject([{ result: 'refused', reason: 'trust_digest' }]);
  });
});

it.each<[string, (args: string[]) => string[], string]>([
  ['without --trust', (args) => without(args, '--trust'), '`bundles` needs'],
  ['without --trust-digest', (args) => without(args, '--trust-digest'), '`bundles` needs'],
  ['without --digest', (args) => without(args, '--digest'), '`bundles` needs'],
  ['with a plain directory too', (args) => [...args, '--bundle', 'x'], 'exclude each other'],
  ['without --bundles', (args) => without(args, '--bundles'), '`bundle` or `bundles` is missing'],
  [
    'with --trust for a plain directory',
    (args) => [...without(args, '--bundles'), '--bundle', 'x'],
    'are for `bundles`',
  ],
  ['with a digest that is none', (args) => [...args, '--digest', 'sha256:12'], '--digest'],
])('ends with 2 %s', async (_what, change, message) => {
  const { args } = await shelf();
  const sidecar = await start(change(args), { until: 'none' });
  expect(await sidecar.ended).toBe(2);
  expect(sidecar.output()).toContain(message);
});

function without(args: string[], flag: string): string[] {
  const at = args.indexOf(flag);
  return [...args.slice(0, at), ...args.slice(at + 2)];
}
