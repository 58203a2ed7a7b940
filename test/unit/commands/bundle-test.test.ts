import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { registerBundleTest } from '../../../src/commands/bundle-test.js';
import { memoryIo } from '../../support/io.js';
import { SMALL_FILES } from '../analysis/small-bundle.js';

async function directoryWith(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cedargate-'));
  await mkdir(join(directory, 'tests'));
  for (const [name, text] of Object.entries({ ...SMALL_FILES, ...files })) {
    await writeFile(join(directory, name), text);
  }
  return directory;
}

async function bundleTest(args: readonly string[]) {
  const io = memoryIo();
  const command = new Command('bundle').exitOverride();
  registerBundleTest(command, io);
  await command.parseAsync(['test', ...args], { from: 'user' });
  return { ...io.written, exitCode: io.exitCode };
}

const PASSING = `- name: reads
  caller: spiffe://example.org/ns/shop/sa/orders
  method: GET
  path: /
  decision: allow
`;
const FAILING = `- name: writes
  caller: anonymous
  method: POST
  path: /
  decision: allow
  policies: [posts]
`;

describe('bundle test', () => {
  it('prints what passed and which policies no test reaches, and ends with 0', async () => {
    const directory = await directoryWith({ 'tests/a.yaml': PASSING });
    const { stdout, stderr, exitCode } = await bundleTest([directory]);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toBe(
      [
        'small 1: 1 passed',
        '1 of 5 policies reached',
        '',
        'No test reaches:',
        '  calls       main.cedar:4',
        '  posts       main.cedar:7',
        '  no-secrets  main.cedar:12',
        '  tiered      main.cedar:16',
        '',
      ].join('\n'),
    );
  });

  it('prints each failure with what was expected and what came, and ends with 5', async () => {
    const directory = await directoryWith({ 'tests/a.yaml': `${PASSING}${FAILING}` });
    const { stdout, exitCode } = await bundleTest([directory]);
    expect(exitCode).toBe(5);
    expect(stdout).toContain(
      'failed: writes (tests/a.yaml:6)\n  decision  expected allow  got deny\n  policies  expected posts  got none\n',
    );
    expect(stdout).toContain('small 1: 1 passed, 1 failed');
  });

  it('prints the report as JSON', async () => {
    const directory = await directoryWith({ 'tests/a.yaml': `${PASSING}${FAILING}` });
    const { stdout, exitCode } = await bundleTest([directory, '--json']);
    expect(exitCode).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({
      bundle: { name: 'small', version: '1' },
      passed: 1,
      failed: [{ name: 'writes' }],
      coverage: { policies: 5, reached: 1 },
    });
  });

  it('takes the environment for tests that name none', async () => {
    const text = PASSING.replace('GET', 'POST');
    const directory = await directoryWith({ 'tests/a.yaml': text });
    expect((await bundleTest([directory])).exitCode).toBe(5);
    expect((await bundleTest([directory, '--environment', 'production'])).exitCode).toBe(0);
  });

  it('tells of files in tests/ that it does not run', async () => {
    const directory = await directoryWith({ 'tests/a.yaml': PASSING, 'tests/b.yml': '' });
    const { stderr, exitCode } = await bundleTest([directory]);
    expect(stderr).toContain('tests/b.yml');
    expect(exitCode).toBe(0);
  });

  it('tells of conditions that never hold', async () => {
    const never =
      '@id("n") @owner("o") @description("d") permit (principal, action == Action::"GET", resource) when { false };';
    const directory = await directoryWith({ 'tests/a.yaml': PASSING, 'never.cedar': never });
    const { stderr, exitCode } = await bundleTest([directory]);
    expect(stderr).toMatch(/^warning: never\.cedar:1/);
    expect(exitCode).toBe(0);
  });

  it.each([
    ['there are no tests', {}, 3, 'there are no tests'],
    ['a test is invalid', { 'tests/a.yaml': 'name: x' }, 3, 'tests/a.yaml:1:1'],
    ['a test file is empty', { 'tests/a.json': '[]' }, 3, 'holds no tests'],
    [
      'the bundle is invalid',
      { 'tests/a.yaml': PASSING, 'main.cedar': 'permit(' },
      3,
      'main.cedar:1',
    ],
  ])('says on stderr that %s', async (_name, files, code, message) => {
    const { stdout, stderr, exitCode } = await bundleTest([await directoryWith(files)]);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(exitCode).toBe(code);
  });

  it('ends with 1 when there is no such directory', async () => {
    const { stderr, exitCode } = await bundleTest([join(tmpdir(), 'cedargate-none')]);
    expect(stderr).toContain('bundle_missing');
    expect(exitCode).toBe(1);
  });
});
