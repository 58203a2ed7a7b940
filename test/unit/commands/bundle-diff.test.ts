import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { formatBuiltManifest } from '../../../src/bundle/built-manifest.js';
import { registerBundleDiff } from '../../../src/commands/bundle-diff.js';
import { archiveOf, digestOf, manifestOf } from '../../support/built-bundles.js';
import { memoryIo } from '../../support/io.js';
import { decisionLine } from '../../support/log-lines.js';
import { SMALL_FILES } from '../analysis/small-bundle.js';

type Files = Readonly<Record<string, string>>;

async function directoryWith(files: Files): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cedargate-'));
  for (const [name, text] of Object.entries({ ...SMALL_FILES, ...files })) {
    await writeFile(join(directory, name), text);
  }
  return directory;
}

async function bundleDiff(args: readonly string[], stdin = '') {
  const io = memoryIo({ stdin });
  const command = new Command('bundle').exitOverride();
  registerBundleDiff(command, io);
  await command.parseAsync(['diff', ...args], { from: 'user' });
  return { ...io.written, exitCode: io.exitCode };
}

/** As archives have them, with the index that `bundle diff` does not use. */
const PACKED = Object.fromEntries(
  Object.entries({ ...SMALL_FILES, 'index.json': '{}' }).sort(([x], [y]) => (x < y ? -1 : 1)),
);
const MAIN = SMALL_FILES['main.cedar'] as string;
const CHANGED: Files = {
  'bundle.yaml': 'name: small\nversion: "2"\nowner: team-a\nscope: {destinations: [a/b]}\n',
  'main.cedar': MAIN.replace('== "yes"', '== "no"').replace(
    '@id("posts") @owner("team-b")',
    '@id("posts") @owner("team-c")',
  ),
};

async function twoDirectories(after: Files) {
  return [await directoryWith({}), await directoryWith(after)] as const;
}

/** Without what differs from run to run. */
function plain(text: string, a: string, b: string): string {
  return text
    .replaceAll(a, 'A')
    .replaceAll(b, 'B')
    .replace(/(sha256:)?[0-9a-f]{64}|sha256:[0-9a-f]{12}/g, 'DIGEST');
}

const LINE = decisionLine({
  decision_id: 'd-1',
  environment: 'production',
  decision: 'allow',
  reason: 'policy_permit',
  policies: ['posts'],
  replayable: true,
  input: {
    principal: { type: 'Workload', id: 'spiffe://example.org/ns/shop/sa/orders' },
    action: 'POST',
    resource: { type: 'Route', id: 'a/b/item' },
    context: { path: '/items/1', headers: { 'x-one': 'yes' }, claims: { level: 3 } },
  },
});

describe('bundle diff', () => {
  it('of equal bundles says so and ends with 0', async () => {
    const [a, b] = await twoDirectories({});
    const { stdout, exitCode } = await bundleDiff([a, b]);
    expect(stdout).toContain('No differences.');
    expect(exitCode).toBe(0);
    expect((await bundleDiff([a, b, '--markdown'])).stdout).toContain('No differences.');
  });

  it('prints sentences and ends with 5', async () => {
    const [a, b] = await twoDirectories(CHANGED);
    const { stdout, exitCode } = await bundleDiff([a, b]);
    expect(plain(stdout, a, b)).toMatchInlineSnapshot(`
      "small 1 (A, DIGEST)
        -> small 2 (B, DIGEST)

      What changes for callers, in production
        - spiffe://example.org/ns/shop/sa/max, spiffe://example.org/ns/shop/sa/orders, any other workload in namespace example.org/shop and 4 more lose POST on a/b route item (when context.claims.level > 2 and context.headers["x-one"] == "yes")
            callers: spiffe://example.org/ns/shop/sa/max, spiffe://example.org/ns/shop/sa/orders, any other workload in namespace example.org/shop, any other workload of trust domain example.org, any other workload of trust domain example.org, in no namespace, any other workload of any other trust domain, any other workload of any other trust domain, in no namespace
            before: allow, posts
            after:  deny, no_permit
            cedargate explain --service a/b --caller spiffe://example.org/ns/shop/sa/max --method POST --environment production --path /items/x --header x-one=yes --claim level=3
        + spiffe://example.org/ns/shop/sa/max, spiffe://example.org/ns/shop/sa/orders, any other workload in namespace example.org/shop and 4 more gain POST on a/b route item (when context.claims.level > 2 and context.headers["x-one"] == "no")
            callers: spiffe://example.org/ns/shop/sa/max, spiffe://example.org/ns/shop/sa/orders, any other workload in namespace example.org/shop, any other workload of trust domain example.org, any other workload of trust domain example.org, in no namespace, any other workload of any other trust domain, any other workload of any other trust domain, in no namespace
            before: deny, no_permit
            after:  allow, posts
            cedargate explain --service a/b --caller spiffe://example.org/ns/shop/sa/max --method POST --environment production --path /items/x --header x-one=no --claim level=3
        4 of 40 classes of requests can differ; asked all 80 combinations

      Manifest
        version 1 -> 2

      Policies (4 unchanged)
        ~ posts (main.cedar:7): owner team-b -> team-c, text
      "
    `);
    expect(exitCode).toBe(5);
  });

  it('prints Markdown with everything but the summary folded', async () => {
    const [a, b] = await twoDirectories(CHANGED);
    const { stdout, exitCode } = await bundleDiff([a, b, '--markdown']);
    expect(plain(stdout, a, b)).toMatchInlineSnapshot(`
      "### Policy diff: \`small 1\` to \`small 2\`

      Policies: 1 changed.

      - **lost** \`spiffe://example.org/ns/shop/sa/max, spiffe://example.org/ns/shop/sa/orders, any other workload in namespace example.org/shop and 4 more lose POST on a/b route item (when context.claims.level > 2 and context.headers["x-one"] == "yes")\`
      - **gained** \`spiffe://example.org/ns/shop/sa/max, spiffe://example.org/ns/shop/sa/orders, any other workload in namespace example.org/shop and 4 more gain POST on a/b route item (when context.claims.level > 2 and context.headers["x-one"] == "no")\`

      <details><summary>Requests decided differently, in production (2)</summary>

      | what changes | decision | decided by, before | decided by, after |
      | --- | --- | --- | --- |
      | \`spiffe://example.org/ns/shop/sa/max, spiffe://example.org/ns/shop/sa/orders, any other workload in namespace example.org/shop and 4 more lose POST on a/b route item (when context.claims.level > 2 and context.headers["x-one"] == "yes")\` | allow → deny | \`posts\` | \`no_permit\` |
      | \`spiffe://example.org/ns/shop/sa/max, spiffe://example.org/ns/shop/sa/orders, any other workload in namespace example.org/shop and 4 more gain POST on a/b route item (when context.claims.level > 2 and context.headers["x-one"] == "no")\` | deny → allow | \`no_permit\` | \`posts\` |

      One request of each:

      - \`cedargate explain --service a/b --caller spiffe://example.org/ns/shop/sa/max --method POST --environment production --path /items/x --header x-one=yes --claim level=3\`
        \`callers: spiffe://example.org/ns/shop/sa/max, spiffe://example.org/ns/shop/sa/orders, any other workload in namespace example.org/shop, any other workload of trust domain example.org, any other workload of trust domain example.org, in no namespace, any other workload of any other trust domain, any other workload of any other trust domain, in no namespace\`
      - \`cedargate explain --service a/b --caller spiffe://example.org/ns/shop/sa/max --method POST --environment production --path /items/x --header x-one=no --claim level=3\`
        \`callers: spiffe://example.org/ns/shop/sa/max, spiffe://example.org/ns/shop/sa/orders, any other workload in namespace example.org/shop, any other workload of trust domain example.org, any other workload of trust domain example.org, in no namespace, any other workload of any other trust domain, any other workload of any other trust domain, in no namespace\`

      </details>

      <details><summary>What the bundles say differently (2)</summary>

      | part | change |
      | --- | --- |
      | manifest | \`version 1 -> 2\` |
      | policy changed | \`posts (main.cedar:7): owner team-b -> team-c, text\` |

      </details>

      <details><summary>How this was found</summary>

      - \`A\`: \`DIGEST\`
      - \`B\`: \`DIGEST\`
      - in production: 4 of 40 classes of requests can differ; asked all 80 combinations

      </details>
      "
    `);
    expect(exitCode).toBe(5);
  });

  it('prints JSON of a stable shape', async () => {
    const [a, b] = await twoDirectories(CHANGED);
    const diff = JSON.parse((await bundleDiff([a, b, '--json'])).stdout);
    expect(Object.keys(diff)).toEqual([
      ...['schemaVersion', 'before', 'after', 'differs', 'change', 'structure', 'entities'],
      ...['meaning', 'environmentsNotCompared', 'traffic'],
    ]);
    expect(diff).toMatchObject({ schemaVersion: 1, differs: true, traffic: null });
    expect(Object.keys(diff.meaning[0].flips[0])).toEqual([
      ...['caller', 'actions', 'destination', 'routes', 'wholeDestination', 'from', 'to'],
      ...['conditions', 'exhaustive', 'questions', 'witness', 'before', 'after'],
    ]);
  });

  it('differs when words alone change', async () => {
    const [a, b] = await twoDirectories({ 'main.cedar': MAIN.replace('"team-a"', '"team-z"') });
    const { stdout, exitCode } = await bundleDiff([a, b]);
    expect(stdout).toContain('~ reads (main.cedar:1): owner team-a -> team-z');
    expect(stdout).toContain('No decision changes');
    expect(exitCode).toBe(5);
  });

  it('compares in the environments that have entities, or in those that are named', async () => {
    const [a, b] = await twoDirectories({ 'entities.staging.json': '[]' });
    const environments = async (args: readonly string[]) => {
      const diff = JSON.parse((await bundleDiff([a, b, '--json', ...args])).stdout);
      return diff.meaning.map(({ environment }: { environment: string }) => environment);
    };
    expect(await environments([])).toEqual(['production', 'staging']);
    expect(await environments(['--environment', 'staging'])).toEqual(['staging']);
  });

  it('names environments that policies name and nobody compared', async () => {
    const text =
      '@id("s") @owner("a") @description("S.") permit (principal, action == Action::"GET", resource) when { context has environment && context.environment == "staging" };';
    const [a, b] = await twoDirectories({ 's.cedar': text });
    expect((await bundleDiff([a, b])).stdout).toContain('not compared: staging');
  });

  it.each([
    ['plain', (text: string) => Buffer.from(text)],
    ['gzip', (text: string) => gzipSync(text)],
  ])('decides a %s log again', async (_name, pack) => {
    const [a, b] = await twoDirectories(CHANGED);
    const log = join(a, '..', `cedargate-log-${process.pid}-${Math.random()}.ndjson`);
    await writeFile(log, pack(`${LINE}\nnonsense\n${LINE}`));
    const { stdout } = await bundleDiff([a, b, '--traffic', log]);
    expect(stdout).toContain(
      'spiffe://example.org/ns/shop/sa/orders loses POST on a/b route item: 2 requests, such as decision d-1',
    );
    expect(stdout).toContain('decided 2 of 3 lines again; 1 not read');
  });

  it('reads a log from stdin', async () => {
    const [a, b] = await twoDirectories(CHANGED);
    const { stdout } = await bundleDiff([a, b, '--traffic', '-', '--markdown'], LINE);
    expect(stdout).toContain('Observed traffic, in production (1)');
  });

  it.each<[string, readonly string[], number, string]>([
    ['a limit that is no number', ['--limit', 'many'], 2, '--limit many'],
    ['a destination of another form', ['--destination', 'x'], 2, '--destination x'],
    ['two formats', ['--markdown', '--json'], 2, 'exclude each other'],
  ])('refuses %s', async (_name, args, code, message) => {
    const [a, b] = await twoDirectories({});
    const { stderr, exitCode } = await bundleDiff([a, b, ...args]);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(code);
  });

  it('says which of the bundles is invalid, and ends with 3', async () => {
    const [a, b] = await twoDirectories({ 'main.cedar': 'permit (' });
    const { stderr, exitCode } = await bundleDiff([a, b]);
    expect(stderr).toContain(join(b, 'main.cedar'));
    expect(exitCode).toBe(3);
  });

  it('compares a built bundle with a directory, and names the tickets', async () => {
    const [a, b] = await twoDirectories(CHANGED);
    const file = join(b, '..', `cedargate-${process.pid}-${Math.random()}.tar.gz`);
    const change = { ticket: 'CHG-1041', summary: 'Other header' };
    const manifest = formatBuiltManifest(manifestOf(PACKED, { change }));
    await writeFile(file, archiveOf({ files: PACKED, manifest }));
    const equal = await bundleDiff([file, a, '--json']);
    expect(equal.stderr).not.toContain('error');
    const same = JSON.parse(equal.stdout);
    expect(same).toMatchObject({ differs: false, before: { ticket: 'CHG-1041' } });
    expect(same.before.digest).toBe(digestOf(manifest));
    const { stdout, exitCode } = await bundleDiff([file, b]);
    expect(stdout).toContain('ticket CHG-1041 removed');
    expect(stdout).toContain('lose POST on a/b route item');
    expect(exitCode).toBe(5);
  });

  it('refuses a built bundle that was cut off', async () => {
    const a = await directoryWith({});
    const file = join(a, 'cut.tar.gz');
    await writeFile(file, archiveOf({ files: PACKED }).subarray(0, 200));
    expect((await bundleDiff([file, a])).exitCode).toBe(3);
  });

  it('cannot compare with what is not there', async () => {
    const a = await directoryWith({});
    const { exitCode } = await bundleDiff([a, join(a, 'nothing')]);
    expect(exitCode).toBe(1);
  });
});
