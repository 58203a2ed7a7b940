import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRoutePath } from '../../../src/bundle/route-path.js';
import { parseRoutes } from '../../../src/bundle/routes.js';
import { parsePath } from '../../../src/check/path.js';
import { matchRoute } from '../../../src/check/route.js';

const parse = (text: string, semicolonAllowed = false) =>
  parseRoutes({ file: 'routes.yaml', text }, { semicolonAllowed });
const problemsOf = (text: string) => {
  const result = parse(text);
  return result.ok ? [] : result.problems;
};

describe('routes.yaml', () => {
  test('is read, most literal first', () => {
    const result = parse(`
- {name: any, path: "/{a}/{b}"}
- {name: refund, path: "/refunds/{id}/", methods: [POST], access: write, allow: [semicolon]}
- {name: quote, grpc: {service: shop.v1.Orders, method: Quote}, access: read}
- {name: root, path: /}
- {name: list, path: /refunds/all}
`);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(result.value.map(({ name }) => name)).toEqual([
      'list',
      'quote',
      'refund',
      'any',
      'root',
    ]);
    expect(result.value[2]).toEqual({
      kind: 'http',
      name: 'refund',
      access: 'write',
      segments: [{ literal: 'refunds' }, { param: 'id' }],
      methods: ['POST'],
      allowSemicolon: true,
    });
    expect(result.value[1]).toEqual({
      kind: 'grpc',
      name: 'quote',
      access: 'read',
      service: 'shop.v1.Orders',
      method: 'Quote',
    });
    expect(result.value[4]).toMatchObject({ segments: [], methods: undefined, access: undefined });
  });

  test('may be an empty list, but not an empty file: that may be half written', () => {
    expect(parse('[]')).toEqual({ ok: true, value: [] });
    expect(problemsOf('# nothing\n')).toMatchObject([{ code: 'routes_invalid' }]);
  });

  test.each([
    ['no name', '- {path: /a}', '`[0].name` is missing', 1],
    ['no path', '- {name: a}', '`[0].path` is missing', 1],
    ['an unknown field', '- name: a\n  path: /a\n  host: b', 'unknown field `[0].host`', 3],
    ['path and grpc', '- {name: a, path: /a, grpc: {service: s, method: m}}', 'unknown field', 1],
    ['a bad name', '- {name: A, path: /a}', '`[0].name` must be', 1],
    ['no methods', '- {name: a, path: /a, methods: []}', '`[0].methods` must not be empty', 1],
    ['a lower-case method', '- {name: a, path: /a, methods: [get]}', '`[0].methods[0]` must', 1],
    ['a method twice', '- {name: a, path: /a, methods: [GET, GET]}', 'names a method twice', 1],
    ['another access', '- {name: a, path: /a, access: rw}', '`[0].access` must be one of', 1],
    ['a gRPC path as service', '- {name: a, grpc: {service: /s, method: m}}', 'gRPC service', 1],
    ['no gRPC method', '- {name: a, grpc: {service: s}}', '`[0].grpc.method` is missing', 1],
    ['a name twice', '- {name: a, path: /a}\n- {name: a, path: /b}', 'used on line 1', 2],
    ['a number as path', '- name: a\n  path: 1', '`[0].path` must be text', 2],
    ['a map', 'name: a', 'the file must be a list', 1],
    ['text', '- a', '`[0]` must be a map', 1],
  ])('is refused with %s', (_what, text, message, line) => {
    const found = problemsOf(text).find((p) => p.message.includes(message));
    expect(found, JSON.stringify(problemsOf(text))).toMatchObject({
      code: 'routes_invalid',
      file: 'routes.yaml',
      line,
    });
  });

  test.each([
    ['a', 'begin with'],
    ['', 'begin with'],
    ['//', 'empty segment'],
    ['/a//b', 'empty segment'],
    ['/a//', 'empty segment'],
    ['/a/./b', 'segment'],
    ['/a/..', 'segment'],
    ['/a/..;x', '`;`'],
    ['/a;b', '`;`'],
    ['/a%20b', 'percent'],
    ['/a?b', '`?`'],
    ['/a#b', '`#`'],
    ['/a\\b', 'backslash'],
    ['/a\u0007', 'control'],
    ['/a\u0085', 'control'],
    ['/a\u2024', 'may read'],
    ['/a\uff0fb', 'may read'],
    ['/*', 'wildcard'],
    ['/a/**', 'wildcard'],
    ['/a{b}', 'brace'],
    ['/{a', 'brace'],
    ['/{}', 'parameter'],
    ['/{1a}', 'parameter'],
    ['/{a-b}', 'parameter'],
    ['/{a}/{a}', 'twice'],
    [`/${'a/'.repeat(300)}`, 'segments'],
    [`/${'a'.repeat(9_000)}`, 'bytes'],
  ])('refuses the path %j', (path, fault) => {
    const parsed = parseRoutePath(path, { allowSemicolon: false });
    expect(parsed).toMatchObject({ ok: false, fault: expect.stringContaining(fault) });
  });

  test.each([
    ['/a;b', true],
    ['/..;b', false],
    ['/;b', false],
  ])('with `;` allowed judges %j', (path, taken) => {
    expect(parseRoutePath(path, { allowSemicolon: true }).ok).toBe(taken);
    expect(parse(`[{name: a, path: "${path}"}]`, true).ok).toBe(taken);
  });

  test('takes a literal exactly when a request can carry it', () => {
    const odd = fc.constantFrom(
      '.',
      '..',
      '/',
      '%',
      ';',
      '\\',
      '#',
      '?',
      '\u2024',
      '\uff0e',
      'é',
      '\u0000',
      'a',
      ' ',
      '~',
      ':',
      '\u{1f600}',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(odd, { maxLength: 4 }).map((l) => l.join('')),
    );
    fc.assert(
      fc.property(text, (literal) => {
        fc.pre(!/[{}*/]/.test(literal));
        const route = parseRoutePath(`/${literal}/x`, { allowSemicolon: true });
        const request = parsePath(`/${encode(literal)}/x`);
        expect(route.ok).toBe(request.ok);
        if (request.ok) expect(request.segments[0]).toBe(literal);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** As a client would send it: what must be encoded is, `;` and plain characters are not. */
function encode(literal: string): string {
  return [...literal].map((c) => (/[A-Za-z0-9;.:~]/.test(c) ? c : encodeURIComponent(c))).join('');
}

describe('ambiguous routes', () => {
  test.each([
    ['the same path', '/a', '/a', '/a'],
    ['another parameter name', '/a/{x}', '/a/{y}', '/a/{x}'],
    ['a trailing slash', '/a', '/a/', '/a'],
    ['literals in different places', '/a/{x}', '/{y}/b', '/a/b'],
  ])('are refused: %s', (_what, first, second, both) => {
    const text = `- {name: a, path: "${first}"}\n- {name: other, path: /z}\n- {name: b, path: "${second}"}`;
    expect(problemsOf(text)).toMatchObject([
      {
        code: 'routes_ambiguous',
        message: `the routes \`a\` (line 1) and \`b\` (line 3) both match \`${both}\``,
        file: 'routes.yaml',
        line: 3,
      },
    ]);
  });

  test.each([
    ['one for all methods', '[{name: a, path: /a}, {name: b, path: /a, methods: [GET]}]', 1],
    [
      'a common method',
      '[{name: a, path: /a, methods: [PUT, GET]}, {name: b, path: /a, methods: [GET]}]',
      1,
    ],
    [
      'different methods',
      '[{name: a, path: /a, methods: [PUT]}, {name: b, path: /a, methods: [GET]}]',
      0,
    ],
    ['one more literal', '[{name: a, path: "/a/{x}"}, {name: b, path: /a/b}]', 0],
    ['different lengths', '[{name: a, path: "/{x}"}, {name: b, path: "/{x}/{y}"}]', 0],
    [
      'gRPC and its path',
      '[{name: a, grpc: {service: s, method: m}}, {name: b, path: /s/m, methods: [POST]}]',
      1,
    ],
    [
      'gRPC and a parameter',
      '[{name: a, grpc: {service: s, method: m}}, {name: b, path: "/s/{m}"}]',
      0,
    ],
    [
      'gRPC twice',
      '[{name: a, grpc: {service: s, method: m}}, {name: b, grpc: {service: s, method: m}}]',
      1,
    ],
  ])('or not: %s', (_what, text, count) => {
    expect(problemsOf(text).filter(({ code }) => code === 'routes_ambiguous')).toHaveLength(count);
  });

  test('a list that is taken gives every request one route, whatever the order of the file', () => {
    const segment = fc.constantFrom('a', 'b', '{x}');
    const path = fc.array(segment, { maxLength: 3 }).map((list) => {
      return `/${list.map((s, i) => (s === '{x}' ? `{x${i}}` : s)).join('/')}`;
    });
    const methods = fc.constantFrom('', ', methods: [GET]', ', methods: [POST]');
    const routes = fc.array(fc.tuple(path, methods), { minLength: 1, maxLength: 6 });
    const request = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 });
    fc.assert(
      fc.property(routes, request, (list, segments) => {
        const lines = list.map(([p, m], i) => `- {name: r${i}, path: "${p}"${m}}`);
        const one = parse(lines.join('\n'));
        const other = parse([...lines].reverse().join('\n'));
        expect(one.ok).toBe(other.ok);
        if (!one.ok || !other.ok) return;
        const pick = (sorted: typeof one.value) => matchRoute(sorted, 'GET', segments)?.route.name;
        expect(pick(one.value)).toBe(pick(other.value));
      }),
    );
  });

  test('in their thousands are neither slow nor endless to tell', () => {
    const lines = Array.from({ length: 2_000 }, (_, i) => `- {name: r${i}, path: /a}`);
    expect(problemsOf(lines.join('\n')).length).toBeLessThanOrEqual(50);
    const more = Array.from({ length: 2_001 }, (_, i) => `- {name: r${i}, path: /a${i}}`);
    expect(problemsOf(more.join('\n'))).toMatchObject([{ message: 'more than 2000 routes' }]);
  });
});
