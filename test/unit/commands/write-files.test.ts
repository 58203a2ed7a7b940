import { mkdir, mkdtemp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { namesIn, writeNewFiles } from '../../../src/commands/write-files.js';

const folder = () => mkdtemp(join(tmpdir(), 'cedargate-write-'));
const file = (path: string, mode = 0o644) => ({ path, text: `text of ${path}\n`, mode });

async function everythingIn(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).sort();
}

describe('new files', () => {
  it('are written with their directories and permissions', async () => {
    const directory = join(await folder(), 'a', 'b');
    const files = [file('x/y/one'), file('x/two'), file('key', 0o600), file('run', 0o755)];
    expect(await writeNewFiles(directory, files)).toEqual({ ok: true, value: undefined });
    expect(await everythingIn(directory)).toEqual(['key', 'run', 'x', 'x/two', 'x/y', 'x/y/one']);
    expect(await readFile(join(directory, 'x/y/one'), 'utf8')).toBe('text of x/y/one\n');
    const modeOf = async (name: string) => (await stat(join(directory, name))).mode & 0o777;
    expect(await modeOf('key')).toBe(0o600);
    expect((await modeOf('run')) & 0o700).toBe(0o700);
  });

  it('never replace what is there, and leave no trace when one cannot be written', async () => {
    const directory = await folder();
    await mkdir(join(directory, 'x'));
    await writeFile(join(directory, 'x', 'mine'), 'mine');
    const files = [file('a'), file('b/c/d'), file('x/e'), file('x/mine'), file('z')];
    const result = await writeNewFiles(directory, files);
    expect(result.ok ? undefined : result.problems[0]).toMatchObject({
      code: 'file_unwritable',
      message: expect.stringMatching(/x\/mine` cannot be written: .*EEXIST/),
    });
    expect(await everythingIn(directory)).toEqual(['x', 'x/mine']);
    expect(await readFile(join(directory, 'x', 'mine'), 'utf8')).toBe('mine');
  });

  it('do not follow a link that leads nowhere', async () => {
    const directory = await folder();
    const elsewhere = join(await folder(), 'target');
    await symlink(elsewhere, join(directory, 'key'));
    expect(await writeNewFiles(directory, [file('key')])).toMatchObject({ ok: false });
    expect(await namesIn(elsewhere)).toEqual({ ok: true, value: [] });
  });

  it('take the directory with them that was made for them', async () => {
    const above = await folder();
    const files = [file('a'), file('a/b')];
    const result = await writeNewFiles(join(above, 'new', 'deep'), files);
    expect(result.ok).toBe(false);
    expect(await everythingIn(above)).toEqual([]);
  });

  it('are refused below a file', async () => {
    const directory = await folder();
    await writeFile(join(directory, 'file'), '');
    expect(await writeNewFiles(join(directory, 'file'), [file('a')])).toMatchObject({ ok: false });
    expect(await everythingIn(directory)).toEqual(['file']);
  });
});

describe('the names in a directory', () => {
  it('are sorted, and none when it is not there', async () => {
    const directory = await folder();
    for (const name of ['b', '.a', 'c']) await writeFile(join(directory, name), '');
    expect(await namesIn(directory)).toEqual({ ok: true, value: ['.a', 'b', 'c'] });
    expect(await namesIn(join(directory, 'none'))).toEqual({ ok: true, value: [] });
  });

  it('are refused of what is no directory', async () => {
    const directory = await folder();
    await writeFile(join(directory, 'file'), '');
    const result = await namesIn(join(directory, 'file'));
    expect(result.ok ? undefined : result.problems[0].code).toBe('file_unwritable');
  });
});
