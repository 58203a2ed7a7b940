import { describe, expect, test } from 'vitest';
import { compileBundle } from '../../../src/bundle/compile.js';
import { directoryDigest } from '../../../src/bundle/digest.js';
import { loadBundleDirectory } from '../../../src/bundle/load.js';
import {
  type BundleFiles,
  bundleFiles,
  policy,
  SCHEMA,
  sourceFiles,
  temporaryDirectory,
  writeFiles,
} from '../../support/bundle-files.js';

const compile = (files: BundleFiles, environment?: string) =>
  compileBundle(sourceFiles(files), { environment });
const problemsOf = (files: BundleFiles, environment?: string) => {
  const result = compile(files, environment);
  return result.ok ? [] : result.problems;
};
function without(files: BundleFiles, ...names: string[]): BundleFiles {
  return Object.fromEntries(Object.entries(files).filter(([name]) => !names.includes(name)));
}

const FILES = bundleFiles('1.2', {
  'other.cedar': policy('other'),
  'routes.yaml': '- {name: refund, path: "/refunds/{id}"}\n',
  'entities.json': '[]',
});

describe('a bundle', () => {
  test('of good files is whole: digest, manifest, routes, program', () => {
    const result = compile(FILES);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    const { digest, manifest, routes, program } = result.value;
    expect(digest).toBe(directoryDigest(sourceFiles(FILES)));
    expect(manifest).toMatchObject({ name: 'test', version: '1.2' });
    expect(routes).toMatchObject([{ name: 'refund' }]);
    expect(program.policies.map(({ id, file }) => [id, file])).toEqual([
      ['main', 'main.cedar'],
      ['other', 'other.cedar'],
    ]);
  });

  test('can cross threads', () => {
    const result = compile(FILES);
    expect(structuredClone(result)).toEqual(result);
  });

  test.each([
    ['everything', Object.keys(FILES), '`bundle.yaml`, `schema.cedarschema`, `*.cedar`'],
    ['the policies', ['main.cedar', 'other.cedar'], '`*.cedar`'],
    ['the schema', ['schema.cedarschema'], '`schema.cedarschema`'],
    ['the manifest', ['bundle.yaml'], '`bundle.yaml`'],
  ])('without %s is told what it lacks, at once', (_what, names, list) => {
    expect(problemsOf(without(FILES, ...names))).toEqual([
      { code: 'bundle_file_missing', message: `the bundle lacks ${list}` },
    ]);
  });

  test('tells the problems of all its files together', () => {
    const problems = problemsOf({
      ...FILES,
      'bundle.yaml': 'name: A\nversion: 1.10\nowner: o\n',
      'routes.yaml': '- {name: a, path: a}\n',
      'other.cedar': 'permit(principal, action, resource) when {\n  1 +\n};\n',
    });
    expect(problems.map(({ file, line, code }) => [file, line, code])).toEqual([
      ['bundle.yaml', 1, 'manifest_invalid'],
      ['bundle.yaml', 2, 'manifest_invalid'],
      ['routes.yaml', 1, 'routes_invalid'],
      ['other.cedar', 3, 'policy_syntax'],
    ]);
  });

  test('with one bad byte is refused whole, with file and line', () => {
    const files = sourceFiles(FILES).map((file) =>
      file.name === 'other.cedar'
        ? { ...file, bytes: Buffer.concat([Buffer.from('// \n// '), Buffer.from([0xff])]) }
        : file,
    );
    expect(compileBundle(files, { environment: undefined })).toMatchObject({
      ok: false,
      problems: [{ code: 'not_utf8', file: 'other.cedar', line: 2 }],
    });
  });

  test('reads the entities of its own environment only', () => {
    const uid = { type: 'Workload', id: 'spiffe://example.org/ns/shop/sa/a' };
    const files = {
      ...FILES,
      'entities.test.json': JSON.stringify([{ uid, attrs: {}, parents: [] }]),
      'entities.prod.json': 'no JSON',
    };
    const result = compile(files, 'test');
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(result.value.program.entities.map((entity) => entity.uid)).toContainEqual(uid);
    expect(compile(files).ok).toBe(true);
    expect(problemsOf(files, 'prod')).toMatchObject([
      { code: 'json_invalid', file: 'entities.prod.json' },
    ]);
  });

  const RPC = `${SCHEMA}action rpc appliesTo { principal: [Workload], resource: [Service, Route], context: {} };`;
  const CONNECT = `${SCHEMA}action connect appliesTo { principal: [Workload], resource: [Service], context: {} };`;
  const manifest = (protocol: string) => `${FILES['bundle.yaml']}protocol: ${protocol}\n`;
  const ROUTE = '- {name: a, grpc: {service: s, method: m}}';
  test.each([
    ['gRPC route', { 'routes.yaml': ROUTE }, SCHEMA, '`rpc`, which a route with `grpc` needs'],
    ['gRPC route', { 'routes.yaml': ROUTE }, RPC, undefined],
    ['gRPC', { 'bundle.yaml': manifest('grpc') }, SCHEMA, '`rpc`, which `protocol: grpc` needs'],
    ['gRPC', { 'bundle.yaml': manifest('grpc') }, RPC, undefined],
    ['TCP', { 'bundle.yaml': manifest('tcp') }, SCHEMA, '`connect`, which `protocol: tcp` needs'],
    ['TCP', { 'bundle.yaml': manifest('tcp') }, CONNECT, undefined],
  ])('for %s needs the action of its requests', (_what, more, schema, message) => {
    const problems = problemsOf({ ...FILES, ...more, 'schema.cedarschema': schema });
    const found = problems.filter((p) => p.message.startsWith('the schema declares no action'));
    expect(found.map((p) => p.message)).toEqual(
      message === undefined ? [] : [`the schema declares no action ${message}`],
    );
  });

  test('lets `;` into routes when bundle.yaml does', () => {
    const files = { ...FILES, 'routes.yaml': '- {name: a, path: /a;b}' };
    expect(problemsOf(files)).toMatchObject([{ code: 'routes_invalid' }]);
    const allowing = { 'bundle.yaml': `${FILES['bundle.yaml']}path: {allow: [semicolon]}\n` };
    expect(compile({ ...files, ...allowing }).ok).toBe(true);
  });
});

test('a policy that names a route which is not declared is told, with its place', () => {
  const on = (route: string) =>
    policy('stray').replace(', resource)', `, resource == Route::"shop/payments/${route}")`);
  const warningsOf = (files: BundleFiles) => {
    const result = compile(files);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    return result.value.warnings;
  };
  expect(warningsOf({ ...FILES, 'stray.cedar': on('refund') })).toEqual([]);
  expect(warningsOf({ ...FILES, 'stray.cedar': on('refnud') })).toMatchObject([
    { code: 'route_unknown', file: 'stray.cedar', line: 4 },
  ]);
});

describe('a bundle on disk', () => {
  test('warns of files that have no part in it, and tells the digest also when refused', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, { ...FILES, 'notes.txt': 'x' });
    const loaded = await loadBundleDirectory(directory, { environment: undefined });
    if (!loaded.result.ok) throw new Error(JSON.stringify(loaded.result.problems));
    expect(loaded.digest).toBe(directoryDigest(sourceFiles(FILES)));
    expect(loaded.result.value.warnings).toMatchObject([
      { code: 'bundle_file_ignored', file: 'notes.txt' },
    ]);
    await writeFiles(directory, { 'main.cedar': 'permit(' });
    const refused = await loadBundleDirectory(directory, { environment: undefined });
    expect(refused.result.ok).toBe(false);
    expect(refused.digest).toBe(
      directoryDigest(sourceFiles({ ...FILES, 'main.cedar': 'permit(' })),
    );
  });
});
