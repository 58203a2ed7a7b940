/** The program as people and scripts meet it: a process with streams and an exit code. */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/repository.js';
import { CLI } from '../support/sidecar.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cedargate-cli-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Without the CEDARGATE_* of whoever runs the tests. */
function environment(env: Record<string, string>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(CEDARGATE_|NO_COLOR|FORCE_COLOR)/.test(name),
  );
  return { ...Object.fromEntries(own), ...env };
}

function cedargate(
  args: readonly string[],
  env: Record<string, string> = {},
): SpawnSyncReturns<string> {
  const options = { cwd: ROOT, env: environment(env), encoding: 'utf8' } as const;
  return spawnSync(process.execPath, [CLI, ...args], options);
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const WHOLE = ['--service', 'shop/payments', '--bundle', 'policies'];

describe('cedargate', () => {
  it('prints help on stdout and ends with 0', () => {
    const { status, stdout, stderr } = cedargate(['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('Exit codes:');
  });

  it('prints its version, that of the engine and that of the language', () => {
    const { status, stdout } = cedargate(['--version']);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^cedargate \d+\.\d+\.\d+\ncedar \d+\.\d+\.\d+\ncedar language \d+\.\d+/,
    );
  });

  it.each([
    ['no command', [], 'Usage:'],
    ['an unknown command', ['server'], 'Did you mean serve?'],
    ['an unknown flag', ['serve', '--listn', 'x'], 'Did you mean --listen?'],
    ['a wrong value', ['serve', ...WHOLE, '--listen', 'nowhere'], '`--listen` must be'],
    ['no service', ['serve', '--bundle', 'policies'], '`service` is missing'],
    ['enforce without consent', ['serve', ...WHOLE, '--mode', 'enforce'], 'allowUnsigned'],
  ])('ends with 2 for %s', (_name, args, message) => {
    const { status, stdout, stderr } = cedargate(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('ends with 3 for an unknown key, and names file, line and column', () => {
    const path = file('unknown.yaml', 'mode: shadow\nlisten_on: 127.0.0.1:1\n');
    const { status, stderr } = cedargate(['serve', ...WHOLE, '--config', path]);
    expect(status).toBe(3);
    expect(stderr).toContain(`${path}:2:1: unknown key \`listen_on\` [config_invalid]`);
  });

  it('ends with 3 for an unknown variable', () => {
    const { status, stderr } = cedargate(['serve', ...WHOLE], { CEDARGATE_MDOE: 'shadow' });
    expect(status).toBe(3);
    expect(stderr).toContain('did you mean `CEDARGATE_MODE`?');
  });

  it('ends with 3 for a configuration file that is not there', () => {
    const { status, stderr } = cedargate(['config', 'print', '--config', join(directory, 'none')]);
    expect(status).toBe(3);
    expect(stderr).toContain('[config_unreadable]');
  });

  it('ends with 1 when a port is taken, and says which', async () => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = `127.0.0.1:${(holder.address() as net.AddressInfo).port}`;
    const { status, stderr } = cedargate([
      'serve',
      ...WHOLE,
      '--listen',
      address,
      '--admin',
      '127.0.0.1:0',
    ]);
    holder.close();
    expect(status).toBe(1);
    expect(stderr).toContain('[listen_failed]');
    expect(stderr).toContain(address);
  });

  it('reads flags, variables and file together', () => {
    const path = file('whole.yaml', 'service: a/b\nbundle: x\ndrainMs: 1\nheaders: {mode: true}\n');
    const env = { CEDARGATE_CONFIG: path, CEDARGATE_DRAIN_MS: '2', CEDARGATE_SERVICE: 'c/d' };
    const { status, stdout } = cedargate(['config', 'print', '--json', '--service', 'e/f'], env);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      config: { value: path, source: 'environment' },
      service: { value: 'e/f', source: 'flag' },
      drainMs: { value: 2, source: 'environment' },
      bundle: { value: 'x', source: 'file' },
      'headers.mode': { value: true, source: 'file' },
      mode: { value: 'shadow', source: 'default' },
    });
  });

  it('takes the configuration from a pipe', () => {
    // Through a shell: what spawn gives a child as stdin is a socket, which cannot be opened again.
    const script = 'printf "service: a/b\\nbundle: x\\n" | "$@" config print --config /dev/stdin';
    const args = ['-c', script, 'sh', process.execPath, CLI];
    const options = { cwd: ROOT, env: environment({}), encoding: 'utf8' } as const;
    const { status, stdout } = spawnSync('sh', args, options);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^service +a\/b +file$/m);
  });

  it('colours for people only', () => {
    expect(cedargate(['config', 'print']).stderr).not.toContain('\u001b[');
    expect(cedargate(['config', 'print'], { FORCE_COLOR: '1' }).stderr).toContain('\u001b[31m');
  });

  it('ends in peace when the reader of its output has gone', async () => {
    const args = [CLI, 'config', 'print', ...WHOLE];
    const child = spawn(process.execPath, args, { cwd: ROOT, env: environment({}) });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const [status] = await once(child, 'close');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
