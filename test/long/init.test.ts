/** `cedargate init` as people meet it: the built program, and what npm packs of it. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, repositoryFiles } from '../support/repository.js';
import { CLI } from '../support/sidecar.js';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cedargate-init-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function cedargate(...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [CLI, ...args], { cwd: directory, encoding: 'utf8' });
}

describe('init', () => {
  it('makes a repository in an empty folder whose tests pass', () => {
    const made = cedargate('init', '--name', 'orders', '--owner', 'The "orders" team');
    expect({ status: made.status, stderr: made.stderr }).toMatchObject({ status: 0 });
    const { status, stdout } = cedargate('bundle', 'test', 'policies/orders');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^orders \d{4}\.\d\d\.1: 10 passed\n3 of 3 policies reached\n$/);
  });

  it('refuses the folder the second time, with 1, and changes nothing', () => {
    const before = readdirSync(directory, { recursive: true });
    const { status, stdout, stderr } = cedargate('init');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('[directory_not_empty]');
    expect(readdirSync(directory, { recursive: true })).toEqual(before);
  });
});

describe('the loop of the README', () => {
  let tools = '';
  beforeAll(() => {
    tools = mkdtempSync(join(tmpdir(), 'cedargate-tools-'));
    const words = [process.execPath, CLI].map((word) => `'${word}'`);
    writeFileSync(join(tools, 'cedargate'), `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`);
    chmodSync(join(tools, 'cedargate'), 0o755);
  });
  afterAll(() => rmSync(tools, { recursive: true }));

  /** Runs a script in the repository made above, as a person at its root would. */
  function bash(script: string): { status: number | null; output: string } {
    const identity = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.com' };
    const committer = { GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.com' };
    const env = { ...process.env, ...identity, ...committer, PATH: `${tools}:${process.env.PATH}` };
    const options = { cwd: directory, env, input: script, encoding: 'utf8' } as const;
    const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail'], options);
    return { status, output: `${stdout}${stderr}` };
  }

  /** The version that the README names. */
  const release = () =>
    /orders@[0-9.]+[0-9]/.exec(readFileSync(join(directory, 'README.md'), 'utf8'))?.[0] ?? '';

  it('keeps private keys out of the first commit', () => {
    const { status, output } = bash(
      'git init --quiet && git add . && git commit --quiet --message one && git ls-files',
    );
    expect(status).toBe(0);
    expect(output).toContain('trust.yaml');
    expect(output).not.toContain('.key');
  });

  it('builds, signs and releases what CI then finds to be right', () => {
    const file = `${release().replace('@', '-')}.tar.gz`;
    const made = bash(`
      mkdir -p dist
      cedargate bundle build policies/orders --output dist/${file} --change-ticket CHG-1
      cedargate bundle sign dist/${file} --key keys/ben.key
      cedargate verify dist/${file} --trust trust.yaml --deep
      mkdir -p bundles && cp dist/${file} bundles/ && git add bundles
      git commit --quiet --message release
      bash ci/test.sh HEAD^
      bash ci/release.sh ${release()}`);
    expect(made).toMatchObject({ status: 0 });
    expect(made.output).toContain(`${release()} is signed, and is what this source builds to`);
  });

  it('takes no release of another source', () => {
    appendFileSync(join(directory, 'policies/orders/service.cedar'), '// changed\n');
    const { status, output } = bash(
      `git commit --quiet --all --message changed && bash ci/release.sh ${release()}`,
    );
    expect(output).toContain('was not built from this source');
    expect(status).toBe(1);
  });

  it('takes no bundle that nobody signed whom trust.yaml names', () => {
    const file = `${release().replace('@', '-')}.tar.gz`;
    expect(bash(`cp dist/${file} bundles/ && bash ci/test.sh`).status).toBe(1);
  });

  it('says what a change means', () => {
    const { status, output } = bash(`
      before=$(mktemp -d)
      git worktree add --quiet --detach "$before/main" HEAD
      sed -i 's/Group::"item-writers"/Group::"nobody"/' policies/orders/service.cedar
      bash ci/diff.sh "$before/main"`);
    expect(status).toBe(0);
    expect(output).toContain('## orders');
    expect(output).toContain('writers-create-items');
  });
});

describe('the package', () => {
  it('holds every template, under names that npm leaves alone', () => {
    const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
    const { stdout } = spawnSync('npm', args, { cwd: ROOT, encoding: 'utf8' });
    const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
    const paths = packed?.files.map(({ path }) => path) ?? [];
    const templates = repositoryFiles().filter((file) => file.startsWith('src/init/template/'));
    expect(templates.length).toBeGreaterThan(15);
    const expected = templates.map((file) => file.replace(/^src/, 'dist'));
    expect(expected.filter((file) => !paths.includes(file))).toEqual([]);
  });
});
