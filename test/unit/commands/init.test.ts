import { mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/commands/program.js';
import { memoryIo } from '../../support/io.js';

const folder = () => mkdtemp(join(tmpdir(), 'cedargate-init-'));

async function init(...args: readonly string[]) {
  const io = memoryIo();
  await run(['init', ...args], io);
  return { ...io.written, exitCode: io.exitCode };
}

describe('init', () => {
  it('lists what it made on stdout, says on stderr what is next, and ends with 0', async () => {
    const directory = join(await folder(), 'new');
    const { stdout, stderr, exitCode } = await init(directory);
    expect(exitCode).toBe(0);
    const listed = stdout.trimEnd().split('\n');
    expect(listed).toContain('policies/payments/bundle.yaml');
    for (const path of listed) expect((await stat(join(directory, path))).isFile()).toBe(true);
    expect(stderr).toContain('cedargate bundle test policies/payments');
    expect(stderr).toContain('replace them');
  });

  it('speaks JSON', async () => {
    const directory = await folder();
    const flags = ['--service', 'web/cart', '--owner', 'A "B"', '--ci', 'gitlab'];
    const { stdout, stderr } = await init(directory, ...flags, '--json');
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      directory,
      name: 'cart',
      version: expect.stringMatching(/^\d{4}\.\d\d\.1$/),
      owner: 'A "B"',
      service: 'web/cart',
      trustDomain: 'example.org',
      ci: 'gitlab',
      files: expect.arrayContaining(['.gitlab-ci.yml', 'keys/ana.key']),
    });
  });

  it('writes private keys that only their owner can read, other ones every time', async () => {
    const [one, two] = [await folder(), await folder()];
    await init(one);
    await init(two);
    const key = join('keys', 'ana.key');
    expect((await stat(join(one, key))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(one, key))).not.toEqual(await readFile(join(two, key)));
  });

  it('does not mind .git', async () => {
    const directory = await folder();
    await mkdir(join(directory, '.git'));
    expect((await init(directory)).exitCode).toBe(0);
  });

  it('refuses a directory that is not empty, names what is in the way, and ends with 1', async () => {
    const directory = await folder();
    await mkdir(join(directory, '.git'));
    await mkdir(join(directory, 'policies'));
    await writeFile(join(directory, 'note\u202etxt'), '');
    const { stdout, stderr, exitCode } = await init(directory);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
    expect(stderr).toContain('is not empty: it holds `note\\u{202e}txt`, `policies` [directory_');
    expect((await readdir(directory)).sort()).toEqual(['.git', 'note\u202etxt', 'policies']);
  });

  it('does not list a thousand names', async () => {
    const directory = await folder();
    for (let i = 0; i < 12; i += 1) await writeFile(join(directory, `f${i}`), '');
    expect((await init(directory)).stderr).toMatch(/`f7` and 2 more \[/);
  });

  it.each([
    [['--name', 'Payments'], '`--name` must be'],
    [['--owner', ''], '`--owner` must be'],
    [['--service', 'payments'], '`--service` must have'],
    [['--trust-domain', 'A'], '`--trust-domain` must be'],
    [['--ci', 'jenkins'], 'Allowed choices are github, gitlab, none'],
  ])('ends with 2 for %j, and makes nothing', async (flags, message) => {
    const above = await folder();
    const { stdout, stderr, exitCode } = await init(join(above, 'new'), ...flags);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
    expect(stderr).toContain(message);
    expect(await readdir(above)).toEqual([]);
  });

  it('ends with 1 where nothing can be written', async () => {
    const directory = await folder();
    await writeFile(join(directory, 'file'), '');
    const { stderr, exitCode } = await init(join(directory, 'file', 'below'));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('[file_unwritable]');
  });
});
