import { execFileSync } from 'node:child_process';
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { formatBuiltManifest } from '../../../src/bundle/built-manifest.js';
import { openFromShelf, readShelf, type Shelf } from '../../../src/bundle/shelf.js';
import type { Digest } from '../../../src/bundle/types.js';
import {
  ARCHIVE_BYTES_MAX,
  BUILT_MANIFEST_BYTES_MAX,
  SHELF_BUNDLES_MAX,
  SHELF_DEPTH_MAX,
  SHELF_NAMES_MAX,
} from '../../../src/constants.js';
import { formatProblem, problem } from '../../../src/errors.js';
import { failed, ok, type Result } from '../../../src/result.js';
import { archiveOf, digestOf, manifestOf } from '../../support/built-bundles.js';
import { temporaryDirectory } from '../../support/bundle-files.js';
import { resultValue } from '../../support/result.js';
import { tarGzOf } from '../../support/tars.js';

const filesOf = (version: number) => ({ 'bundle.yaml': `${version}`, 'index.json': '{}' });
const bundle = (version: number) => archiveOf({ files: filesOf(version) });
const digest = (version: number): Digest =>
  digestOf(formatBuiltManifest(manifestOf(filesOf(version))));

let shelf = '';
beforeEach(async () => {
  shelf = await temporaryDirectory();
});

const put = async (name: string, bytes: Uint8Array) => {
  await mkdir(join(shelf, name, '..'), { recursive: true });
  await writeFile(join(shelf, name), bytes);
};
const read = async () => resultValue(await readShelf(shelf));
const found = ({ bundles }: Shelf) => bundles.map(({ name, digest: d }) => [name, d]);
const told = ({ problems }: Shelf) => problems.map((p) => formatProblem(p).split('\n')[0]);
const first = (result: Result<unknown>) =>
  result.ok ? 'taken' : formatProblem(result.problems[0]).split('\n')[0];

describe('a shelf', () => {
  it('finds bundles at any depth by their digest, whatever they are called', async () => {
    await put('one.tar.gz', bundle(1));
    await put('a/b/c/x.tar.gz', bundle(2));
    await put('readme.md', Buffer.from('no bundle'));
    await put('x.tar', bundle(3));
    const now = await read();
    expect(found(now)).toEqual([
      ['a/b/c/x.tar.gz', digest(2)],
      ['one.tar.gz', digest(1)],
    ]);
    expect(now.problems).toEqual([]);
  });

  it('reads a volume of kubelet through its visible symlinks, once', async () => {
    await put('slot-a/..2026_11_03/x.tar.gz', bundle(1));
    await put('slot-a/..2026_11_03/sub/y.tar.gz', bundle(2));
    await symlink('..2026_11_03', join(shelf, 'slot-a/..data'));
    await symlink('..data/x.tar.gz', join(shelf, 'slot-a/x.tar.gz'));
    await symlink('..data/sub', join(shelf, 'slot-a/sub'));
    await symlink('x.tar.gz', join(shelf, 'slot-a/again.tar.gz'));
    expect(found(await read())).toEqual([
      ['slot-a/again.tar.gz', digest(1)],
      ['slot-a/sub/y.tar.gz', digest(2)],
    ]);
  });

  it('never follows a symlink out of it, and says so', async () => {
    const outside = await temporaryDirectory();
    await writeFile(join(outside, 'x.tar.gz'), bundle(1));
    await symlink(join(outside, 'x.tar.gz'), join(shelf, 'x.tar.gz'));
    await symlink(outside, join(shelf, 'folder'));
    await symlink('nowhere', join(shelf, 'dangling.tar.gz'));
    const now = await read();
    expect(found(now)).toEqual([]);
    expect(told(now)).toEqual([
      expect.stringContaining('dangling.tar.gz: it cannot be read: no such file'),
      'folder: the symlink leads out of the shelf [bundle_unreadable]',
      'x.tar.gz: the symlink leads out of the shelf [bundle_unreadable]',
    ]);
  });

  it('is not led in circles', async () => {
    await put('a/x.tar.gz', bundle(1));
    await symlink('..', join(shelf, 'a/up'));
    await symlink('.', join(shelf, 'a/here'));
    expect(found(await read())).toEqual([['a/x.tar.gz', digest(1)]]);
  });

  it('tells what is damaged, and finds what lies beside it', async () => {
    await put('ok.tar.gz', bundle(1));
    await put('cut.tar.gz', bundle(2).subarray(0, 30));
    await put('empty.tar.gz', Buffer.alloc(0));
    await put('other.tar.gz', tarGzOf([{ name: 'a.txt', content: 'x' }]));
    await put('text.tar.gz', Buffer.from('no archive at all'));
    await mkdir(join(shelf, 'folder.tar.gz'));
    await put('huge.tar.gz', Buffer.alloc(1));
    await truncate(join(shelf, 'huge.tar.gz'), ARCHIVE_BYTES_MAX + 1);
    const long = tarGzOf([
      { name: 'manifest.json', content: Buffer.alloc(BUILT_MANIFEST_BYTES_MAX + 1) },
    ]);
    await put('long.tar.gz', long);
    const now = await read();
    expect(found(now)).toEqual([['ok.tar.gz', digest(1)]]);
    expect(told(now)).toEqual([
      expect.stringMatching(/^cut\.tar\.gz: the archive .*\[archive_invalid\]$/),
      expect.stringMatching(/^empty\.tar\.gz: the archive .*\[archive_invalid\]$/),
      `huge.tar.gz: the archive has more than ${ARCHIVE_BYTES_MAX} bytes [bundle_too_large]`,
      expect.stringContaining('long.tar.gz: `manifest.json` has more than'),
      expect.stringContaining('other.tar.gz: the first file is `a.txt`'),
      expect.stringContaining('text.tar.gz: the archive does not inflate'),
    ]);
  });

  it('reads no more of a bomb than the manifest may have', async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.alloc(512, 1), Buffer.alloc(64 * 1024 * 1024)]));
    await put('bomb.tar.gz', bomb);
    expect(told(await read())).toEqual([expect.stringContaining('bomb.tar.gz: a tar header has')]);
  });

  it('is read in seconds when small files inflate to the longest manifests', async () => {
    const long = tarGzOf([
      { name: 'manifest.json', content: Buffer.alloc(BUILT_MANIFEST_BYTES_MAX) },
    ]);
    for (let i = 0; i < 40; i += 1) await put(`long-${i}.tar.gz`, long);
    const startedMs = performance.now();
    expect((await read()).bundles).toHaveLength(40);
    // Putting the start together anew for every chunk takes more than ten.
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  it('is refused when it is not there', async () => {
    expect(first(await readShelf(join(shelf, 'none')))).toContain('[bundle_missing]');
    await put('file', Buffer.alloc(0));
    expect(first(await readShelf(join(shelf, 'file')))).toContain('[bundle_unreadable]');
  });

  it('is refused when it is too deep or has too many names or bundles', async () => {
    await mkdir(join(shelf, 'deep', ...Array(SHELF_DEPTH_MAX).fill('d')), { recursive: true });
    expect(first(await readShelf(shelf))).toContain(
      `the shelf has more than ${SHELF_DEPTH_MAX} folders inside each other [bundle_too_large]`,
    );
    await rm(join(shelf, 'deep'), { recursive: true });
    /** Empty files by a shell: ten times as fast as one by one. */
    const names = (count: number, suffix: string) =>
      execFileSync('sh', ['-c', `seq -f %.0f${suffix} ${count} | xargs touch`], { cwd: shelf });
    names(SHELF_BUNDLES_MAX + 1, '.tar.gz');
    expect(first(await readShelf(shelf))).toContain(
      `the shelf has more than ${SHELF_BUNDLES_MAX} bundles [bundle_too_large]`,
    );
    names(SHELF_NAMES_MAX - SHELF_BUNDLES_MAX, '.txt');
    await rm(join(shelf, '1.tar.gz'));
    await rm(join(shelf, '2.tar.gz'));
    expect((await readShelf(shelf)).ok).toBe(true);
    names(2, '.md');
    expect(first(await readShelf(shelf))).toContain(
      `the shelf has more than ${SHELF_NAMES_MAX} names [bundle_too_large]`,
    );
  });
});

describe('openFromShelf', () => {
  it('opens the bundle with the digest', async () => {
    await put('one.tar.gz', bundle(1));
    await put('two.tar.gz', bundle(2));
    const opened = await openFromShelf(await read(), digest(2), (o, { name }) => ok([o, name]));
    expect(resultValue(opened)).toMatchObject([{ digest: digest(2) }, 'two.tar.gz']);
  });

  it('says when no bundle has it', async () => {
    await put('one.tar.gz', bundle(1));
    expect(first(await openFromShelf(await read(), digest(2), ok))).toBe(
      `none of 1 bundles on the shelf has the digest \`${digest(2)}\` [bundle_not_on_shelf]`,
    );
  });

  it('goes on to the next file that holds it when one is damaged or not accepted', async () => {
    await put('a.tar.gz', bundle(1).subarray(0, -5));
    await put('b.tar.gz', bundle(1));
    await put('c.tar.gz', bundle(1));
    const asked: string[] = [];
    const result = await openFromShelf(await read(), digest(1), (_, { name }) => {
      asked.push(name);
      return name === 'c.tar.gz' ? ok(name) : failed(problem('signature_threshold', 'unsigned'));
    });
    expect(resultValue(result)).toBe('c.tar.gz');
    expect(asked).toEqual(['b.tar.gz', 'c.tar.gz']);
  });

  it('tells of every file why it is not taken', async () => {
    await put('a.tar.gz', bundle(1).subarray(0, -5));
    await put('b.tar.gz', archiveOf({ files: filesOf(1), signatures: undefined }));
    const result = await openFromShelf(await read(), digest(1), ok);
    expect(result).toMatchObject({
      ok: false,
      problems: [
        { code: 'archive_invalid', file: 'a.tar.gz' },
        { code: 'bundle_altered', file: 'b.tar.gz' },
      ],
    });
  });

  it('notices that a file was replaced since it was listed', async () => {
    await put('one.tar.gz', bundle(1));
    const before = await read();
    await put('one.tar.gz', bundle(2));
    expect(first(await openFromShelf(before, digest(1), ok))).toContain('[bundle_changing]');
    await truncate(join(shelf, 'one.tar.gz'), ARCHIVE_BYTES_MAX + 1);
    expect(first(await openFromShelf(before, digest(1), ok))).toContain('[bundle_too_large]');
    await rm(join(shelf, 'one.tar.gz'));
    expect(first(await openFromShelf(before, digest(1), ok))).toContain('[bundle_unreadable]');
    await mkdir(join(shelf, 'one.tar.gz'));
    expect(first(await openFromShelf(before, digest(1), ok))).toContain('not a regular file');
  });
});
