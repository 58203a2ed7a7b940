/** `cedargate init` as people meet it: the built program, and what npm packs of it. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, repositoryFiles } from '../support/repository.js';

const BUILT = join(ROOT, 'dist', 'cli.js');
/** The built program, or its source where nothing has been built. */
const PROGRAM = existsSync(BUILT) ? [BUILT] : ['--import', 'tsx', join(ROOT, 'src', 'cli.ts')];

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cedargate-init-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function cedargate(...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [...PROGRAM, ...args], { cwd: directory, encoding: 'utf8' });
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
