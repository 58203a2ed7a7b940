import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type ApplyOptions,
  applyDocument,
  type DocumentToApply,
} from '../../../src/apply/apply.js';
import { eventLine, incompleteProblem, summaryLines } from '../../../src/apply/timeline.js';
import {
  APPLY_STATUS_BYTES_MAX,
  CONFIGMAP_BYTES_MAX,
  KUBECTL_ARGUMENT_BYTES_MAX,
  KUBECTL_OUTPUT_BYTES_MAX,
} from '../../../src/constants.js';
import { temporaryDirectory } from '../../support/bundle-files.js';
import { type Cluster, createCluster } from '../../support/kubectl.js';
import { resultValue } from '../../support/result.js';

const LABELS = { 'app.kubernetes.io/name': 'payments' };
const CONFIG_MAP = 'cedargate-rollout-payments';
const KEY = 'payments.json';
const KUBECTL_MISSING = 'no-such-kubectl';

const documentOf = (sequence: number, padding = ''): DocumentToApply => ({
  name: 'payments',
  sequence,
  digest: `digest ${sequence}`,
  bytes: Buffer.from(JSON.stringify({ sequence, padding })),
});

/** As a sidecar says it that takes whatever its volume holds. */
function takesAll(file: string | undefined) {
  if (file === undefined) return { rollout: null, approved: null };
  const { sequence } = JSON.parse(file) as { sequence: number };
  const rollout = { name: 'payments', sequence, digest: `digest ${sequence}` };
  return { rollout, approved: rollout, lag: null, last_refusal: null };
}

async function clusterWith(...pods: string[]): Promise<Cluster> {
  const cluster = await createCluster();
  cluster.configMaps.set(CONFIG_MAP, { [KEY]: '{"sequence":42}', 'other.json': 'stays' });
  for (const name of pods) {
    const pod = await cluster.addPod(name, LABELS, CONFIG_MAP, KEY);
    pod.status = takesAll;
  }
  return cluster;
}

async function apply(
  { kubectl, env }: Pick<Cluster, 'kubectl' | 'env'>,
  document: DocumentToApply,
  options: Partial<ApplyOptions> = {},
) {
  const lines: string[] = [];
  const result = await applyDocument(
    document,
    { kubectl, env, timeoutMs: 20_000, ...options },
    { now: Date.now, onEvent: (event) => lines.push(eventLine(event).replace(/^\+[\d.]+s /, '')) },
  );
  return { result, lines };
}

describe('applying a document', () => {
  it('brings it into every pod, and tells each step', async () => {
    const cluster = await clusterWith('payments-a', 'payments-b');
    await cluster.addPod('orders-a', { 'app.kubernetes.io/name': 'orders' }, CONFIG_MAP, KEY);
    const { result, lines } = await apply(cluster, documentOf(43));
    expect(lines.slice(0, 2)).toEqual([`patched ConfigMap ${CONFIG_MAP}`, 'annotated 2 pods']);
    expect(lines.slice(2).sort()).toEqual([
      'payments-a runs sequence 43',
      'payments-b runs sequence 43',
    ]);
    expect(cluster.configMaps.get(CONFIG_MAP)).toEqual({
      [KEY]: String(documentOf(43).bytes),
      'other.json': 'stays',
    });
    const report = resultValue(result);
    expect(incompleteProblem(report)).toBeUndefined();
    expect(summaryLines(report)[0]).toMatch(/^2 of 2 run sequence 43, the last after [\d.]+s$/);
    expect(cluster.pods.map(({ annotations }) => annotations.size)).toEqual([1, 1, 0]);
  });

  it('makes the ConfigMap when there is none', async () => {
    const cluster = await clusterWith('payments-a');
    cluster.configMaps.clear();
    const { result, lines } = await apply(cluster, documentOf(1));
    expect(lines[0]).toBe(`created ConfigMap ${CONFIG_MAP}`);
    expect(cluster.configMaps.get(CONFIG_MAP)).toEqual({ [KEY]: String(documentOf(1).bytes) });
    expect(incompleteProblem(resultValue(result))).toBeUndefined();
  });

  it('hands over documents that are too long for an argument', async () => {
    const cluster = await clusterWith('payments-a');
    const long = documentOf(43, 'x'.repeat(KUBECTL_ARGUMENT_BYTES_MAX * 3));
    const { result } = await apply(cluster, long);
    expect(incompleteProblem(resultValue(result))).toBeUndefined();
    expect(cluster.configMaps.get(CONFIG_MAP)?.[KEY]).toBe(String(long.bytes));
  });

  it('gives every call the context and the namespace, and names what it was told to', async () => {
    const cluster = await clusterWith('payments-a');
    cluster.configMaps.set('mine', { [KEY]: '{"sequence":1}' });
    await apply(cluster, documentOf(43), {
      context: 'prod',
      namespace: 'shop',
      configMap: 'mine',
      selector: 'app.kubernetes.io/name=payments',
      timeoutMs: 1_000,
    });
    for (const call of cluster.calls) {
      expect(call.slice(-4)).toEqual(['--context', 'prod', '--namespace', 'shop']);
    }
    expect(cluster.calls[0]?.slice(0, 3)).toEqual(['patch', 'configmap', 'mine']);
    expect(cluster.calls.find(([verb]) => verb === 'port-forward')).toContain(':9292');
  });

  it('annotates with another value each time, so that the pods change', async () => {
    const cluster = await clusterWith('payments-a');
    const refreshed = () => cluster.pods[0]?.annotations.get('cedargate.dev/refresh');
    await apply(cluster, documentOf(43));
    const first = refreshed();
    await apply(cluster, documentOf(43));
    expect(first).toMatch(/^43-2\d{3}-/);
    expect(refreshed()).not.toBe(first);
  });

  it('watches URLs in place of pods', async () => {
    const cluster = await clusterWith();
    const server = createServer((_req, res) =>
      res.end(JSON.stringify(takesAll('{"sequence":43}'))),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/status`;
    const { result, lines } = await apply(cluster, documentOf(43), { statusUrls: [url] });
    expect(lines).toContain(`${url} runs sequence 43`);
    expect(incompleteProblem(resultValue(result))).toBeUndefined();
    expect(cluster.calls.some(([verb]) => verb === 'port-forward')).toBe(false);
  });
});

describe('a document that does not arrive', () => {
  it('is reported for those that lag, with what they say of it', async () => {
    const cluster = await clusterWith('payments-a', 'payments-b', 'payments-c');
    const [, b, c] = cluster.pods;
    if (b === undefined || c === undefined) throw new Error('no pods');
    b.isServed = false;
    c.status = () => ({
      ...takesAll('{"sequence":42}'),
      last_refusal: { message: 'an approval is missing' },
    });
    const { result, lines } = await apply(cluster, documentOf(43), { timeoutMs: 1_500 });
    expect(lines).toContain('payments-b runs sequence 42');
    const report = resultValue(result);
    expect(incompleteProblem(report)).toMatchObject({
      code: 'apply_incomplete',
      message: '2 of 3 do not run sequence 43 yet',
    });
    expect(summaryLines(report).map((line) => line.replace(/[\d.]+s/, 'Ns'))).toEqual([
      '1 of 3 run sequence 43, the last after Ns',
      'not after Ns: payments-b runs sequence 42 (1 behind)',
      'not after Ns: payments-c runs sequence 42, and refused: an approval is missing (1 behind)',
    ]);
    // Each is told when it says something new, not at every look.
    expect(lines.filter((line) => line.startsWith('payments-b'))).toHaveLength(1);
  });

  it('is reported when no pod was found', async () => {
    const cluster = await clusterWith();
    const { result, lines } = await apply(cluster, documentOf(43), { timeoutMs: 0 });
    expect(lines[1]).toMatch(/^pods not annotated, kubelet may take 90 s: .*no objects passed/);
    expect(incompleteProblem(resultValue(result))).toMatchObject({
      message: 'no sidecar was found to watch sequence 43 arrive',
    });
  });

  it('is still looked for when pods may be neither annotated nor asked', async () => {
    const cluster = await clusterWith('payments-a');
    const forbidden = {
      code: 1,
      stderr: 'Error from server (Forbidden): pods is \x1b[31mforbidden\n',
    };
    cluster.fault = ([verb]) =>
      ['annotate', 'port-forward'].includes(verb ?? '') ? forbidden : undefined;
    const { result, lines } = await apply(cluster, documentOf(43), { timeoutMs: 1_000 });
    expect(lines[1]).toContain('(Forbidden): pods is \\u{1b}[31mforbidden');
    expect(lines[2]).toMatch(/^payments-a cannot be asked: no port-forward: .*\(Forbidden\)/);
    expect(incompleteProblem(resultValue(result))).toBeDefined();
  });

  it.each([
    ['another status code', 404, {}, '{}', '/status was answered with 404'],
    ['a redirect', 302, { location: '/' }, '', 'unexpected redirect'],
    ['no JSON', 200, {}, '<html>', 'Unexpected token'],
    ['more than it may', 200, {}, ' '.repeat(APPLY_STATUS_BYTES_MAX + 1), 'larger than it may be'],
  ])('is not believed to have arrived by %s', async (_what, code, headers, body, words) => {
    const cluster = await clusterWith();
    const server = createServer((_req, res) => res.writeHead(code, headers).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/status`;
    const options = { statusUrls: [url], timeoutMs: 600 };
    const { result, lines } = await apply(cluster, documentOf(43), options);
    expect(lines.at(-1)).toContain(`${url} cannot be asked: `);
    expect(lines.at(-1)).toContain(words);
    expect(incompleteProblem(resultValue(result))).toBeDefined();
  });

  it('is looked for again while pods cannot be listed', async () => {
    const cluster = await clusterWith('payments-a');
    let faults = 2;
    cluster.fault = ([verb]) => {
      if (verb !== 'get' || faults === 0) return undefined;
      faults -= 1;
      return { code: 1, stderr: 'the server is currently unable to handle the request' };
    };
    const { result, lines } = await apply(cluster, documentOf(43));
    expect(lines.filter((line) => line.startsWith('pods not known: '))).toHaveLength(1);
    expect(incompleteProblem(resultValue(result))).toBeUndefined();
  });
});

describe('a document that cannot be handed over', () => {
  it('is told in the words of kubectl, and nobody is annotated', async () => {
    const cluster = await clusterWith('payments-a');
    cluster.fault = () => ({ code: 1, stderr: 'error: You must be logged in to the server\n' });
    const { result } = await apply(cluster, documentOf(43));
    expect(result).toMatchObject({
      problems: [
        {
          code: 'kubectl_failed',
          message: expect.stringContaining('ended with 1: error: You must be logged in'),
        },
      ],
    });
    expect(cluster.calls).toHaveLength(1);
  });

  it('is told when there is no kubectl', async () => {
    const { result } = await apply({ kubectl: KUBECTL_MISSING, env: {} }, documentOf(43));
    expect(result).toMatchObject({
      problems: [{ code: 'kubectl_failed', message: expect.stringContaining('could not be run') }],
    });
  });

  it.each([
    ['takes too long', { stays: true }, 'did not end within 0.5 s'],
    ['prints without end', { stdout: 'x'.repeat(KUBECTL_OUTPUT_BYTES_MAX + 1) }, 'printed more'],
    ['ends without a word', { code: 3 }, 'ended with 3: no message'],
  ])('is told when kubectl %s', async (_what, answer, message) => {
    const cluster = await clusterWith();
    cluster.fault = () => answer;
    const { result } = await apply(cluster, documentOf(43), { callMs: 500 });
    expect(result).toMatchObject({
      problems: [{ code: 'kubectl_failed', message: expect.stringContaining(message) }],
    });
  });

  it.each([
    ['a rollout name that is none', { name: '../x' }, {}, 'input_invalid'],
    ['a ConfigMap name that is none', {}, { configMap: '-x' }, 'input_invalid'],
    ['a URL that is none', {}, { statusUrls: ['file:///etc/passwd'] }, 'input_invalid'],
    ['too many URLs', {}, { statusUrls: Array(501).fill('http://x/') }, 'input_invalid'],
    [
      'a document that no ConfigMap holds',
      { bytes: Buffer.alloc(CONFIGMAP_BYTES_MAX + 1) },
      {},
      'configmap_too_large',
    ],
  ])('is refused before kubectl is run: %s', async (_what, change, options, code) => {
    const cluster = await clusterWith();
    const { result } = await apply(cluster, { ...documentOf(43), ...change }, options);
    expect(result).toMatchObject({ problems: [{ code }] });
    expect(cluster.calls).toEqual([]);
  });
});

const realKubectl = (() => {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Without a cluster only what kubectl does before it asks the server. */
describe.skipIf(!realKubectl)('the kubectl of this machine', () => {
  it('takes the arguments, as far as the server that is not there', async () => {
    const home = await temporaryDirectory();
    const env = { PATH: process.env.PATH, HOME: home, KUBECONFIG: join(home, 'none') };
    const long = documentOf(43, 'x'.repeat(KUBECTL_ARGUMENT_BYTES_MAX));
    for (const document of [documentOf(43), long]) {
      const { result } = await apply({ kubectl: 'kubectl', env: env as never }, document, {
        namespace: 'shop',
      });
      const [first] = result.ok ? [] : result.problems;
      expect(first?.message).toMatch(
        /connection .*refused|couldn't get current server|no such host/i,
      );
      expect(first?.message).not.toMatch(/unknown (flag|shorthand|command)|usage/i);
    }
  });
});
