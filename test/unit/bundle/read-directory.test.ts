import { execFileSync } from 'node:child_process';
import { chmod, mkdir, rename, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readBundleDirectory } from '../../../src/bundle/read-directory.js';
import { BUNDLE_BYTES_MAX, BUNDLE_ENTRIES_MAX } from '../../../src/constants.js';
import { temporaryDirectory, writeFiles } from '../../support/bundle-files.js';
import { createKubeletVolume } from '../../support/kubelet-volume.js';

async function contentOf(directory: string): Promise<Record<string, string>> {
  const result = await readBundleDirectory(directory);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const { files } = result.value;
  return Object.fromEntries(files.map((f) => [f.name, Buffer.from(f.bytes).toString('utf8')]));
}

async function problemsOf(directory: string) {
  const result = await readBundleDirectory(directory);
  if (result.ok) throw new Error('the directory was read');
  return result.problems;
}

describe('a bundle directory', () => {
  test('gives its own files and tells what it ignored', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, {
      'a.cedar': 'A',
      'b.cedar': 'B',
      'schema.cedarschema': 'S',
      'bundle.yaml': 'M',
      'routes.yaml': 'R',
      'entities.json': 'E',
      'entities.prod.json': 'P',
      '.hidden.cedar': 'no',
      '.a.cedar.swp': 'no',
      'a.cedar~': 'no',
      'README.md': 'no',
      'bundle.yml': 'no',
      'A.CEDAR': 'no',
    });
    await mkdir(join(directory, 'tests'));
    await mkdir(join(directory, 'more'));
    const result = await readBundleDirectory(directory);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(result.value.files.map(({ name }) => name)).toEqual([
      'a.cedar',
      'b.cedar',
      'bundle.yaml',
      'entities.json',
      'entities.prod.json',
      'routes.yaml',
      'schema.cedarschema',
    ]);
    expect(result.value.realPath).toBe(directory);
    expect(result.value.ignored).toEqual(['A.CEDAR', 'README.md', 'a.cedar~', 'bundle.yml']);
  });

  test('may be reached through a symlink', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, { 'a.cedar': 'A' });
    await symlink(directory, `${directory}-link`);
    expect(await contentOf(`${directory}-link`)).toEqual({ 'a.cedar': 'A' });
  });

  test('that is not there is missing; a file is no directory', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, { file: '' });
    expect(await problemsOf(join(directory, 'none'))).toMatchObject([{ code: 'bundle_missing' }]);
    expect(await problemsOf(join(directory, 'file'))).toMatchObject([
      { code: 'bundle_unreadable' },
    ]);
    await symlink('loop', join(directory, 'loop'));
    expect(await problemsOf(join(directory, 'loop'))).toMatchObject([
      { code: 'bundle_unreadable' },
    ]);
  });

  test('may link to its own files only', async () => {
    const directory = await temporaryDirectory();
    const outside = await temporaryDirectory();
    await writeFiles(outside, { secret: 'secret' });
    await writeFiles(directory, { 'README.txt': 'inside' });
    await symlink('README.txt', join(directory, 'a.cedar'));
    expect(await contentOf(directory)).toEqual({ 'a.cedar': 'inside' });

    await symlink(join(outside, 'secret'), join(directory, 'b.cedar'));
    await symlink('c.cedar', join(directory, 'c.cedar'));
    await symlink('nowhere', join(directory, 'd.cedar'));
    await symlink('.', join(directory, 'e.cedar'));
    const problems = await problemsOf(directory);
    expect(problems.map(({ code, file }) => [code, file])).toEqual(
      ['b', 'c', 'd', 'e'].map((name) => ['bundle_unreadable', `${name}.cedar`]),
    );
    expect(JSON.stringify(problems)).not.toContain(outside);
  });

  test('refuses everything that is no regular file, without waiting for it', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'directory.cedar'));
    execFileSync('mkfifo', [join(directory, 'pipe.cedar')]);
    await symlink('/dev/zero', join(directory, 'device.cedar'));
    const server = createServer().listen(join(directory, 'socket.cedar'));
    const problems = await problemsOf(directory);
    server.close();
    expect(problems.map(({ file, message }) => [file, message])).toEqual([
      ['device.cedar', 'the symlink leads out of the directory'],
      ['directory.cedar', 'this is a directory, not a file'],
      ['pipe.cedar', 'this is a pipe, not a file'],
      ['socket.cedar', 'this is a socket, not a file'],
    ]);
  });

  test('names the file that may not be read', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, { 'a.cedar': 'A', 'b.cedar': 'B' });
    await chmod(directory, 0o755);
    await chmod(join(directory, 'b.cedar'), 0o000);
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65_534);
    try {
      expect(await problemsOf(directory)).toMatchObject([
        { file: 'b.cedar', message: 'the file cannot be read: permission denied (EACCES)' },
      ]);
    } finally {
      if (root) process.seteuid?.(0);
    }
  });

  test('refuses names that deceive, and shows them harmlessly', async () => {
    const directory = await temporaryDirectory();
    for (const name of ['a\nb.cedar', '\u202ex.cedar', '\u001b[2J.txt']) {
      await writeFile(join(directory, name), '');
    }
    const bytes = Buffer.concat([
      Buffer.from(`${directory}/`),
      Buffer.from([0x66, 0xff]),
      Buffer.from('.cedar'),
    ]);
    await writeFile(bytes, '');
    const problems = await problemsOf(directory);
    expect(problems.map(({ file }) => file).sort()).toEqual(
      ['a\\u{a}b.cedar', 'f\ufffd.cedar', '\\u{202e}x.cedar'].sort(),
    );
    expect(problems.every(({ code }) => code === 'bundle_unreadable')).toBe(true);
  });

  test('over the cap of bytes is refused before anything is read', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, { 'a.cedar': 'A', 'b.cedar': 'B' });
    await truncate(join(directory, 'a.cedar'), BUNDLE_BYTES_MAX);
    expect(await problemsOf(directory)).toMatchObject([{ code: 'bundle_too_large' }]);
    await truncate(join(directory, 'a.cedar'), BUNDLE_BYTES_MAX - 1);
    expect((await readBundleDirectory(directory)).ok).toBe(true);
    await truncate(join(directory, 'a.cedar'), 2 ** 40);
    expect(await problemsOf(directory)).toMatchObject([{ code: 'bundle_too_large' }]);
  });

  test('over the cap of entries is refused', async () => {
    const directory = await temporaryDirectory();
    execFileSync('sh', ['-c', `seq ${BUNDLE_ENTRIES_MAX + 1} | xargs touch`], { cwd: directory });
    expect(await problemsOf(directory)).toMatchObject([{ code: 'bundle_too_large' }]);
  });

  test('that is edited without end is refused as changing', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, { 'a.cedar': 'A' });
    let writing = true;
    const edits = (async () => {
      for (let i = 0; writing; i += 1) await writeFile(join(directory, 'a.cedar'), String(i));
    })();
    const problems = await problemsOf(directory);
    writing = false;
    await edits;
    expect(problems).toMatchObject([{ code: 'bundle_changing' }]);
    expect(Object.keys(await contentOf(directory))).toEqual(['a.cedar']);
  });

  test('edited a moment ago is read as it is after the edit', async () => {
    const directory = await temporaryDirectory();
    for (let i = 0; i < 20; i += 1) {
      await writeFiles(directory, { 'a.cedar': `${i}`, 'b.cedar': `${i}` });
      expect(await contentOf(directory)).toEqual({ 'a.cedar': `${i}`, 'b.cedar': `${i}` });
    }
  });
});

describe('a kubelet volume', () => {
  test('is read through `..data`, and never mixed while it is swapped', async () => {
    const directory = join(await temporaryDirectory(), 'volume');
    const volume = createKubeletVolume(directory);
    const files = (n: number) => {
      const names = Array.from({ length: 20 }, (_, i) => `p${i}.cedar`);
      return Object.fromEntries(names.map((name) => [name, String(n)]));
    };
    await volume.write(files(0));
    let swapping = true;
    const swaps = (async () => {
      for (let n = 1; swapping; n += 1) await volume.write(files(n));
    })();
    let seen = 0;
    for (let reads = 0; reads < 60; reads += 1) {
      const result = await readBundleDirectory(directory);
      // Swapped faster than it can be read: refused, which is not a mix.
      if (!result.ok) {
        expect(result.problems).toMatchObject([{ code: 'bundle_changing' }]);
        continue;
      }
      const versions = result.value.files.map(({ bytes }) => Buffer.from(bytes).toString());
      expect(versions).toHaveLength(20);
      expect(new Set(versions).size).toBe(1);
      seen += 1;
    }
    swapping = false;
    await swaps;
    expect(seen).toBeGreaterThan(0);
  });

  test('tells `..data` that is broken or leads elsewhere', async () => {
    const directory = await temporaryDirectory();
    const outside = await temporaryDirectory();
    await writeFiles(directory, { 'a.cedar': 'A' });
    await symlink(outside, join(directory, '..data'));
    expect(await problemsOf(directory)).toMatchObject([
      { code: 'bundle_unreadable', message: '`..data` leads out of the directory' },
    ]);
    await unlink(join(directory, '..data'));
    await symlink('..gone', join(directory, '..data'));
    expect(await problemsOf(directory)).toMatchObject([
      { code: 'bundle_unreadable', message: '`..data` leads nowhere' },
    ]);
    await rename(join(directory, 'a.cedar'), join(directory, '..gone'));
    expect(await problemsOf(directory)).toMatchObject([
      { code: 'bundle_unreadable', message: '`..data` is not a directory' },
    ]);
  });
});
