import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createFile,
  readBytes,
  replaceFile,
  replaceUnchanged,
} from '../../../src/commands/files.js';
import { temporaryDirectory } from '../../support/bundle-files.js';

const BYTES = Buffer.from('new');
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('replaceFile', () => {
  it('makes a file, and leaves nothing beside it', async () => {
    const directory = await temporaryDirectory();
    expect(await replaceFile(join(directory, 'a'), BYTES)).toEqual({ ok: true });
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('new');
    expect(await readdir(directory)).toEqual(['a']);
  });

  it('keeps the permissions of a file, whatever the umask, and a symbolic link', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'a'), 'old');
    await chmod(join(directory, 'a'), 0o666);
    await symlink('a', join(directory, 'link'));
    expect(await replaceFile(join(directory, 'link'), BYTES)).toEqual({ ok: true });
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('new');
    expect(await modeOf(join(directory, 'a'))).toBe(0o666);
    expect(await readdir(directory)).toEqual(['a', 'link']);
  });

  it('gives whoever reads meanwhile the old bytes: it is another file', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'a'), 'old');
    const before = await stat(join(directory, 'a'));
    await replaceFile(join(directory, 'a'), BYTES);
    expect((await stat(join(directory, 'a'))).ino).not.toBe(before.ino);
  });

  it('says what cannot be written, and leaves nothing behind', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'a'));
    for (const path of [join(directory, 'a'), join(directory, 'none', 'a')]) {
      expect(await replaceFile(path, BYTES)).toMatchObject({
        problems: [{ code: 'file_unwritable', file: path }],
      });
    }
    expect(await readdir(directory)).toEqual(['a']);
  });
});

it.each([
  ['a pipe', (path: string) => execFileSync('mkfifo', [path]), 'not a regular file'],
  ['a link to nothing', (path: string) => symlink('nowhere', path), 'leads to no file'],
])('replaceFile leaves %s alone', async (_what, make, message) => {
  const directory = await temporaryDirectory();
  const path = join(directory, 'a');
  await make(path);
  const before = await lstat(path);
  expect(await replaceFile(path, BYTES)).toMatchObject({
    problems: [{ code: 'file_unwritable', file: path, message: expect.stringContaining(message) }],
  });
  expect((await lstat(path)).ino).toBe(before.ino);
  expect(await readdir(directory)).toEqual(['a']);
});

describe('replaceUnchanged', () => {
  const OLD = Buffer.from('old');

  it('replaces what is as it was read, through a link, and leaves nothing beside it', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'a'), OLD);
    await symlink('a', join(directory, 'link'));
    expect(await replaceUnchanged(join(directory, 'link'), OLD, BYTES)).toEqual({ ok: true });
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('new');
    expect(await readdir(directory)).toEqual(['a', 'link']);
  });

  it.each([
    ['other', 'it was changed meanwhile'],
    ['longer', 'it was changed meanwhile'],
    ['', 'it was changed meanwhile'],
  ])('leaves alone what holds `%s` by now', async (content, message) => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'a'), content);
    expect(await replaceUnchanged(join(directory, 'a'), OLD, BYTES)).toMatchObject({
      problems: [{ code: 'file_unwritable', message: expect.stringContaining(message) }],
    });
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe(content);
    expect(await readdir(directory)).toEqual(['a']);
  });

  it('lets one of two at once win, and says who holds the lock', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'a'), OLD);
    const both = await Promise.all(
      ['1', '2'].map((text) => replaceUnchanged(join(directory, 'a'), OLD, Buffer.from(text))),
    );
    expect(both.filter(({ ok }) => ok)).toHaveLength(1);
    await writeFile(join(directory, '.a.lock'), '');
    const now = await readFile(join(directory, 'a'));
    expect(await replaceUnchanged(join(directory, 'a'), now, BYTES)).toMatchObject({
      problems: [{ message: expect.stringContaining(`remove \`${join(directory, '.a.lock')}\``) }],
    });
    expect(await readdir(directory)).toEqual(['.a.lock', 'a']);
  });
});

describe('createFile', () => {
  it('makes a file with exactly these permissions', async () => {
    const path = join(await temporaryDirectory(), 'key');
    expect(await createFile(path, BYTES, 0o600)).toEqual({ ok: true });
    expect(await modeOf(path)).toBe(0o600);
  });

  it('leaves a file alone that is there, even a link that leads nowhere', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'key'), 'old');
    await symlink('nowhere', join(directory, 'link'));
    for (const name of ['key', 'link']) {
      expect(await createFile(join(directory, name), BYTES, 0o600)).toMatchObject({
        problems: [{ code: 'file_unwritable' }],
      });
    }
    expect(await readFile(join(directory, 'key'), 'utf8')).toBe('old');
    expect(await readdir(directory)).toEqual(['key', 'link']);
  });
});

describe('readBytes', () => {
  it('reads up to the limit and refuses more', async () => {
    const path = join(await temporaryDirectory(), 'a');
    await writeFile(path, 'abc');
    expect(await readBytes(path, 3)).toEqual({ ok: true, value: Buffer.from('abc') });
    expect(await readBytes(path, 2)).toMatchObject({
      problems: [{ code: 'file_unreadable', message: 'the file has more than 2 bytes' }],
    });
  });

  it('says why a file cannot be read', async () => {
    const directory = await temporaryDirectory();
    for (const path of [directory, join(directory, 'none')]) {
      expect(await readBytes(path, 9)).toMatchObject({
        problems: [{ code: 'file_unreadable', file: path }],
      });
    }
  });
});
