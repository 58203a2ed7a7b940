import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { formatBuiltManifest } from '../../../src/bundle/built-manifest.js';
import { openBundle } from '../../../src/bundle/open.js';
import { archiveOf, digestOf, manifestOf, UNSIGNED } from '../../support/built-bundles.js';
import { resultValue } from '../../support/result.js';

const FILES = { 'a.cedar': 'permit', 'bundle.yaml': 'name: x\n', 'index.json': '{}' };
const MANIFEST = formatBuiltManifest(manifestOf(FILES));

function refusal(bytes: Buffer): string {
  const result = openBundle(bytes, 'shelf/x.tar.gz');
  if (result.ok) return 'taken';
  const [{ code, file, message }] = result.problems;
  return `${file}: ${message} [${code}]`;
}

describe('openBundle', () => {
  it('gives manifest, digest, files and signatures', () => {
    const opened = resultValue(openBundle(archiveOf({ files: FILES }), 'x.tar.gz'));
    expect(opened.digest).toBe(digestOf(MANIFEST));
    expect(opened.manifest).toEqual(manifestOf(FILES));
    expect(Buffer.from(opened.manifestBytes).equals(MANIFEST)).toBe(true);
    const texts = [...opened.files].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]);
    expect(Object.fromEntries(texts)).toEqual(FILES);
    expect(opened.signatures.signatures).toEqual([]);
  });

  it.each<[string, Buffer, string]>([
    [
      'a damaged archive',
      gzipSync('no tar'),
      'shelf/x.tar.gz: the tar is cut off [archive_invalid]',
    ],
    [
      'a manifest that is none',
      archiveOf({ files: FILES, manifest: Buffer.from('{}') }),
      'shelf/x.tar.gz/manifest.json: ',
    ],
    [
      'no signatures.json',
      archiveOf({ files: FILES, signatures: undefined }),
      'shelf/x.tar.gz: it lacks `signatures.json` [bundle_altered]',
    ],
    [
      'signatures for another type of payload',
      archiveOf({
        files: FILES,
        signatures: Buffer.from(UNSIGNED.toString().replace('bundle.v1', 'rollout.v1')),
      }),
      'shelf/x.tar.gz/signatures.json: the signatures are not for a payload of type',
    ],
    [
      'a surplus file',
      archiveOf({ files: { ...FILES, 'b.cedar': 'x' }, manifest: MANIFEST }),
      'shelf/x.tar.gz: the manifest does not list `b.cedar` [bundle_altered]',
    ],
    [
      'a file replaced',
      archiveOf({ files: { ...FILES, 'a.cedar': 'forbid' }, manifest: MANIFEST }),
      'shelf/x.tar.gz: `a.cedar` is not the file that the manifest lists [bundle_altered]',
    ],
    [
      'two files swapped',
      archiveOf({
        files: { ...FILES, 'a.cedar': FILES['bundle.yaml'], 'bundle.yaml': FILES['a.cedar'] },
        manifest: MANIFEST,
      }),
      '`a.cedar` is not the file that the manifest lists [bundle_altered]',
    ],
    [
      'a missing file',
      archiveOf({
        files: { 'a.cedar': FILES['a.cedar'], 'index.json': '{}' },
        manifest: MANIFEST,
      }),
      'shelf/x.tar.gz: it lacks `bundle.yaml`, which the manifest lists [bundle_altered]',
    ],
  ])('refuses %s', (_what, bytes, message) => {
    expect(refusal(bytes)).toContain(message);
  });
});
