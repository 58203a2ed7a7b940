import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bundleFiles, policy, temporaryDirectory, writeFiles } from '../support/bundle-files.js';
import { decodeResponse, httpRequest } from '../support/check-request.js';
import { freePorts } from '../support/ports.js';
import { CLI, type Sidecar, type SidecarOptions, startSidecar } from '../support/sidecar.js';
import { waitFor } from '../support/wait.js';
import { connect } from '../unit/server/grpc-client.js';

const SERVICE = ['--service', 'shop/payments'];

/** A sidecar that is gone when the test ends, and its bundle directory. */
async function start(options: Partial<SidecarOptions> & { files?: Record<string, string> } = {}) {
  const directory = await temporaryDirectory();
  const bundle = join(directory, 'bundle');
  if (options.files !== undefined || options.args === undefined) {
    await makeBundle(bundle, options.files ?? bundleFiles('1.0.0'));
  }
  const args = [...SERVICE, '--bundle', bundle, ...(options.args ?? [])];
  const sidecar = await startSidecar({ until: 'listening', ...options, args });
  onTestFinished(async () => {
    await sidecar.kill();
    await rm(directory, { recursive: true, force: true });
  });
  return { sidecar, bundle, directory };
}

async function makeBundle(bundle: string, files: Record<string, string>): Promise<void> {
  const { mkdir } = await import('node:fs/promises');
  await mkdir(bundle, { recursive: true });
  await writeFiles(bundle, files);
}

async function answer(sidecar: Sidecar, path: string) {
  const client = connect(sidecar.listen[0] as string);
  const response = decodeResponse(await client.check(httpRequest({ path })));
  client.close();
  return response;
}

const stampOf = async (sidecar: Sidecar) => (await sidecar.status()).policy_version as string;

describe('start', () => {
  it('in shadow without a bundle is ready, allows, and says why', async () => {
    const { sidecar } = await start({ args: ['--environment', 'test'] });
    expect(await sidecar.admin('/readyz')).toMatchObject({ status: 200 });
    const response = await answer(sidecar, '/');
    expect(response.status?.code ?? 0).toBe(0);
    expect(response.dynamic_metadata?.fields?.reason?.stringValue).toBe('no_bundle');
    expect(await sidecar.status()).toMatchObject({
      policy_version: 'none',
      bundle: null,
      last_refusal: { code: 'bundle_missing' },
    });
  });

  it('in enforce without a bundle is alive, not ready, and fails; a late volume makes it ready', async () => {
    const { sidecar, bundle } = await start({ args: ['--mode', 'enforce', '--allow-unsigned'] });
    expect(await sidecar.admin('/livez')).toMatchObject({ status: 200 });
    expect(await sidecar.admin('/readyz')).toMatchObject({ status: 503 });
    expect((await answer(sidecar, '/')).status?.code).toBe(14);

    await makeBundle(bundle, bundleFiles('1.0.0'));
    await waitFor('readiness', async () => (await sidecar.admin('/readyz')).status === 200);
    expect((await answer(sidecar, '/1.0.0')).status?.code ?? 0).toBe(0);
    expect((await answer(sidecar, '/other')).denied_response?.status?.code).toBe(403);
  });

  describe('while the policies load', () => {
    /** Alive, and busy with a bundle that takes a second or more. */
    async function starting() {
      const policies = Array.from({ length: 1_000 }, (_, i) => policy(`p${i}`)).join('');
      const files = { ...bundleFiles('1.0.0'), 'many.cedar': policies };
      const { sidecar } = await start({ files, until: 'none', env: { CEDARGATE_DRAIN_MS: '0' } });
      const livez = () => sidecar.admin('/livez').catch(() => undefined);
      await waitFor('the admin listener', async () => (await livez())?.status === 200);
      expect((await sidecar.admin('/readyz')).body).toContain('starting');
      return sidecar;
    }

    it('SIGHUP does no harm', async () => {
      const sidecar = await starting();
      sidecar.signal('SIGHUP');
      await waitFor('readiness', async () => (await sidecar.admin('/readyz')).status === 200);
      expect(await sidecar.stop()).toBe(0);
    });

    it('SIGTERM ends it at once, with 0 and a word', async () => {
      const sidecar = await starting();
      expect(await sidecar.stop()).toBe(0);
      expect(sidecar.output()).toContain('stopping before the start was complete');
      expect(sidecar.output()).not.toContain('"serving"');
    });
  });

  it('over the socket file of a killed process works', async () => {
    const directory = await temporaryDirectory();
    const listen = [`unix:${join(directory, 'authz.sock')}`];
    const first = await start({ listen });
    await first.sidecar.kill();
    expect(existsSync(join(directory, 'authz.sock'))).toBe(true);
    const second = await start({ listen });
    expect((await answer(second.sidecar, '/1.0.0')).status?.code ?? 0).toBe(0);
  });

  it('on a port in use ends with 1, naming the address, and closes what it had opened', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void holder.close());
    const { port } = holder.address() as { port: number };
    const { sidecar } = await start({ listen: [`127.0.0.1:${port}`], until: 'none' });
    expect(await sidecar.ended).toBe(1);
    expect(sidecar.output()).toContain(`127.0.0.1:${port}`);
    expect(sidecar.output()).toContain('listen_failed');
  });

  it('opens the probe listener only when asked, without /status', async () => {
    const [port] = await freePorts(1);
    await start({ args: ['--probes', `127.0.0.1:${port}`], files: bundleFiles('1.0.0') });
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`).then((r) => r.status);
    expect(await get('/readyz')).toBe(200);
    expect(await get('/livez')).toBe(200);
    expect(await get('/metrics')).toBe(200);
    expect(await get('/status')).toBe(404);
  });
});

describe('a change of policy', () => {
  it('is taken, and log, status, metrics and answers tell the same version', async () => {
    const { sidecar, bundle } = await start();
    const before = await stampOf(sidecar);
    await makeBundle(bundle, bundleFiles('2.0.0'));
    const change = await sidecar.waitForLine(
      (line) => line.type === 'change' && line.from === before,
    );
    expect(change).toMatchObject({ result: 'taken', reason: null });
    expect(change.to).toMatch(/^2\.0\.0\+[0-9a-f]{12}\.unsigned$/);
    const status = await sidecar.status();
    expect(status).toMatchObject({ policy_version: change.to, bundle: { digest: change.digest } });
    const response = await answer(sidecar, '/2.0.0');
    const [stamp] = response.ok_response?.response_headers_to_add ?? [];
    expect(stamp?.header).toEqual({ key: 'x-cedargate-policy-version', value: change.to });
    const sample = `cedargate_bundle_info{version="2.0.0",digest="${change.digest}",role="active"}`;
    expect(await sidecar.metric(sample)).toBe(1);
  });

  it('that is bad is refused with file, line and reason everywhere; the old one stays', async () => {
    const { sidecar, bundle } = await start();
    const before = await stampOf(sidecar);
    const broken = policy('main', 'context.nope == 1');
    await writeFile(join(bundle, 'main.cedar.tmp'), broken);
    await rename(join(bundle, 'main.cedar.tmp'), join(bundle, 'main.cedar'));
    const change = await sidecar.waitForLine((line) => line.result === 'refused');
    const where = { file: 'main.cedar', line: 4 };
    expect(change).toMatchObject({
      type: 'change',
      from: before,
      reason: 'policy_invalid',
      ...where,
    });
    expect(await sidecar.status()).toMatchObject({
      policy_version: before,
      last_refusal: { code: 'policy_invalid', ...where },
    });
    const sample = 'cedargate_reloads_total{result="rejected_policy_invalid"}';
    expect(await sidecar.metric(sample)).toBeGreaterThanOrEqual(1);
    expect(sidecar.output()).toContain('policy_invalid');
    expect((await answer(sidecar, '/1.0.0')).dynamic_metadata?.fields?.reason?.stringValue).toBe(
      'policy_permit',
    );
  });

  it('that crashes the engine is refused, and deciding goes on', async () => {
    const { sidecar, bundle } = await start();
    await writeFile(join(bundle, 'bomb.cedar'), policy('bomb', `${'true && '.repeat(5_000)}true`));
    const change = await sidecar.waitForLine((line) => line.result === 'refused');
    expect(change.file ?? change.reason).toMatch(/bomb\.cedar|engine_failure/);
    expect((await answer(sidecar, '/1.0.0')).dynamic_metadata?.fields?.reason?.stringValue).toBe(
      'policy_permit',
    );
  });

  it('is read again on SIGHUP', async () => {
    const { sidecar } = await start();
    sidecar.signal('SIGHUP');
    await waitFor('the answer to SIGHUP', () => sidecar.output().includes('"result":"unchanged"'));
    expect(await sidecar.metric('cedargate_reloads_total{result="unchanged"}')).toBe(1);
  });
});

describe('the end', () => {
  it('on SIGTERM answers while draining, says so in health and readiness, writes the log, exits 0', async () => {
    const { sidecar } = await start();
    const client = connect(sidecar.listen[0] as string);
    expect(await client.health('envoy.service.auth.v3.Authorization')).toBe('SERVING');
    sidecar.signal('SIGTERM');
    await waitFor('NOT_SERVING', async () => (await client.health('')) === 'NOT_SERVING');
    expect((await sidecar.admin('/readyz')).status).toBe(503);
    const late = await client.check(httpRequest({ path: '/1.0.0' }));
    expect(decodeResponse(late).status?.code ?? 0).toBe(0);
    expect(await sidecar.ended).toBe(0);
    const decisions = sidecar.lines.filter((line) => line.type === 'decision');
    expect(decisions).toHaveLength(1);
    expect(sidecar.output()).toMatch(/"checks":1,"logged":1,"sampled":0,"dropped":0/);
  });

  it('comes at once on a second signal, and the last message has the account of the log', async () => {
    const config = join(await temporaryDirectory(), 'cedargate.yaml');
    await writeFile(config, 'drainMs: 600000\nlog: {sampleAllows: 0, callerLinesPerSecond: 1}\n');
    const { sidecar } = await start({ args: ['--config', config], files: bundleFiles('1.0.0') });
    // The first of a class has its line; of the others, allows are sampled and denies limited.
    for (const path of ['/1.0.0', '/1.0.0', '/1.0.0', '/no', '/no', '/no', '/no']) {
      await answer(sidecar, path);
    }
    const { decision_log } = await sidecar.status();
    expect(decision_log).toMatchObject({ checks: 7, sampled: 2 });
    const { limited } = decision_log as { limited: number };
    expect(limited).toBeGreaterThan(0);
    const name = 'cedargate_decision_log_limited_total';
    expect(await sidecar.metric(name)).toBe(limited);
    const sampled = 'cedargate_decision_log_events_total{result="sampled"}';
    expect(await sidecar.metric(sampled)).toBe(2);
    sidecar.signal('SIGTERM');
    await waitFor('draining', () => sidecar.output().includes('draining'));
    // A line that has just been made, and of a class of its own: it would wait for company.
    const client = connect(sidecar.listen[0] as string);
    await client.check(httpRequest({ path: '/1.0.0', method: 'HEAD' }));
    sidecar.signal('SIGTERM');
    expect(await sidecar.ended).toBe(0);
    client.close();
    const logged = sidecar.lines.filter(({ type }) => type === 'decision').length;
    const account = `"checks":8,"logged":${logged},"sampled":2,"dropped":${limited}`;
    expect(sidecar.output()).toContain(account);
    expect(sidecar.lines.at(-1)).toMatchObject({ method: 'HEAD', first_seen: true });
  });

  it('is not held up, and no check is, by a reader of the log that has stopped reading', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, bundleFiles('1.0.0'));
    const [port, admin] = await freePorts(2);
    const args = [CLI, 'serve', ...SERVICE, '--bundle', directory];
    const listeners = ['--listen', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${admin}`];
    const child = spawn(process.execPath, [...args, ...listeners], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdout?.pause();
    const status = () =>
      fetch(`http://127.0.0.1:${admin}/status`).then(
        (response) => response.json() as Promise<{ ready: boolean; decision_log: object }>,
      );
    await waitFor('readiness', async () => (await status()).ready);
    const client = connect(`127.0.0.1:${port}`);
    const message = httpRequest({ path: '/1.0.0' });
    for (let batch = 0; batch < 20; batch += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => client.check(message)));
      expect(answers).toHaveLength(50);
    }
    expect((await status()).decision_log).toMatchObject({ checks: 1_000 });
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});

it('gives every message that is no request an answer, a line and a count', async () => {
  const args = ['--mode', 'enforce', '--allow-unsigned'];
  const { sidecar } = await start({ args, files: bundleFiles('1.0.0') });
  const client = connect(sidecar.listen[0] as string);
  const large = httpRequest({ headers: { x: 'a'.repeat(5 << 20) } });
  const messages: [reason: string, message: Buffer, count: number][] = [
    ['request_undecodable', Buffer.from('ffffff', 'hex'), 1],
    ['request_undecodable', Buffer.alloc(0), 2],
    ['request_too_large', large, 1],
  ];
  for (const [index, [reason, message, count]] of messages.entries()) {
    const response = decodeResponse(await client.check(message));
    expect(response.denied_response?.status?.code).toBe(400);
    const lines = () => sidecar.lines.filter((line) => line.type === 'decision');
    await waitFor('its line', () => lines().length === index + 1);
    expect(lines().at(-1)).toMatchObject({ reason });
    const labels = `decision="error",mode="enforce",outcome="deny",reason="${reason}"`;
    expect(await sidecar.metric(`cedargate_checks_total{${labels}}`)).toBe(count);
  }
});
