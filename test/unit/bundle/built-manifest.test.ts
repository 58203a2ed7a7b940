import { describe, expect, it } from 'vitest';
import {
  bundleDigest,
  formatBuiltManifest,
  parseBuiltManifest,
} from '../../../src/bundle/built-manifest.js';
import { BUILT_MANIFEST_BYTES_MAX, READER } from '../../../src/constants.js';
import { canonicalJson, type JsonValue } from '../../../src/signing/canonical-json.js';
import { digestOf, manifestOf } from '../../support/built-bundles.js';
import { resultValue } from '../../support/result.js';

const FILES = { 'bundle.yaml': 'name: x\n', 'index.json': '{}', 'tests.a.yaml': '[]' };
const MANIFEST = manifestOf(FILES);

type Json = { [key: string]: JsonValue };

/** The manifest as JSON, for breaking it. */
const json = (): Json => JSON.parse(formatBuiltManifest(MANIFEST).toString('utf8'));

function refusal(value: Json | Buffer): string {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(canonicalJson(value));
  const result = parseBuiltManifest(bytes);
  if (result.ok) return 'taken';
  const [{ code, file, message }] = result.problems;
  expect(file).toBe('manifest.json');
  return `${code}: ${message}`;
}

describe('manifest.json', () => {
  it('gives back what was written', () => {
    const full = manifestOf(FILES, {
      scope: { destinations: ['shop/payments', 'shop/orders'] },
      change: { ticket: 'CHG-1', url: 'https://tickets.example.com/CHG-1', summary: 'grüße' },
      tests: { passed: 12, coverage: 100 },
    });
    for (const manifest of [MANIFEST, full]) {
      expect(resultValue(parseBuiltManifest(formatBuiltManifest(manifest)))).toEqual(manifest);
    }
  });

  it('is written in one way, and the digest of these bytes is the digest of the bundle', () => {
    const bytes = formatBuiltManifest(
      manifestOf({ 'index.json': '{}' }, { change: { ticket: 'T-1' } }),
    );
    expect(bytes.toString('utf8')).toBe(
      '{"apiVersion":"cedargate.dev/v1","cedar":{"language":"4.5","sdk":"4.13.0"},' +
        '"change":{"ticket":"T-1"},"createdAt":"2026-11-03T09:30:00.000Z",' +
        `"files":{"index.json":"${digestOf('{}')}"},"kind":"Bundle","minReader":1,` +
        '"name":"test-bundle","owner":"team-test","tests":{"coverage":0,"passed":0},' +
        '"version":"1.0.0"}',
    );
    expect(bundleDigest(bytes)).toBe(digestOf(bytes));
  });

  it('needs no more than the reader of today', () => {
    expect(refusal({ ...json(), minReader: READER })).toBe('taken');
    expect(refusal({ ...json(), minReader: READER + 1, 'of-the-future': true })).toBe(
      `reader_too_old: the bundle needs a reader of formats ${READER + 1}; this one reads ${READER}`,
    );
  });

  it('is refused when it is larger than the limit', () => {
    expect(refusal(Buffer.alloc(BUILT_MANIFEST_BYTES_MAX + 1, ' '))).toContain(
      `built_manifest_invalid: the file has more than ${BUILT_MANIFEST_BYTES_MAX} bytes`,
    );
  });

  it.each<[string, (text: string) => string]>([
    ['a duplicate key', (text) => text.replace('"kind"', '"kind":"Bundle","kind"')],
    ['white space', (text) => `${text}\n`],
    [
      'keys in another order',
      (text) => `{"version":"1.0.0",${text.slice(1).replace(',"version":"1.0.0"', '')}`,
    ],
    ['a byte order mark', (text) => `\ufeff${text}`],
  ])('is refused with %s', (_what, edit) => {
    const text = edit(formatBuiltManifest(MANIFEST).toString('utf8'));
    expect(refusal(Buffer.from(text))).toContain('json_not_canonical: ');
  });

  const digest = digestOf('x');
  it.each<[string, Json, string]>([
    ['an unknown field', { more: 1 }, 'unknown field `more`'],
    ['another apiVersion', { apiVersion: 'v2' }, '`apiVersion` must be `cedargate.dev/v1`'],
    ['another kind', { kind: 'SealedRollout' }, '`kind` must be `Bundle`'],
    ['a bad name', { name: 'Payments' }, '`name` must be 1 to 63'],
    ['a bad version', { version: '1 0' }, '`version` must be 1 to 64'],
    ['a version with a line end', { version: '1\n' }, '`version` must be 1 to 64'],
    ['no owner', { owner: '' }, '`owner` must be text'],
    ['a time without milliseconds', { createdAt: '2026-11-03T09:30:00Z' }, '`createdAt` must be'],
    ['a time with an offset', { createdAt: '2026-11-03T09:30:00.000+01:00' }, '`createdAt` must'],
    ['a day that is not', { createdAt: '2026-02-30T00:00:00.000Z' }, '`createdAt` must be a time'],
    [
      'a month that is not',
      { createdAt: '2026-13-01T00:00:00.000Z' },
      '`createdAt` must be a time',
    ],
    ['an unknown field of change', { change: { who: 'me' } }, 'unknown field `change.who`'],
    ['an empty ticket', { change: { ticket: '' } }, '`change.ticket` must not be empty'],
    ['a ticket of two lines', { change: { ticket: 'a\nb' } }, '`change.ticket` must be one line'],
    ['a script as URL', { change: { url: 'javascript:alert(1)' } }, '`change.url` must be an http'],
    ['a long summary', { change: { summary: 'x'.repeat(501) } }, 'must be at most 500'],
    ['an empty scope', { scope: { destinations: [] } }, '`scope.destinations` must not be empty'],
    [
      'a destination twice',
      { scope: { destinations: ['a/b', 'a/b'] } },
      'names a destination twice',
    ],
    ['a bad destination', { scope: { destinations: ['a'] } }, '`scope.destinations[0]` must have'],
    ['a negative count', { tests: { passed: -1, coverage: 0 } }, '`tests.passed` must not be'],
    ['coverage over 100', { tests: { passed: 1, coverage: 101 } }, '`tests.coverage` must be at'],
    ['negative coverage', { tests: { passed: 1, coverage: -1 } }, '`tests.coverage` must not be'],
    ['no engine', { cedar: { sdk: '4.13.0' } }, '`cedar.language` is missing'],
    ['a reader below 1', { minReader: 0 }, '`minReader` must be at least 1'],
    ['a reader as text', { minReader: '2' }, '`minReader` is missing or has another type'],
    ['no index', { files: { 'bundle.yaml': digest } }, '`files` does not list `index.json`'],
    ['a digest of another kind', { files: { 'index.json': 'md5:00' } }, '`files.index.json` '],
    [
      'a digest in upper case',
      { files: { 'index.json': digest.toUpperCase() } },
      'files.index.json',
    ],
  ])('is refused with %s', (_what, change, message) => {
    expect(refusal({ ...json(), ...change })).toContain('built_manifest_invalid: ');
    expect(refusal({ ...json(), ...change })).toContain(message);
  });

  it.each([
    ...[
      'manifest.json',
      'signatures.json',
      'readme.md',
      '.hidden.cedar',
      'a/b.cedar',
      '../a.cedar',
    ],
    ...['tests.a.txt', 'tests..yaml', 'entities.a.b.json', 'a\u202e.cedar', 'bundle.yml', ''],
  ])('cannot list `%s`, which has no part in a bundle', (name) => {
    const files = { ...(json().files as Json), [name]: digest };
    expect(refusal({ ...json(), files })).toContain('has no part in a bundle');
  });

  it('is refused when it is no object', () => {
    for (const text of ['null', '[]', '1', '"x"']) {
      expect(refusal(Buffer.from(text))).toBe(
        'built_manifest_invalid: the file is missing or has another type than object',
      );
    }
  });
});
