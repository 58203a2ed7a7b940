/** One bundle of a shelf: what is taken, and what is refused with which reason. */
import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBundle } from '../../../src/bundle/open.js';
import { createGeneration } from '../../../src/reload/generation.js';
import { loadSource, type ShelfSource } from '../../../src/reload/source.js';
import { temporaryDirectory } from '../../support/bundle-files.js';
import { createKubeletVolume } from '../../support/kubelet-volume.js';
import { resultValue } from '../../support/result.js';
import { signedBy, smallBundle, UNSIGNED_BUNDLE } from '../../support/signed-bundles.js';
import { type TestKey, testKey, trustOf } from '../../support/trust.js';

let ana: TestKey;
let ben: TestKey;
let signed: Buffer;
beforeAll(() => {
  ana = testKey('ana-1');
  ben = testKey('ben-1', 'ecdsa-p256');
  signed = signedBy(smallBundle(), ana, ben);
});

const digestOf = (archive: Buffer) => resultValue(openBundle(archive, 'x')).digest;
const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** A shelf with these files, and a trust file that wants ana and ben. */
async function shelf(files: Record<string, Buffer>, over: Partial<ShelfSource> = {}) {
  const root = await temporaryDirectory();
  const directory = join(root, 'bundles');
  await mkdir(directory);
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(directory, name, '..'), { recursive: true });
    await writeFile(join(directory, name), bytes);
  }
  const trust = join(root, 'trust.yaml');
  const text = trustOf({ ana, ben }, 2);
  await writeFile(trust, text);
  const source: ShelfSource = {
    kind: 'shelf',
    directory,
    digest: digestOf(signed),
    trust,
    trustDigests: [sha256(text)],
    ...over,
  };
  return { root, source, load: () => loadSource(source, { environment: undefined }) };
}

/** `code file` of every problem. */
async function refusal(load: () => ReturnType<typeof loadSource>): Promise<string[]> {
  const { result } = await load();
  if (result.ok) throw new Error('the bundle was taken');
  return result.problems.map(({ code, file }) => `${code} ${file ?? '-'}`);
}

describe('a signed bundle', () => {
  it('is taken, with the people who signed it, and its stamp says nothing of unsigned', async () => {
    const { load } = await shelf({ 'a/test-1.tar.gz': signed });
    const { result, digest } = await load();
    const bundle = resultValue(result);
    expect(bundle).toMatchObject({ signedBy: ['ana', 'ben'], digest, warnings: [] });
    expect(bundle.program.policies.map(({ id }) => id)).toEqual(['main']);
    const active = { bundle, loadedAtMs: 0 } as never;
    expect(createGeneration({ number: 1, mode: 'shadow', active }).otherwise.stamp).toBe(
      `1+${digestOf(signed).slice('sha256:'.length, 'sha256:'.length + 12)}`,
    );
  });

  it('is found wherever it lies and whatever it is called', async () => {
    const { load } = await shelf({
      'other.tar.gz': signedBy(smallBundle('2'), ana, ben),
      'b/c/whatever.tar.gz': signed,
    });
    expect(resultValue((await load()).result).manifest.version).toBe('1');
  });

  it('is taken beside a damaged archive, which is told', async () => {
    const { load } = await shelf({ 'a.tar.gz': signed, 'b.tar.gz': Buffer.from('no archive') });
    const { warnings } = resultValue((await load()).result);
    expect(warnings).toMatchObject([{ code: 'archive_invalid', file: 'b.tar.gz' }]);
  });

  it('is taken from the copy that has enough signatures', async () => {
    const { load } = await shelf({ 'a.tar.gz': signedBy(smallBundle(), ana), 'b.tar.gz': signed });
    expect(resultValue((await load()).result).signedBy).toEqual(['ana', 'ben']);
  });

  it('is taken under any of several pinned trust files', async () => {
    const { source } = await shelf({ 'a.tar.gz': signed });
    const trustDigests = [sha256('another'), ...source.trustDigests];
    const { result } = await loadSource({ ...source, trustDigests }, { environment: undefined });
    expect(result.ok).toBe(true);
  });
});

describe('a bundle is refused', () => {
  it.each<[string, () => Buffer, string[]]>([
    ['without a signature', () => smallBundle(), ['signature_threshold a.tar.gz/signatures.json']],
    [
      'with too few signatures',
      () => signedBy(smallBundle(), ana),
      ['signature_threshold a.tar.gz/signatures.json'],
    ],
    [
      'signed by somebody unknown',
      () => signedBy(smallBundle(), ana, testKey('eve-1')),
      ['signature_threshold a.tar.gz/signatures.json'],
    ],
    ['with another digest', () => signedBy(smallBundle('2'), ana, ben), ['bundle_not_on_shelf -']],
    [
      'cut off at its beginning',
      () => signed.subarray(0, 40),
      ['bundle_not_on_shelf -', 'archive_invalid a.tar.gz'],
    ],
    ['cut off at its end', () => signed.subarray(0, -40), ['archive_invalid a.tar.gz']],
  ])('%s', async (_what, archive, expected) => {
    const { load } = await shelf({ 'a.tar.gz': archive() });
    expect(await refusal(load)).toEqual(expected);
  });

  it('with an index that is none, although everybody signed it', async () => {
    const archive = signedBy(UNSIGNED_BUNDLE, ana, ben);
    const { load } = await shelf({ 'a.tar.gz': archive }, { digest: digestOf(archive) });
    expect(await refusal(load)).toEqual([expect.stringContaining('bundle_file_missing')]);
  });

  it.each<[string, (root: string) => Promise<unknown>, string]>([
    [
      'is not the pinned one',
      (root) => writeFile(join(root, 'trust.yaml'), trustOf({ ana }, 1)),
      'trust_digest',
    ],
    ['is gone', (root) => rm(join(root, 'trust.yaml')), 'bundle_unreadable'],
  ])('when the trust file %s', async (_what, change, code) => {
    const { root, load } = await shelf({ 'a.tar.gz': signed });
    await change(root);
    expect(await refusal(load)).toEqual([`${code} ${join(root, 'trust.yaml')}`]);
  });

  it('when the trust file, although it is the pinned one, names nobody', async () => {
    const { root, source } = await shelf({ 'a.tar.gz': signed });
    await writeFile(join(root, 'trust.yaml'), 'people: {}\n');
    const trustDigests = [sha256('people: {}\n')];
    const load = () => loadSource({ ...source, trustDigests }, { environment: undefined });
    expect(new Set(await refusal(load))).toEqual(
      new Set([`trust_invalid ${join(root, 'trust.yaml')}`]),
    );
  });

  it('when the shelf is gone', async () => {
    const { root, load } = await shelf({ 'a.tar.gz': signed });
    await rename(join(root, 'bundles'), join(root, 'gone'));
    expect(await refusal(load)).toEqual(['bundle_missing -']);
  });
});

it('reads slots as kubelet mounts them', async () => {
  const { root, source } = await shelf({});
  await createKubeletVolume(join(root, 'bundles', 'a')).write({ 'bundle.tar.gz': signed });
  const { result } = await loadSource(source, { environment: undefined });
  expect(resultValue(result).signedBy).toEqual(['ana', 'ben']);
});
