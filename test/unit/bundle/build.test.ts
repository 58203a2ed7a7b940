import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileBundle } from '../../../src/bundle/compile.js';
import { loadOpened } from '../../../src/bundle/load-opened.js';
import { openBundle } from '../../../src/bundle/open.js';
import type { Problem } from '../../../src/errors.js';
import type { Result } from '../../../src/result.js';
import { resultValue } from '../../support/result.js';
import { build, builtFrom, inputOf, SOURCES, type Sources } from '../../support/source-bundle.js';

const problemsOf = (result: Result<unknown>): readonly Problem[] =>
  result.ok ? [] : result.problems;

/** SOURCES with some files changed; undefined leaves one out. */
function sources(changes: Readonly<Record<string, string | undefined>>): Sources {
  const all = Object.entries({ ...SOURCES, ...changes });
  return Object.fromEntries(all.filter((e): e is [string, string] => e[1] !== undefined));
}

const WANTS_ENVIRONMENT = SOURCES['schema.cedarschema']?.replaceAll(
  'environment?:',
  'environment:',
);

describe('buildBundle', () => {
  const built = builtFrom();
  const opened = resultValue(openBundle(built.archive, 'x.tar.gz'));

  it('packs every source as it is, tests with a flat name, index and manifest', () => {
    expect([...opened.files.keys()]).toEqual([
      ...['bundle.yaml', 'entities.json', 'entities.production.json', 'entities.staging.json'],
      ...['index.json', 'main.cedar', 'more.cedar', 'routes.yaml', 'schema.cedarschema'],
      'tests.requests.yaml',
    ]);
    for (const [name, text] of Object.entries(SOURCES)) {
      const bytes = opened.files.get(name.replace('/', '.'));
      expect(Buffer.from(bytes ?? []).toString('utf8')).toBe(text);
    }
  });

  it('states in the manifest what the sources say, and what was found', () => {
    expect(opened.digest).toBe(built.digest);
    expect(opened.manifest).toMatchObject({
      name: 'payments',
      version: '1.2',
      owner: 'team-a',
      scope: { destinations: ['shop/payments'] },
      createdAt: '2026-11-03T09:30:00.000Z',
      change: { ticket: 'CHG-1' },
      tests: { passed: 3, coverage: 66 },
      cedar: { sdk: '4.13.0', language: '4.5' },
      minReader: 1,
    });
    expect(opened.signatures.signatures).toEqual([]);
  });

  it('gives the same bytes for the same sources, whatever order they come in', () => {
    const { files, testFiles } = inputOf();
    const again = builtFrom(SOURCES, {
      files: [...files].reverse(),
      testFiles: [...testFiles].reverse(),
    });
    expect(again.archive.equals(built.archive)).toBe(true);
  });

  it('is another bundle with another time, change, engine or file', () => {
    const others = [
      builtFrom(SOURCES, { createdAt: '2026-11-03T09:30:00.001Z' }),
      builtFrom(SOURCES, { change: {} }),
      builtFrom(SOURCES, { cedar: { sdk: '4.13.1', language: '4.5' } }),
      builtFrom(sources({ 'main.cedar': `${SOURCES['main.cedar']}// more\n` })),
    ];
    expect(new Set([built, ...others].map(({ digest }) => digest)).size).toBe(5);
  });

  it.each([undefined, 'production', 'staging'])(
    'is loaded by its index to what compiling gives, in environment %s',
    (environment) => {
      const loaded = resultValue(loadOpened(opened, { environment }));
      const compiled = resultValue(compileBundle(inputOf().files, { environment }));
      expect(loaded).toEqual({ ...compiled, digest: built.digest, known: undefined });
    },
  );

  it('keeps a byte order mark, and still finds the policies', () => {
    const marked = sources({ 'main.cedar': `\ufeff${SOURCES['main.cedar']}` });
    const bundle = resultValue(openBundle(builtFrom(marked).archive, 'x'));
    const loaded = resultValue(loadOpened(bundle, { environment: undefined }));
    const compiled = resultValue(compileBundle(inputOf(marked).files, { environment: undefined }));
    expect(loaded.program).toEqual(compiled.program);
  });

  it('records 0 and 0 without tests', () => {
    const { manifest } = builtFrom(sources({ 'tests/requests.yaml': undefined }));
    expect(manifest.tests).toEqual({ passed: 0, coverage: 0 });
  });

  it('compiles for every environment that has entities, and for none', () => {
    expect(built.environments).toEqual([undefined, 'production', 'staging']);
  });

  it('refuses what is wrong in one environment only, naming its file', () => {
    const result = build(sources({ 'entities.staging.json': '[{"uid": 1}]' }));
    expect(problemsOf(result)[0]).toMatchObject({
      code: 'entities_invalid',
      file: 'entities.staging.json',
    });
  });

  it('leaves out `none` where the schema wants an environment', () => {
    const wanting = sources({ 'schema.cedarschema': WANTS_ENVIRONMENT });
    expect(builtFrom(wanting).environments).toEqual(['production', 'staging']);
  });

  it('takes a schema that wants an environment when no file names one', () => {
    const changes = { 'entities.staging.json': undefined, 'entities.production.json': undefined };
    const wanting = sources({
      ...changes,
      'schema.cedarschema': WANTS_ENVIRONMENT,
      'entities.json': SOURCES['entities.production.json'],
    });
    expect(builtFrom(wanting).environments).toEqual(['any']);
  });

  it('refuses sources that do not compile, with file and line', () => {
    const result = build(sources({ 'more.cedar': '\npermit(principal, action, resource);' }));
    expect(problemsOf(result)[0]).toMatchObject({
      code: 'policy_annotation',
      file: 'more.cedar',
      line: 2,
    });
  });

  it('refuses a bundle of which a test fails, naming the test', () => {
    const tests = `${SOURCES['tests/requests.yaml']}- {name: wrong, caller: anonymous, method: GET, path: /x, decision: allow}\n`;
    const result = build(sources({ 'tests/requests.yaml': tests }));
    expect(problemsOf(result)).toEqual([
      {
        code: 'bundle_tests_failed',
        message: 'the test `wrong` failed',
        file: 'tests/requests.yaml',
        line: 4,
      },
    ]);
  });

  it('refuses tests that cannot be read', () => {
    const result = build(sources({ 'tests/requests.yaml': '- {name: x}\n' }));
    expect(problemsOf(result)[0]).toMatchObject({ code: 'test_invalid' });
  });

  it('refuses a policy that reaches outside the scope, with file and line', () => {
    const wide = SOURCES['more.cedar']?.replace(
      'resource == Route::"shop/payments/item"',
      'resource',
    );
    expect(problemsOf(build(sources({ 'more.cedar': wide })))[0]).toMatchObject({
      code: 'scope_exceeded',
      file: 'more.cedar',
      line: 1,
    });
    const anywhere = SOURCES['bundle.yaml']?.replace(/scope: .*/, '');
    const unscoped = { 'bundle.yaml': anywhere, 'tests/requests.yaml': undefined };
    expect(problemsOf(build(sources({ 'more.cedar': wide, ...unscoped })))).toEqual([]);
  });

  it.each([
    ['longer than 100 bytes', `${'x'.repeat(95)}.cedar`],
    ['cannot be seen', 'a\u202e.cedar'],
    ['leads into another directory', 'a\\b.cedar'],
  ])('refuses a name that is %s', (what, name) => {
    const [first] = problemsOf(build(sources({ [name]: '// nothing\n' })));
    expect(first).toMatchObject({ code: 'bundle_name_invalid', file: name });
    expect(first?.message).toContain(what);
  });
});

describe('a built bundle', () => {
  const { archive, digest } = builtFrom();
  const tar = gunzipSync(archive);
  const files = (bytes: Buffer) => {
    const result = openBundle(bytes, 'x');
    return result.ok ? { digest: result.value.digest, files: result.value.files } : undefined;
  };
  const original = files(archive);

  /** Changes a few bytes, cuts some out, doubles some, or ends early. */
  const damage = (length: number) =>
    fc.oneof(
      fc.record({
        kind: fc.constant('set' as const),
        at: fc.nat({ max: length - 1 }),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
      }),
      fc.record({
        kind: fc.constantFrom('cut' as const, 'double' as const),
        at: fc.nat({ max: length - 1 }),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 600 }),
      }),
      fc.record({
        kind: fc.constant('end' as const),
        at: fc.nat({ max: length - 1 }),
        bytes: fc.constant(new Uint8Array()),
      }),
    );

  type Damage = { kind: 'set' | 'cut' | 'double' | 'end'; at: number; bytes: Uint8Array };

  function damaged(whole: Buffer, { kind, at, bytes }: Damage): Buffer {
    const before = whole.subarray(0, at);
    const rest = whole.subarray(at + bytes.length);
    if (kind === 'end') return before;
    if (kind === 'cut') return Buffer.concat([before, rest]);
    if (kind === 'double')
      return Buffer.concat([whole.subarray(0, at + bytes.length), whole.subarray(at)]);
    return Buffer.concat([before, bytes, rest]).subarray(0, whole.length);
  }

  it('is refused or identical when the file is damaged', () => {
    fc.assert(
      fc.property(damage(archive.length), (where) => {
        const found = files(damaged(archive, where));
        if (found !== undefined) expect(found).toEqual(original);
      }),
    );
  });

  it('is refused or has the same files when the tar in it is damaged and packed again', () => {
    fc.assert(
      fc.property(damage(tar.length), (where) => {
        const found = files(gzipSync(damaged(tar, where), { level: 1 }));
        // Free text of the manifest may have changed: then the digest is another.
        if (found !== undefined) expect(found.files).toEqual(original?.files);
      }),
    );
  });

  it('is refused or identical when a header is damaged and its checksum mended', () => {
    const headers = Array.from({ length: tar.length / 512 }, (_, n) => n * 512).filter(
      (at) => tar.toString('latin1', at + 257, at + 262) === 'ustar',
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...headers),
        fc.nat({ max: 511 }),
        fc.nat({ max: 255 }),
        (header, offset, byte) => {
          const copy = Buffer.from(tar);
          copy[header + offset] = byte;
          const block = copy.subarray(header, header + 512);
          block.write('        ', 148, 'latin1');
          const sum = block.reduce((total, each) => total + each, 0);
          block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
          const found = files(gzipSync(copy, { level: 1 }));
          if (found !== undefined) expect(found).toEqual(original);
        },
      ),
    );
  });

  it('has the same digest when it was compressed anew', () => {
    expect(files(gzipSync(tar, { level: 4 }))?.digest).toBe(digest);
  });
});
