/** The CI that `cedargate init` sets up: its scripts run, and its workflows give nothing away. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readYaml } from '../../../src/bundle/yaml.js';
import { makeFiles, textOf, writeRepository } from '../../support/init-repository.js';

/**
 * Stands in for cedargate: writes down what it was asked, and ends with the code of the first line
 * in `codes` (`<code> <pattern>`) that matches. `bundle build` copies the file `to-build`.
 */
const DOUBLE = `#!/usr/bin/env bash
echo "$*" >> "$DOUBLE/calls"
if [ "$1" = verify ]; then cat "$4" >> "$DOUBLE/trust"; fi
echo "output of $*"
if [ "$2" = build ]; then cp "$DOUBLE/to-build" "$5"; fi
while read -r code pattern; do
  if [[ $* == *$pattern* ]]; then exit "$code"; fi
done < "$DOUBLE/codes"
exit 0
`;

let repository = '';
let double = '';
beforeEach(() => {
  repository = writeRepository();
  double = mkdtempSync(join(tmpdir(), 'cedargate-double-'));
  writeFileSync(join(double, 'cedargate'), DOUBLE);
  chmodSync(join(double, 'cedargate'), 0o755);
  writeFileSync(join(double, 'codes'), '');
  writeFileSync(join(double, 'calls'), '');
  return () => {
    for (const made of [repository, double]) rmSync(made, { recursive: true });
  };
});

const answers = (...lines: readonly string[]) =>
  writeFileSync(join(double, 'codes'), `${lines.join('\n')}\n`);
const calls = () => readFileSync(join(double, 'calls'), 'utf8').trimEnd().split('\n');

function script(name: string, ...args: readonly string[]) {
  const env = { ...process.env, DOUBLE: double, PATH: `${double}:${process.env.PATH}` };
  const options = { cwd: repository, env, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync('bash', [`ci/${name}.sh`, ...args], options);
  return { status, stdout, stderr };
}

function git(...args: readonly string[]): void {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com'];
  execFileSync('git', [...identity, ...args], { cwd: repository, stdio: 'ignore' });
}

/** A second bundle, and the name of the folder it lies in. */
function addBundle(name: string, where = repository): void {
  cpSync(join(repository, 'policies/payments'), join(where, 'policies', name), { recursive: true });
}

function addSigned(name: string, manifest: object, where = join(repository, 'bundles')): string {
  mkdirSync(where, { recursive: true });
  writeFileSync(join(where, 'manifest.json'), JSON.stringify(manifest));
  execFileSync('tar', ['-czf', name, 'manifest.json'], { cwd: where });
  rmSync(join(where, 'manifest.json'));
  return join(where, name);
}

describe('ci/test.sh', () => {
  it('tests every bundle and verifies every signed one', () => {
    addBundle('orders');
    addSigned('a-1.tar.gz', {});
    expect(script('test').status).toBe(0);
    expect(calls()).toEqual([
      'bundle test policies/orders',
      'bundle test policies/payments',
      'verify bundles/a-1.tar.gz --trust trust.yaml',
    ]);
  });

  it.each(['5 bundle test policies/orders', '3 bundle test policies/payments', '4 verify'])(
    'fails when one of them does, and tries the others: %s',
    (answer) => {
      addBundle('orders');
      addSigned('a-1.tar.gz', {});
      answers(answer);
      expect(script('test').status).toBe(1);
      expect(calls()).toHaveLength(3);
    },
  );

  it('fails where there is nothing to test', () => {
    rmSync(join(repository, 'policies'), { recursive: true });
    const { status, stderr } = script('test');
    expect(status).toBe(1);
    expect(stderr).toContain('no bundle');
  });

  it('judges by the trust.yaml of the commit that it is given', () => {
    git('init', '--quiet');
    git('add', 'trust.yaml');
    git('commit', '--quiet', '--message', 'base');
    const before = readFileSync(join(repository, 'trust.yaml'), 'utf8');
    writeFileSync(join(repository, 'trust.yaml'), 'changed: true\n');
    addSigned('a-1.tar.gz', {});
    expect(script('test', 'HEAD').status).toBe(0);
    expect(readFileSync(join(double, 'trust'), 'utf8')).toBe(before);
  });

  it('judges by the one that is there when the commit has none', () => {
    git('init', '--quiet');
    git('commit', '--quiet', '--allow-empty', '--message', 'base');
    addSigned('a-1.tar.gz', {});
    expect(script('test', 'HEAD').status).toBe(0);
    expect(calls()).toContain('verify bundles/a-1.tar.gz --trust trust.yaml');
  });
});

describe('ci/diff.sh', () => {
  let base = '';
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'cedargate-base-'));
    addBundle('payments', base);
    return () => rmSync(base, { recursive: true });
  });

  it('compares every bundle with the one before', () => {
    const { status, stdout } = script('diff', base);
    expect(status).toBe(0);
    const call = `bundle diff ${base}/policies/payments policies/payments --markdown`;
    expect(calls()).toEqual([call]);
    expect(stdout).toBe(`## payments\n\noutput of ${call}\n\n`);
  });

  it('takes differences for what they are, and not for a failure', () => {
    addBundle('orders');
    addBundle('orders', base);
    answers('5 bundle diff');
    expect(script('diff', base).status).toBe(0);
    expect(calls()).toHaveLength(2);
  });

  it.each([1, 3])('fails when the diff cannot be made: %i', (code) => {
    answers(`${code} bundle diff`);
    expect(script('diff', base).status).toBe(code);
  });

  it('says which bundles are new and which are gone', () => {
    addBundle('orders');
    addBundle('stock', base);
    const { status, stdout } = script('diff', base);
    expect(status).toBe(0);
    expect(calls()).toHaveLength(1);
    expect(stdout).toContain('## orders\n\nA new bundle');
    expect(stdout).toContain('## stock\n\nThe bundle is removed.');
  });

  it('wants to know what to compare with', () => {
    expect(script('diff').status).not.toBe(0);
  });
});

describe('ci/release.sh', () => {
  const MANIFEST = {
    name: 'payments',
    version: '1.0',
    createdAt: '2026-01-01T00:00:00.000Z',
    files: { 'a.cedar': 'sha256:00' },
    change: { ticket: '' },
  };

  function release(tag: string, signed: object) {
    cpSync(addSigned('x.tar.gz', MANIFEST, join(double, 'built')), join(double, 'to-build'));
    addSigned('payments-1.0.tar.gz', signed);
    return script('release', tag);
  }

  it('builds, verifies, and finds that the signed bundle is what the source builds to', () => {
    // The ticket is no part of the source.
    const { status, stdout } = release('payments@1.0', { ...MANIFEST, change: { ticket: 'C-1' } });
    expect(status).toBe(0);
    expect(stdout).toContain('payments@1.0 is signed');
    expect(calls()).toEqual([
      'bundle build policies/payments --output dist/payments-1.0.tar.gz',
      'verify bundles/payments-1.0.tar.gz --trust trust.yaml --deep',
    ]);
  });

  it.each([
    ['a file', { files: { 'a.cedar': 'sha256:01' } }],
    ['the time', { createdAt: '2026-01-01T00:00:01.000Z' }],
  ])('fails when %s differs', (_name, change) => {
    const { status, stderr } = release('payments@1.0', { ...MANIFEST, ...change });
    expect(status).toBe(1);
    expect(stderr).toContain('not built from this source');
  });

  it.each([{ name: 'orders' }, { version: '2.0' }])(
    'fails when the tag says other than %j',
    (c) => {
      const { status, stderr } = release('payments@1.0', { ...MANIFEST, ...c });
      expect(status).toBe(1);
      expect(stderr).toContain('the tag payments@1.0');
    },
  );

  it.each(['1 bundle build', '4 verify'])('fails when a step does: %s', (answer) => {
    answers(answer);
    expect(release('payments@1.0', MANIFEST).status).toBe(Number(answer[0]));
  });

  it.each(['v1.0', 'payments@', '../x@1', 'payments@1/2', '-x@1', 'a@1;touch pwned', 'a@$(id)'])(
    'takes no tag like %s',
    (tag) => {
      expect(release(tag, MANIFEST).status).toBe(2);
      expect(calls()).toEqual(['']);
      expect(existsSync(join(repository, 'pwned'))).toBe(false);
    },
  );
});

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Workflow {
  readonly permissions: object;
  readonly jobs: Readonly<Record<string, { permissions?: object; steps: readonly Step[] }>>;
}

function yamlOf(ci: 'github' | 'gitlab', path: string): unknown {
  const read = readYaml(path, textOf(makeFiles({ ci }), path));
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.value.value;
}

/** That bash can read a script, without running it. */
function expectBash(text: string): void {
  const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
  expect({ status, stderr }, text).toEqual({ status: 0, stderr: '' });
}

describe('the workflow for GitHub', () => {
  const workflow = yamlOf('github', '.github/workflows/policies.yml') as Workflow;
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  it('may read, and comment where it has to', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const more = Object.entries(workflow.jobs).flatMap(([name, { permissions }]) =>
      permissions === undefined ? [] : [[name, permissions]],
    );
    expect(more).toEqual([['diff', { contents: 'read', 'pull-requests': 'write' }]]);
  });

  it('uses two actions, and leaves no token behind in the checkout', () => {
    const uses = new Set(steps.flatMap((step) => step.uses ?? []));
    expect([...uses]).toEqual(['actions/checkout@v4', 'actions/setup-node@v4']);
    for (const step of steps.filter(({ uses: action }) => action === 'actions/checkout@v4')) {
      expect(step.with).toMatchObject({ 'persist-credentials': false });
    }
  });

  it('has scripts that stop at the first failure, and that no text of a change gets into', () => {
    for (const { run } of steps) {
      if (run === undefined) continue;
      expect(run).not.toContain('${'.concat('{'));
      if (run.includes('\n')) expect(run).toMatch(/^set -euo pipefail\n/);
      expectBash(run);
    }
  });
});

describe('the comment on a pull request', () => {
  const workflow = yamlOf('github', '.github/workflows/policies.yml') as Workflow;
  const step = workflow.jobs.diff?.steps.find(({ run }) => run?.includes('gh pr comment'));
  /** Stands in for gh: writes down what it was asked, and knows of the comments in `found`. */
  const GH = `#!/usr/bin/env bash
echo "$*" >> "$DOUBLE/calls"
case $* in *--paginate*) cat "$DOUBLE/found";; esac
`;

  function comment(diff: string, found: string): string {
    writeFileSync(join(double, 'gh'), GH);
    chmodSync(join(double, 'gh'), 0o755);
    writeFileSync(join(double, 'found'), found);
    writeFileSync(join(double, 'diff.md'), diff);
    const env = {
      ...process.env,
      DOUBLE: double,
      PATH: `${double}:${process.env.PATH}`,
      RUNNER_TEMP: double,
      GH_REPO: 'acme/policies',
      PULL_REQUEST: '7',
    };
    const options = { input: step?.run ?? 'exit 9', env, encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync('bash', options);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return readFileSync(join(double, 'comment.md'), 'utf8');
  }

  it('is made once', () => {
    expect(comment('## payments\n', '')).toBe('<!-- cedargate bundle diff -->\n## payments\n');
    expect(calls().at(-1)).toBe(`pr comment 7 --body-file ${double}/comment.md`);
  });

  it('is changed by the next run, and no other comment is', () => {
    comment('## payments\n', '41\n42\n');
    const call = 'api --silent --method PATCH repos/acme/policies/issues/comments/41';
    expect(calls().at(-1)).toBe(`${call} --field body=@${double}/comment.md`);
    expect(calls().join('\n')).toContain('startswith("<!-- cedargate bundle diff -->")');
  });

  it('is cut between characters when GitHub would not take all of it', () => {
    const text = comment('é🙂'.repeat(40_000), '');
    expect(text.length).toBeLessThan(65_536 * 2);
    expect([...text].length).toBeLessThan(61_000);
    expect(text).not.toContain('\ufffd');
    expect(text).toContain('Cut off here');
  });
});

describe('the pipeline for GitLab', () => {
  const pipeline = yamlOf('gitlab', '.gitlab-ci.yml') as Readonly<
    Record<string, { readonly script?: readonly string[] }>
  >;

  it('tests, says what a change means, and checks releases', () => {
    const jobs = Object.entries(pipeline).filter(([, job]) => job.script !== undefined);
    expect(jobs.map(([name]) => name)).toEqual([
      'policies-test',
      'policies-diff',
      'policies-release',
    ]);
    for (const [, { script: lines = [] }] of jobs) {
      expectBash(lines.join('\n'));
      for (const line of lines) expect(line).toMatch(/^(set -euo pipefail\n|bash ci\/\w+\.sh "\$)/);
    }
  });
});
