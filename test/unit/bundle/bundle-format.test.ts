/** docs/bundle-format.md against the program: the example is built, the numbers are compared. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bundlePae } from '../../../src/bundle/attach.js';
import { openBundle } from '../../../src/bundle/open.js';
import * as limits from '../../../src/constants.js';
import { digestOf } from '../../support/built-bundles.js';
import { readText } from '../../support/repository.js';
import { resultValue } from '../../support/result.js';
import { builtFrom } from '../../support/source-bundle.js';

const PAGE = readText('docs/bundle-format.md');
const MIB = 1024 * 1024;

/** Name -> text of the blocks that are marked as files of the example. */
const EXAMPLE: ReadonlyMap<string, string> = new Map(
  [...PAGE.matchAll(/<!-- example: (\S+) -->\n\n```\w*\n([\s\S]*?)```/g)].map(
    ([, name = '', text = '']) => [name, text],
  ),
);
const sources = Object.fromEntries(
  [...EXAMPLE].filter(([name]) => !['index.json', 'manifest.json'].includes(name)),
);

const shown = (what: string) =>
  new RegExp(`\\| ${what}[^|]* \\| \`(?:sha256:)?([0-9a-f]{64})\` \\|`).exec(PAGE)?.[1];

describe('the example of docs/bundle-format.md', () => {
  const built = builtFrom(sources, {
    createdAt: new Date(1_793_698_200_000).toISOString(),
    change: { ticket: 'CHG-1041' },
    cedar: { sdk: '4.13.0', language: '4.5' },
  });
  const tar = gunzipSync(built.archive);

  it('is what build makes', () => {
    // Documentation ends blocks with a line feed, the files have none.
    expect(`${built.indexBytes}\n`).toBe(EXAMPLE.get('index.json'));
    expect(`${built.manifestBytes}\n`).toBe(EXAMPLE.get('manifest.json'));
    expect(built.digest).toBe(`sha256:${shown('`manifest\\.json`')}`);
    expect(digestOf(tar)).toBe(`sha256:${shown('the tar, not signed')}`);
    const signed = bundlePae(built).toString('utf8').split('{')[0];
    expect(PAGE).toContain(`A signature is made over \`${signed}\``);
    expect(digestOf(tar.subarray(0, 512))).toBe(`sha256:${shown('the first header')}`);
  });

  it('holds what the page says', () => {
    const { files } = resultValue(openBundle(built.archive, 'x'));
    expect([...files.keys()]).toEqual([
      ...['bundle.yaml', 'hello.cedar', 'index.json', 'schema.cedarschema', 'tests.requests.yaml'],
    ]);
  });
});

describe('the limits of docs/bundle-format.md', () => {
  it.each([
    ['the file', `${limits.ARCHIVE_BYTES_MAX / MIB} MiB`],
    ['the tar', `${limits.ARCHIVE_TAR_BYTES_MAX / MIB} MiB`],
    ['files in it', limits.ARCHIVE_ENTRIES_MAX.toLocaleString('en-GB')],
    ['a name', `${limits.ARCHIVE_NAME_BYTES_MAX} bytes`],
    ['`manifest.json`', `${limits.BUILT_MANIFEST_BYTES_MAX / MIB} MiB`],
    ['signatures', String(limits.SIGNATURES_MAX)],
  ])('are those of the program: %s', (what, value) => {
    expect(PAGE).toContain(`| ${what} | ${value} |`);
    expect(PAGE).toContain(`at most ${limits.CANONICAL_JSON_DEPTH_MAX} levels of nesting`);
  });
});
