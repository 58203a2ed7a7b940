import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { directoryDigest } from '../../../src/bundle/digest.js';
import { compareBytewise } from '../../../src/bundle/names.js';
import { sourceFiles, temporaryDirectory } from '../../support/bundle-files.js';

describe('the digest of a directory', () => {
  test('is that of the shell: sha256sum of each file, joined, hashed again', async () => {
    const directory = await temporaryDirectory();
    const files = { 'z.cedar': 'last', 'a.cedar': 'first\n', 'é.cedar': '', 'bundle.yaml': 'x' };
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    const script = `for f in $(LC_ALL=C ls | LC_ALL=C sort); do
      printf '%s\\0%s\\n' "$f" "$(sha256sum "$f" | cut -d' ' -f1)"
    done | sha256sum | cut -d' ' -f1`;
    const shell = execFileSync('sh', ['-c', script], { cwd: directory, encoding: 'utf8' }).trim();
    expect(directoryDigest(sourceFiles(files))).toBe(`sha256:${shell}`);
  });

  test('does not depend on the order of the files', () => {
    const files = fc.uniqueArray(fc.record({ name: fc.string(), bytes: fc.uint8Array() }), {
      selector: ({ name }) => name,
    });
    fc.assert(
      fc.property(files, (list) => {
        expect(directoryDigest([...list].reverse())).toBe(directoryDigest(list));
      }),
    );
  });

  test.each([
    ['a name', { 'b.cedar': 'x' }],
    ['a byte', { 'a.cedar': 'y' }],
    ['an added empty file', { 'a.cedar': 'x', 'b.cedar': '' }],
    ['no file', {}],
  ])('changes with %s', (_what, other) => {
    const digest = directoryDigest(sourceFiles({ 'a.cedar': 'x' }));
    expect(directoryDigest(sourceFiles(other as Record<string, string>))).not.toBe(digest);
  });

  test('orders names by bytes, not by UTF-16 units', () => {
    expect(compareBytewise('\u{1f600}', '\uffee')).toBe(1);
    expect('\u{1f600}' < '\uffee').toBe(true);
  });
});
