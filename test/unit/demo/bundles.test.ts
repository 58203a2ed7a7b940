import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { TAMPERED_FILE, tampered } from '../../../demo/bundles.js';
import { ORDERS_FILE, readSource, withCheckout, withGroup } from '../../../demo/sources.js';
import { type Policies, versionOf } from '../../../demo/versions.js';
import { packArchive, unpackArchive } from '../../../src/bundle/archive.js';
import { buildBundle } from '../../../src/bundle/build.js';
import { compileBundle } from '../../../src/bundle/compile.js';
import { openBundle } from '../../../src/bundle/open.js';
import { engineVersion } from '../../../src/cedar/engine.js';
import { resultValue } from '../../support/result.js';

const POLICIES = fileURLToPath(new URL('../../../policies', import.meta.url));
const shipped = readSource(POLICIES);

function filesOf(source: Policies) {
  return Object.entries(source)
    .filter(([name]) => !name.startsWith('tests/'))
    .map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
}

function changedFiles(before: Policies, after: Policies): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]).sort();
}

describe('the source of the second act', () => {
  it('has the tests of policies/ with it', () => {
    expect(Object.keys(shipped)).toEqual(
      expect.arrayContaining(['bundle.yaml', 'tests/requests.yaml', 'tests/cedar.json']),
    );
  });

  it('adds a group that batch is in, in production alone', () => {
    const source = withGroup(shipped);
    expect(changedFiles(shipped, source)).toEqual([
      'bundle.yaml',
      'entities.production.json',
      'refunders.cedar',
      'tests/refunders.yaml',
    ]);
    expect(
      resultValue(compileBundle(filesOf(source), { environment: undefined })).manifest.version,
    ).toBe('2026.12.1');
    resultValue(compileBundle(filesOf(source), { environment: 'production' }));
    // The partner's gateway is still there.
    expect(JSON.parse(source['entities.production.json'] ?? '')).toHaveLength(2);
  });

  it('has a next version in which one policy names another caller', () => {
    const source = withGroup(shipped);
    const next = withCheckout(source);
    expect(changedFiles(source, next)).toEqual(['bundle.yaml', ORDERS_FILE]);
    expect(versionOf(next)).not.toBe(versionOf(source));
    resultValue(compileBundle(filesOf(next), { environment: undefined }));
    expect(() => withCheckout({ ...source, [ORDERS_FILE]: '' })).toThrow('changes nothing');
  });
});

describe('the tampered copy', () => {
  let archive: Buffer;
  beforeAll(() => {
    const built = buildBundle({
      files: filesOf(withGroup(shipped)),
      testFiles: [],
      createdAt: '2026-11-03T09:30:00.000Z',
      change: {},
      cedar: engineVersion(),
      runTests: () => {
        throw new Error('there are no tests');
      },
    });
    archive = resultValue(built).archive;
  });

  it('differs in one byte', () => {
    const before = gunzipSync(archive);
    const after = gunzipSync(tampered(archive));
    expect(after).toHaveLength(before.length);
    expect([...after].filter((byte, index) => byte !== before[index])).toHaveLength(1);
  });

  it('is refused for that file, and would have been valid otherwise', () => {
    const opened = openBundle(tampered(archive), 'copy.tar.gz');
    if (opened.ok) expect.unreachable('it was opened');
    expect(opened.problems).toMatchObject([{ code: 'bundle_altered', file: 'copy.tar.gz' }]);
    expect(opened.problems[0].message).toContain(TAMPERED_FILE);
    const source = Object.entries(withGroup(shipped)).map(([name, text]) => [
      name,
      name === TAMPERED_FILE ? text.replace('<= 900', '>= 900') : text,
    ]);
    resultValue(compileBundle(filesOf(Object.fromEntries(source)), { environment: undefined }));
  });

  it('needs something to change', () => {
    const other = resultValue(unpackArchive(archive, 'x')).filter(
      ({ name }) => name !== TAMPERED_FILE,
    );
    expect(() => tampered(packArchive(other))).toThrow('in the archive');
  });
});
