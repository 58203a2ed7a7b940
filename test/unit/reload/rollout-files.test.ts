import { mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DOCUMENT_BYTES_MAX, ROLLOUT_FILES_MAX } from '../../../src/constants.js';
import { documentFilesSignature, readDocumentFiles } from '../../../src/reload/rollout-files.js';
import { temporaryDirectory, writeFiles } from '../../support/bundle-files.js';
import { createKubeletVolume } from '../../support/kubelet-volume.js';
import { resultValue } from '../../support/result.js';

const namesIn = async (path: string) => {
  const { files, problems } = resultValue(await readDocumentFiles(path));
  return {
    files: files.map(({ file, bytes }) => `${file} ${Buffer.from(bytes)}`),
    problems: problems.map(({ code, file }) => `${code} ${file}`),
  };
};

describe('document files', () => {
  it('are the *.json of a directory, in order, without evidence and hidden names', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, {
      'b.json': '2',
      'a.json': '1',
      '.hidden.json': 'x',
      'a.evidence.json': 'x',
      'notes.txt': 'x',
      'a.json.part': 'x',
    });
    expect(await namesIn(directory)).toEqual({ files: ['a.json 1', 'b.json 2'], problems: [] });
  });

  it('are read through the links of a volume', async () => {
    const directory = join(await temporaryDirectory(), 'volume');
    await createKubeletVolume(directory).write({ 'orders.json': '1' });
    expect(await namesIn(directory)).toEqual({ files: ['orders.json 1'], problems: [] });
  });

  it('may be one file, called as it was given', async () => {
    const file = join(await temporaryDirectory(), 'whatever');
    await writeFile(file, '1');
    expect(await namesIn(file)).toEqual({ files: [`${file} 1`], problems: [] });
  });

  it('that cannot be read leave the others alone', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, {
      'good.json': '1',
      'large.json': ' '.repeat(DOCUMENT_BYTES_MAX + 1),
    });
    await mkdir(join(directory, 'folder.json'));
    await symlink('nowhere', join(directory, 'loose.json'));
    expect(await namesIn(directory)).toEqual({
      files: ['good.json 1'],
      problems: [
        'rollout_unreadable folder.json',
        'rollout_unreadable large.json',
        'rollout_unreadable loose.json',
      ],
    });
  });

  it('are refused as a whole when they are missing or too many', async () => {
    const directory = await temporaryDirectory();
    const missing = await readDocumentFiles(join(directory, 'none'));
    expect(missing).toMatchObject({
      ok: false,
      problems: [{ code: 'rollout_missing', file: join(directory, 'none') }],
    });
    const names = Array.from({ length: ROLLOUT_FILES_MAX + 1 }, (_, i) => `${i}.json`);
    await Promise.all(names.map((name) => symlink('nowhere', join(directory, name))));
    expect(await readDocumentFiles(directory)).toMatchObject({
      ok: false,
      problems: [{ code: 'rollout_unreadable', file: directory }],
    });
  });
});

describe('the signature of document files', () => {
  it('changes with each of them, and with nothing else', async () => {
    const directory = await temporaryDirectory();
    const seen = new Set<string>();
    const isNew = async () => {
      const { size } = seen;
      return seen.add(await documentFilesSignature(directory)).size > size;
    };
    expect(await isNew()).toBe(true);
    await writeFiles(directory, { 'a.json': '1' });
    expect(await isNew()).toBe(true);
    expect(await isNew()).toBe(false);
    await writeFiles(directory, { 'notes.txt': '1', 'a.evidence.json': '1' });
    expect(await isNew()).toBe(false);
    await utimes(join(directory, 'a.json'), 1, 1);
    expect(await isNew()).toBe(true);
    await rm(directory, { recursive: true });
    expect(await isNew()).toBe(true);
  });

  it('changes when a volume is swapped, also for one file in it', async () => {
    const directory = join(await temporaryDirectory(), 'volume');
    const volume = createKubeletVolume(directory);
    const file = join(directory, 'orders.json');
    const signatures: string[] = [];
    for (const text of ['1', '2']) {
      await volume.write({ 'orders.json': text });
      signatures.push(await documentFilesSignature(directory), await documentFilesSignature(file));
    }
    expect(new Set(signatures).size).toBe(4);
  });
});
