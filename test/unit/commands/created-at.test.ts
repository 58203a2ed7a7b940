import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createdAt } from '../../../src/commands/created-at.js';
import { temporaryDirectory } from '../../support/bundle-files.js';
import { commitAll, git } from '../../support/git.js';

let repository = '';
let directory = '';
beforeEach(async () => {
  repository = await temporaryDirectory();
  directory = join(repository, 'policies');
  await mkdir(join(directory, 'tests'), { recursive: true });
  await write('bundle.yaml', '1');
  await write('tests/a.yaml', '1');
  git(repository, ['init', '-q']);
  commitAll(repository, 1_700_000_000);
});

const write = (name: string, text: string) => writeFile(join(directory, name), text);

const FILES = ['bundle.yaml', 'tests/a.yaml'];

async function time(env: Record<string, string> = {}, source = { directory, files: FILES }) {
  const result = await createdAt(source, env);
  if (result.ok) return result.value;
  const [{ code, message }] = result.problems;
  return `${message} [${code}]`;
}

describe('the time that a bundle is built as of', () => {
  it('is SOURCE_DATE_EPOCH where that is set, whatever the directory is', async () => {
    await write('bundle.yaml', '2');
    expect(await time({ SOURCE_DATE_EPOCH: '1' })).toBe('1970-01-01T00:00:01.000Z');
    expect(await time({ SOURCE_DATE_EPOCH: '0' })).toBe('1970-01-01T00:00:00.000Z');
    expect(await time({ SOURCE_DATE_EPOCH: '253402300799' })).toBe('9999-12-31T23:59:59.000Z');
  });

  it.each(['now', '-1', '1.5', '253402300800', '1e9', ' 1', '99999999999999999'])(
    'is refused when SOURCE_DATE_EPOCH is `%s`',
    async (SOURCE_DATE_EPOCH) => {
      expect(await time({ SOURCE_DATE_EPOCH })).toContain('[input_invalid]');
    },
  );

  it('is else that of the last commit that touches the directory, as committed', async () => {
    expect(await time()).toBe('2023-11-14T22:13:20.000Z');
    await writeFile(join(repository, 'README.md'), 'elsewhere');
    commitAll(repository, 1_700_000_100);
    expect(await time({ SOURCE_DATE_EPOCH: '' })).toBe('2023-11-14T22:13:20.000Z');
    await write('bundle.yaml', '2');
    commitAll(repository, 1_700_000_200);
    expect(await time()).toBe('2023-11-14T22:16:40.000Z');
  });

  it('is found where Git is set up to show the signatures of commits', async () => {
    const gpg = join(repository, '.git', 'gpg');
    const signs =
      'echo "[GNUPG:] SIG_CREATED " >&2; echo "-----BEGIN PGP SIGNATURE-----"; echo said >&2';
    await writeFile(gpg, `#!/bin/sh\ncat > /dev/null\n${signs}\n`, { mode: 0o755 });
    for (const [name, value] of [
      ['gpg.program', gpg],
      ['log.showSignature', 'true'],
    ] as const) {
      git(repository, ['config', name, value]);
    }
    await write('bundle.yaml', '2');
    git(repository, ['commit', '-qaS', '-m', 'signed'], 1_700_000_300);
    // Git prints what gpg says in front.
    expect(git(repository, ['log', '-1', '--format=%ct'])).not.toMatch(/^1700000300/);
    expect(await time()).toBe('2023-11-14T22:18:20.000Z');
  });

  it('is found through a symlink to the directory', async () => {
    await symlink('policies', join(repository, 'link'));
    expect(await time({}, { directory: join(repository, 'link'), files: FILES })).toBe(
      '2023-11-14T22:13:20.000Z',
    );
  });

  it('does not mind files that are no part of the bundle', async () => {
    await write('notes.txt', 'mine');
    expect(await time()).toBe('2023-11-14T22:13:20.000Z');
  });

  it('is unknown while something is changed, added, staged or removed', async () => {
    const dirty = 'the source has changes that are not committed [created_at_unknown]';
    await write('bundle.yaml', '2');
    expect(await time()).toBe(dirty);
    git(repository, ['add', '-A']);
    expect(await time()).toBe(dirty);
    git(repository, ['reset', '-q', '--hard']);
    await rm(join(directory, 'tests/a.yaml'));
    expect(await time({}, { directory, files: ['bundle.yaml'] })).toBe(dirty);
    git(repository, ['reset', '-q', '--hard']);
    await write('new.cedar', '');
    expect(await time({}, { directory, files: [...FILES, 'new.cedar'] })).toBe(
      '`new.cedar` is not committed [created_at_unknown]',
    );
  });

  it('is unknown when a file of the bundle is ignored by Git', async () => {
    await writeFile(join(repository, '.gitignore'), 'entities.json\n');
    commitAll(repository, 1_700_000_100);
    await write('entities.json', '[]');
    expect(await time({}, { directory, files: [...FILES, 'entities.json'] })).toBe(
      '`entities.json` is not committed [created_at_unknown]',
    );
  });

  it('is unknown outside of a repository', async () => {
    const outside = await temporaryDirectory();
    expect(await time({}, { directory: outside, files: [] })).toMatch(
      /^Git does not say when the source was last changed: .+ \[created_at_unknown\]$/,
    );
  });

  it('is unknown before the first commit', async () => {
    const empty = await temporaryDirectory();
    git(empty, ['init', '-q']);
    expect(await time({}, { directory: empty, files: [] })).toContain('[created_at_unknown]');
  });

  it('is unknown where a clone without history cannot know it', async () => {
    await writeFile(join(repository, 'README.md'), 'elsewhere');
    commitAll(repository, 1_700_000_100);
    const clone = join(await temporaryDirectory(), 'clone');
    git(repository, ['clone', '-q', '--depth', '1', `file://${repository}`, clone]);
    expect(await time({}, { directory: join(clone, 'policies'), files: FILES })).toBe(
      'the history of the clone is cut off before the last change [created_at_unknown]',
    );
  });
});
