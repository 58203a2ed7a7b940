import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openBundle } from '../../../src/bundle/open.js';
import { run } from '../../../src/commands/program.js';
import { temporaryDirectory } from '../../support/bundle-files.js';
import { commitAll, git } from '../../support/git.js';
import { memoryIo } from '../../support/io.js';
import { resultValue } from '../../support/result.js';
import { SOURCES, type Sources } from '../../support/source-bundle.js';

const EPOCH = { SOURCE_DATE_EPOCH: '1793698200' };

let out = '';
beforeEach(async () => {
  out = join(await temporaryDirectory(), 'x.tar.gz');
});

async function directoryOf(sources: Sources): Promise<string> {
  const directory = await temporaryDirectory();
  for (const [name, text] of Object.entries(sources)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  return directory;
}

async function cedargate(args: readonly string[], env: Record<string, string> = EPOCH) {
  const io = memoryIo({ env });
  await run(args, io);
  return { ...io.written, exitCode: io.exitCode };
}

const build = (directory: string, more: readonly string[] = [], env?: Record<string, string>) =>
  cedargate(['bundle', 'build', directory, '--output', out, ...more], env);

describe('bundle build', () => {
  it('writes the bundle and says what is in it', async () => {
    const { stdout, stderr, exitCode } = await build(await directoryOf(SOURCES));
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const bytes = await readFile(out);
    const { digest } = resultValue(openBundle(bytes, out));
    expect(stdout).toBe(
      [
        'payments 1.2: built',
        `digest    ${digest}`,
        'created   2026-11-03T09:30:00.000Z',
        'tests     3 passed, 66 % of the policies reached',
        'compiled  without environment, for production, for staging',
        'files     10',
        `written   ${out} (${bytes.length} bytes)`,
        '',
      ].join('\n'),
    );
    expect(await readdir(dirname(out))).toEqual(['x.tar.gz']);
  });

  it('gives the same bytes for the same source in another folder', async () => {
    await build(await directoryOf(SOURCES));
    const first = await readFile(out);
    await build(await directoryOf(Object.fromEntries(Object.entries(SOURCES).reverse())));
    expect((await readFile(out)).equals(first)).toBe(true);
  });

  it('prints what was built as JSON, with the change it was told of', async () => {
    const change = {
      ticket: 'CHG-1',
      url: 'https://tickets.example.com/CHG-1',
      summary: 'orders may refund',
    };
    const flags = Object.entries(change).flatMap(([name, text]) => [`--change-${name}`, text]);
    const { stdout } = await build(await directoryOf(SOURCES), [...flags, '--json']);
    const opened = resultValue(openBundle(await readFile(out), out));
    expect(JSON.parse(stdout)).toEqual({
      file: out,
      bytes: (await readFile(out)).length,
      digest: opened.digest,
      name: 'payments',
      version: '1.2',
      owner: 'team-a',
      scope: { destinations: ['shop/payments'] },
      createdAt: '2026-11-03T09:30:00.000Z',
      change,
      tests: { passed: 3, coverage: 66 },
      cedar: opened.manifest.cedar,
      environments: [null, 'production', 'staging'],
      files: Object.fromEntries(opened.manifest.files),
    });
    expect(opened.manifest.change).toEqual(change);
  });

  it.each([
    ['--change-url', 'javascript:alert(1)', '`--change-url` must be an http or https URL'],
    ['--change-ticket', '', '`--change-ticket` must not be empty'],
    ['--change-summary', 'two\nlines', '`--change-summary` must be one line of text'],
  ])('ends with 2 for a bad %s', async (flag, value, message) => {
    const { stderr, exitCode } = await build(await directoryOf(SOURCES), [flag, value]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(await readdir(dirname(out))).toEqual([]);
  });

  it('ends with 3 for a policy outside the scope, and writes nothing', async () => {
    const wide = SOURCES['more.cedar']?.replace('resource ==', 'resource in') ?? '';
    const sources = { ...SOURCES, 'more.cedar': wide.replace('shop/payments/item', 'a/b/item') };
    const { stderr, exitCode } = await build(await directoryOf(sources));
    expect(exitCode).toBe(3);
    expect(stderr).toContain('more.cedar:1: the policy `posts` can match outside the scope');
    expect(stderr).toContain('limit it, for example: resource in Service::"shop/payments"');
    expect(await readdir(dirname(out))).toEqual([]);
  });

  it('ends with 5 when a test fails, and leaves the old file alone', async () => {
    await writeFile(out, 'old');
    const tests =
      SOURCES['tests/requests.yaml']?.replace('decision: allow', 'decision: deny') ?? '';
    const sources = { ...SOURCES, 'tests/requests.yaml': tests.replace(', policies: [reads]', '') };
    const { stderr, exitCode } = await build(await directoryOf(sources));
    expect(exitCode).toBe(5);
    expect(stderr).toContain('tests/requests.yaml:1: the test `reads` failed');
    expect(await readFile(out, 'utf8')).toBe('old');
  });

  it('warns of files that are left out, of no tests, and of what compiling warns of', async () => {
    const { 'tests/requests.yaml': _, ...rest } = SOURCES;
    const sources = { ...rest, 'notes.md': 'x', 'tests/notes.txt': 'x' };
    const never = SOURCES['more.cedar']?.replace('when {', 'when { false && ') ?? '';
    const { stderr, exitCode } = await build(
      await directoryOf({ ...sources, 'more.cedar': never }),
    );
    expect(exitCode).toBe(0);
    expect(stderr).toContain('warning: notes.md: has no part in a bundle and is left out');
    expect(stderr).toContain('warning: tests/notes.txt: has no part in a bundle and is left out');
    expect(stderr).toContain('warning: the bundle has no tests; the manifest says so');
    expect(stderr).toContain('warning: more.cedar:1');
  });

  it('is dated by Git, and ends with 1 when Git does not know', async () => {
    const directory = await directoryOf(SOURCES);
    const unknown = await build(directory, [], {});
    expect(unknown).toMatchObject({ stdout: '', exitCode: 1 });
    expect(unknown.stderr).toContain('[created_at_unknown]');
    git(directory, ['init', '-q']);
    commitAll(directory, 1_700_000_000);
    expect((await build(directory, [], {})).stdout).toContain('created   2023-11-14T22:13:20.000Z');
    await writeFile(join(directory, 'bundle.yaml'), `${SOURCES['bundle.yaml']}# more\n`);
    const dirty = await build(directory, [], {});
    expect(dirty.stderr).toContain('the source has changes that are not committed');
    expect(dirty.stderr).toContain('SOURCE_DATE_EPOCH');
  });

  it('ends with 1 when there is no directory, or the file cannot be written', async () => {
    expect((await build('/nowhere/at/all')).exitCode).toBe(1);
    out = join(dirname(out), 'missing', 'x.tar.gz');
    const { stderr, exitCode } = await build(await directoryOf(SOURCES));
    expect({ exitCode, unwritable: stderr.includes('[file_unwritable]') }).toEqual({
      exitCode: 1,
      unwritable: true,
    });
  });
});

describe('bundle inspect', () => {
  it('shows a built bundle to people', async () => {
    await build(await directoryOf(SOURCES), ['--change-ticket', 'CHG-1']);
    const { digest, manifest } = resultValue(openBundle(await readFile(out), out));
    const { stdout, stderr, exitCode } = await cedargate(['bundle', 'inspect', out]);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const [facts = '', entities = ''] = stdout.split('Entities\n');
    expect(facts).toBe(`payments 1.2
  digest    ${digest}
  owner     team-a
  scope     shop/payments
  protocol  http
  routes    item
  files     10
  built     as of 2026-11-03T09:30:00.000Z, for readers of formats 1
  engine    Cedar ${manifest.cedar.sdk}, language ${manifest.cedar.language}
  change    CHG-1
  tests     3 passed, 66 % of the policies reached
  signed    no

Policies of team-a
  reads main.cedar:2
    Workloads of shop réad.
    permit (principal in Namespace::"example.org/shop", action == Action::"GET", resource in Service::"shop/payments")

Policies of team-b
  no-secrets main.cedar:5
    Nobody reads secrets.
    forbid (principal, action, resource in Service::"shop/payments")
  posts more.cedar:1
    Gold groups post items.
    permit (principal in Group::"gold", action == Action::"POST", resource == Route::"shop/payments/item")

`);
    const rows = entities
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/));
    expect(rows).toEqual([
      ['(no environment)', 'production', 'staging'],
      ['number', '1', '1', '1'],
      [
        'Workload::"spiffe://example.org/ns/shop/sa/max"',
        ...['in', 'nothing', 'Group::"gold"', 'nothing'],
      ],
      ['why production differs: nobody has written it down: bundle.yaml, `environments`'],
      ['why staging differs: nobody has written it down: bundle.yaml, `environments`'],
    ]);
  });

  it('lists key ids, and says that nobody verified them', async () => {
    const directory = await directoryOf(SOURCES);
    await build(directory);
    const key = join(dirname(out), 'ada');
    await cedargate(['keygen', key]);
    await cedargate(['bundle', 'sign', out, '--key', `${key}.key`]);
    const { stdout } = await cedargate(['bundle', 'inspect', out]);
    expect(stdout).toMatch(
      /signed +by these keys, not verified here \(see verify\):\n +sha256:[0-9a-f]{64}/,
    );
  });

  it('shows the environments that are asked for', async () => {
    await build(await directoryOf(SOURCES));
    const args = ['--environment', 'staging', '--environment', 'test'];
    const { stdout } = await cedargate(['bundle', 'inspect', out, ...args]);
    expect(stdout).toMatch(
      /Entities\n +staging {2}test\n {2}number +1 +1\n {2}They are the same in all/,
    );
  });

  it('shows a directory too', async () => {
    const { stdout } = await cedargate(['bundle', 'inspect', await directoryOf(SOURCES)]);
    expect(stdout).toContain('built     no: this is a directory');
    expect(stdout).toContain('Policies of team-b');
  });

  it('prints everything as JSON', async () => {
    await build(await directoryOf(SOURCES));
    const { stdout } = await cedargate(['bundle', 'inspect', out, '--json']);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({
      name: 'payments',
      built: { tests: { passed: 3, coverage: 66 }, signatures: [] },
      scope: { destinations: ['shop/payments'] },
      routes: ['item'],
      environments: [
        { environment: null, entities: 1 },
        { environment: 'production', entities: 1 },
        { environment: 'staging', entities: 1 },
      ],
      differences: [{ what: 'in', values: ['nothing', 'Group::"gold"', 'nothing'] }],
    });
    expect(found.policies).toHaveLength(3);
    expect(found.policies[0]).toMatchObject({
      id: 'reads',
      scope: { resource: { kind: 'in', uid: { type: 'Service', id: 'shop/payments' } } },
    });
    expect(found.files).toHaveLength(10);
  });

  it('leaves out `no environment` where the schema wants one', async () => {
    const schema = SOURCES['schema.cedarschema']?.replace('environment?', 'environment') ?? '';
    const directory = await directoryOf({ ...SOURCES, 'schema.cedarschema': schema });
    const { stdout } = await cedargate(['bundle', 'inspect', directory, '--json']);
    expect(
      JSON.parse(stdout).environments.map((e: { environment: string }) => e.environment),
    ).toEqual(['production', 'staging']);
  });

  it('ends with the code of what is wrong', async () => {
    await writeFile(out, 'no bundle');
    expect(await cedargate(['bundle', 'inspect', out])).toMatchObject({ stdout: '', exitCode: 3 });
    expect((await cedargate(['bundle', 'inspect', `${out}x`])).exitCode).toBe(1);
  });
});

describe('bundle export', () => {
  const args = ['--configmap', 'payments-bundle', '--slot', 'a', '--namespace', 'shop'];

  it('prints ConfigMaps, or writes them to a file', async () => {
    await build(await directoryOf(SOURCES));
    const { stdout, stderr, exitCode } = await cedargate(['bundle', 'export', out, ...args]);
    expect({ stderr, exitCode }).toEqual({
      stderr: `warning: ${out} is not signed\n`,
      exitCode: 0,
    });
    expect(stdout).toContain('name: "payments-bundle-a"');
    expect(stdout).toContain((await readFile(out)).toString('base64'));
    const file = join(dirname(out), 'x.yaml');
    const written = await cedargate(['bundle', 'export', out, ...args, '--output', file]);
    expect(written.stdout).toBe('');
    expect(await readFile(file, 'utf8')).toBe(stdout);
  });

  it('ends with 2 for an unknown slot or a missing namespace', async () => {
    await build(await directoryOf(SOURCES));
    const slot = ['--configmap', 'x', '--slot', 'e', '--namespace', 'shop'];
    expect((await cedargate(['bundle', 'export', out, ...slot])).exitCode).toBe(2);
    expect((await cedargate(['bundle', 'export', out, ...args.slice(0, 4)])).exitCode).toBe(2);
  });

  it('exports nothing that does not open', async () => {
    await writeFile(out, 'no bundle');
    const { stdout, exitCode } = await cedargate(['bundle', 'export', out, ...args]);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 });
  });
});
