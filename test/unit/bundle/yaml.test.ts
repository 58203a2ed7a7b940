import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readYaml, yamlPlace } from '../../../src/bundle/yaml.js';
import { checkShape } from '../../../src/bundle/yaml-shape.js';
import { PROBLEMS_MAX } from '../../../src/constants.js';
import * as shape from '../../../src/shape/kinds.js';

const read = (text: string) => readYaml('f.yaml', text);

describe('plain YAML', () => {
  test.each([
    [
      'the core schema of 1.2',
      'a: yes\nb: 0o17\nc: 1.50\nd: ~',
      { a: 'yes', b: 15, c: 1.5, d: null },
    ],
    ['dates as text', 'a: 2026-01-01', { a: '2026-01-01' }],
    ['flow and block', '- {a: [1]}\n- |\n  x\n', [{ a: [1] }, 'x\n']],
    ['an empty file', '', null],
    ['lines that end with CR LF', 'a: 1\r\nb: 2\r\n', { a: 1, b: 2 }],
    ['a file of comments', '# nothing\n', null],
    ['one document with markers', '---\na: 1\n...\n', { a: 1 }],
  ])('is read: %s', (_what, text, value) => {
    expect(read(text)).toMatchObject({ ok: true, value: { value } });
  });

  test.each([
    ['an anchor', 'a: &x 1', 'anchor', 1],
    ['an alias', 'a: &x 1\nb: *x', 'anchor', 1],
    ['an alias to nothing', 'b:\n  c: *x', 'alias', 2],
    ['an anchor on a map', 'a:\n  b: &x {c: 1}', 'anchor', 2],
    ['a tag', 'a: 1\nb: !!str 1', 'tag', 2],
    ['a tag of its own', 'a: !env HOME', 'tag', 1],
    ['the non-specific tag', 'a: ! 1', 'tag', 1],
    ['a tag on a key', '!!str a: 1', 'tag', 1],
    ['binary', 'a: !!binary aGk=', 'tag', 1],
    ['an older version', '%YAML 1.1\n---\na: yes', 'directives', 1],
    ['a tag directive', '%TAG ! tag:x,2000:\n---\na: 1', 'directives', 1],
    ['an unknown directive', '%FOO bar\n---\na: 1', '', 1],
    ['a second document', 'a: 1\n---\nb: 2', 'more than one document', 2],
    ['a duplicate key', 'a: 1\nb: 2\na: 3', 'unique', 3],
    ['a duplicate key, quoted', 'a: 1\n"a": 3', 'unique', 2],
    ['a duplicate key in the depth', 'a:\n  - b: 1\n    b: 2', 'unique', 3],
    ['a merge key', 'a:\n  <<: {b: 1}', 'merge key', 2],
    ['a number as key', 'a: 1\n1.10: 2', '`1.10` is not text', 2],
    ['true as key', 'true: 2', '`true` is not text', 1],
    ['a list as key', '? [a]\n: b', 'a key must be text', 1],
    ['no key', ': x', 'not text', 1],
    ['__proto__', '__proto__: {a: 1}', '__proto__', 1],
    ['a tab as indentation', 'a:\n\t- b', 'tabs', 2],
    ['a line that some readers end early', 'a: 1\nb: 2 # c\r   d: 3', 'neither with lf nor', 2],
    ['half a surrogate pair', 'a: "\\ud800"', 'surrogate', 1],
    ['an open bracket', 'a: [1,\nb: 2', '', 2],
  ])('is not %s', (_what, text, message, line) => {
    const result = read(text);
    if (result.ok) throw new Error('the file was read');
    expect(result.problems[0]).toMatchObject({ code: 'yaml_invalid', file: 'f.yaml' });
    expect(result.problems[0].message.toLowerCase()).toContain(message);
    expect(result.problems[0].line).toBe(line);
  });

  test.each([
    ['nested without end', '['.repeat(200_000)],
    ['nested in block form', '- '.repeat(50_000)],
    ['larger than the cap', `a: ${'x'.repeat(1_100_000)}`],
  ])('%s is refused without a crash', (_what, text) => {
    expect(read(text)).toMatchObject({ ok: false, problems: [{ code: 'yaml_invalid' }] });
  });

  test.each([
    ['anchors', `[${'&a 1, '.repeat(200)}]`],
    ['duplicate keys', 'a: 1\n'.repeat(200)],
  ])('tells only some of many problems: %s', (_what, text) => {
    const result = read(text);
    expect(result.ok ? 0 : result.problems.length).toBe(PROBLEMS_MAX);
  });

  test('never throws, and never reads what JSON reads in another way', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const result = read(text);
        expect(typeof result.ok).toBe('boolean');
      }),
    );
    const json = fc.jsonValue({ noUnicodeString: false, maxDepth: 4 });
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__') && !text.includes('\\ud'));
        const result = read(text);
        expect(result.ok && JSON.stringify(result.value.value)).toBe(text);
      }),
    );
  });
});

describe('a shape', () => {
  const schema = shape.strictObject({
    version: shape.string(),
    scope: shape.strictObject({ names: shape.array(shape.string()) }).optional(),
    kind: shape.oneOf(['a', 'b']).optional(),
  });
  const problemsOf = (text: string) => {
    const document = read(text);
    if (!document.ok) throw new Error('the test file is not YAML');
    const shaped = checkShape(document.value, document.value.value, schema, {
      code: 'manifest_invalid',
    });
    return shaped.ok ? [] : shaped.problems;
  };

  test.each([
    ['version: 1.10', '`version` must be text, but `1.10` is a number', 1, 10],
    ['version: 007', '`version` must be text, but `007` is a number', 1, 10],
    ['version: true', '`version` must be text, but `true` is a boolean', 1, 10],
    ['version:', '`version` must be text, not empty', 1, 9],
    ['version: [a]', '`version` must be text, not a list', 1, 10],
    ['kind: a', '`version` is missing', 1, 1],
    ['version: x\nscope:\n  names: x', '`scope.names` must be a list, not text', 3, 10],
    ['version: x\nscope:\n  names:\n    - a\n    - 2', '`scope.names[1]` must be text', 5, 7],
    ['version: x\nscope:\n  name: [a]\n  names: []', 'unknown field `scope.name`', 3, 3],
    ['version: x\nkind: c', '`kind` must be one of `a`, `b`', 2, 7],
    ['- version: x', 'the file must be a map, not a list', 1, 1],
    ['', 'the file must be a map, not empty', 1, 1],
  ])('not fitted by %j says so with line and column', (text, message, line, column) => {
    const [first] = problemsOf(text);
    expect(first).toMatchObject({ code: 'manifest_invalid', file: 'f.yaml', line, column });
    expect(first?.message).toContain(message);
  });

  test('tells the exact text to quote', () => {
    expect(problemsOf('version: 1.10')[0]?.help).toBe('quote it: version: "1.10"');
  });

  test('tells all problems, in the order of the file', () => {
    const lines = problemsOf('kind: c\nother: 1\nversion: 2').map(({ line }) => line);
    expect(lines).toEqual([1, 2, 3]);
  });

  test('tells only some of many', () => {
    const many = Array.from({ length: 200 }, (_, i) => `k${i}: 1\n`).join('');
    expect(problemsOf(many)).toHaveLength(PROBLEMS_MAX);
  });

  test('finds the place around something missing', () => {
    const document = read('a:\n  b:\n    - c: 1\n');
    if (!document.ok) throw new Error('the test file is not YAML');
    expect(yamlPlace(document.value, ['a', 'b', 0, 'd'])).toMatchObject({ line: 3, column: 7 });
    expect(yamlPlace(document.value, ['a', 'x', 'y'])).toMatchObject({ line: 2, column: 3 });
  });
});
