import { describe, expect, it } from 'vitest';
import { loadOpened } from '../../../src/bundle/load-opened.js';
import { type OpenedBundle, openBundle } from '../../../src/bundle/open.js';
import { verifyDeep } from '../../../src/bundle/verify-deep.js';
import { formatProblem } from '../../../src/errors.js';
import type { Result } from '../../../src/result.js';
import { resultValue } from '../../support/result.js';
import { builtFrom, runTests, SOURCES } from '../../support/source-bundle.js';

const OPENED = resultValue(openBundle(builtFrom().archive, 'x.tar.gz'));

/** As if it had been signed like that: files replaced, undefined leaves one out. */
function withFiles(changes: Readonly<Record<string, string | undefined>>): OpenedBundle {
  const files = new Map<string, Uint8Array>(OPENED.files);
  for (const [name, text] of Object.entries(changes)) {
    if (text === undefined) files.delete(name);
    else files.set(name, Buffer.from(text));
  }
  return { ...OPENED, files };
}

const withManifest = (change: Partial<OpenedBundle['manifest']>): OpenedBundle => ({
  ...OPENED,
  manifest: { ...OPENED.manifest, ...change },
});

const load = (opened: OpenedBundle, environment?: string) => loadOpened(opened, { environment });

const first = (result: Result<unknown>) =>
  result.ok ? 'taken' : formatProblem(result.problems[0]).split('\n')[0];

describe('loadOpened', () => {
  it.each<[string, OpenedBundle, string]>([
    ['another name', withManifest({ name: 'other' }), '`name` is not what `bundle.yaml` says'],
    ['another version', withManifest({ version: '9' }), '`version` is not what `bundle.yaml` says'],
    ['another owner', withManifest({ owner: 'x' }), '`owner` is not what `bundle.yaml` says'],
    ['no scope', withManifest({ scope: undefined }), '`scope` is not what `bundle.yaml` says'],
    [
      'a wider scope',
      withManifest({ scope: { destinations: ['shop/payments', 'a/b'] } }),
      '`scope` is not what `bundle.yaml` says',
    ],
  ])('refuses a manifest with %s', (_what, opened, message) => {
    expect(first(load(opened))).toBe(`manifest.json: ${message} [built_manifest_invalid]`);
  });

  it.each<[string, OpenedBundle, string]>([
    ['no bundle.yaml', withFiles({ 'bundle.yaml': undefined }), 'bundle_file_missing'],
    ['no schema', withFiles({ 'schema.cedarschema': undefined }), 'bundle_file_missing'],
    ['no index', withFiles({ 'index.json': undefined }), 'json_not_canonical'],
    ['a manifest that does not parse', withFiles({ 'bundle.yaml': 'name: [' }), 'yaml_invalid'],
    ['bad routes', withFiles({ 'routes.yaml': '' }), 'routes_invalid'],
    ['a bad schema', withFiles({ 'schema.cedarschema': 'entity' }), 'schema_syntax'],
    [
      'a schema against the rules',
      withFiles({ 'schema.cedarschema': 'entity Service;' }),
      'schema_rule',
    ],
    ['bad entities', withFiles({ 'entities.json': '{}' }), 'entities_invalid'],
    ['a policy added', withFiles({ 'z.cedar': SOURCES['more.cedar'] }), 'index_invalid'],
    [
      'a policy changed',
      withFiles({ 'more.cedar': `${SOURCES['more.cedar']}permit(principal, action, resource);` }),
      'index_invalid',
    ],
  ])('refuses %s', (_what, opened, code) => {
    expect(first(load(opened))).toContain(`[${code}]`);
  });

  it('takes the index at its word only from an engine of the same language', () => {
    const lying = OPENED.files.get('index.json') as Uint8Array;
    const index = Buffer.from(lying)
      .toString()
      .replaceAll('"effect":"permit"', '"effect":"forbid"');
    const effects = (opened: OpenedBundle) =>
      new Set(resultValue(load(opened)).program.policies.map(({ effect }) => effect));
    const opened = withFiles({ 'index.json': index });
    expect(effects(opened)).toEqual(new Set(['forbid']));
    const cedar = { ...OPENED.manifest.cedar, language: '1.0' };
    const elsewhere = { ...opened, manifest: { ...opened.manifest, cedar } };
    expect(effects(elsewhere)).toContain('permit');
    expect(resultValue(load(elsewhere)).digest).toBe(OPENED.digest);
  });

  it('reads the entities of its environment only', () => {
    const opened = withFiles({ 'entities.staging.json': '{}' });
    expect(first(load(opened))).toBe('taken');
    expect(first(load(opened, 'production'))).toBe('taken');
    expect(first(load(opened, 'staging'))).toContain('entities.staging.json:1:1: ');
  });

  it('needs an environment when the schema wants one', () => {
    const schema = SOURCES['schema.cedarschema']?.replace('environment?', 'environment');
    const opened = withFiles({ 'schema.cedarschema': schema });
    expect(first(load(opened))).toContain('[schema_rule]');
    expect(first(load(opened, 'production'))).toBe('taken');
  });
});

describe('verifyDeep', () => {
  const deep = (opened: OpenedBundle) => first(verifyDeep(opened, runTests));

  it('takes what build made', () => {
    expect(deep(OPENED)).toBe('taken');
  });

  it('refuses an index that lies about a policy, which loading takes at its word', () => {
    const index = Buffer.from(OPENED.files.get('index.json') ?? []).toString('utf8');
    const lies = index.replace('"effect":"forbid"', '"effect":"permit"');
    expect(lies).not.toBe(index);
    const opened = withFiles({ 'index.json': lies });
    expect(first(load(opened))).toBe('taken');
    expect(deep(opened)).toBe(
      'index.json: the index is not the one that the sources give [bundle_not_reproduced]',
    );
  });

  it('refuses test results that the tests do not give', () => {
    const opened = withManifest({ tests: { passed: 3, coverage: 100 } });
    expect(deep(opened)).toBe(
      'manifest.json: the manifest says 3 passed with 100 % coverage; running the tests gives 3 passed with 66 % coverage [bundle_not_reproduced]',
    );
    expect(deep(withManifest({ tests: { passed: 2, coverage: 66 } }))).toContain('2 passed with');
  });

  it('refuses a manifest that the sources do not give', () => {
    const manifestBytes = Buffer.concat([OPENED.manifestBytes, Buffer.from(' ')]);
    expect(deep({ ...OPENED, manifestBytes })).toBe(
      'manifest.json: the manifest is not the one that the sources give [bundle_not_reproduced]',
    );
  });

  it.each<[string, Readonly<Record<string, string | undefined>>, string]>([
    [
      'a failing test',
      {
        'tests.requests.yaml':
          '- {name: x, caller: anonymous, method: GET, path: /, decision: allow}\n',
      },
      'tests/requests.yaml:1: the test `x` failed [bundle_tests_failed]',
    ],
    [
      'a policy outside the scope',
      {
        'more.cedar': SOURCES['more.cedar']?.replace(
          'resource == Route::"shop/payments/item"',
          'resource',
        ),
      },
      '[scope_exceeded]',
    ],
    [
      'an environment that does not compile',
      { 'entities.staging.json': '{}' },
      '[entities_invalid]',
    ],
  ])('refuses %s as build would', (_what, changes, message) => {
    expect(deep(withFiles(changes))).toContain(message);
  });
});
