import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../../src/bundle/manifest.js';

const parse = (text: string) => parseManifest({ file: 'bundle.yaml', text });
const BASE = 'name: payments\nversion: "2026.11.3"\nowner: team-payments\n';

describe('bundle.yaml', () => {
  test('with the required fields gets the defaults', () => {
    expect(parse(BASE)).toEqual({
      ok: true,
      value: {
        name: 'payments',
        version: '2026.11.3',
        owner: 'team-payments',
        scope: undefined,
        protocol: 'http',
        path: { allow: [] },
        environments: {},
      },
    });
  });

  test('may say scope, protocol and paths', () => {
    const more =
      'scope: {destinations: [shop/a, shop/b]}\nprotocol: tcp\npath: {allow: [semicolon]}';
    expect(parse(BASE + more)).toMatchObject({
      ok: true,
      value: {
        scope: { destinations: ['shop/a', 'shop/b'] },
        protocol: 'tcp',
        path: { allow: ['semicolon'] },
      },
    });
  });

  test.each([
    ['name: "a"\nversion: "1"', '`owner` is missing', 1],
    ['name: A\nversion: "1"\nowner: o', '`name` must be 1 to 63', 1],
    ['name: -a\nversion: "1"\nowner: o', '`name` must be 1 to 63', 1],
    [`name: ${'a'.repeat(64)}\nversion: "1"\nowner: o`, '`name` must be 1 to 63', 1],
    ['name: a\nversion: 1.10\nowner: o', '`1.10` is a number', 2],
    ['name: a\nversion: "1+2"\nowner: o', '`version` must be', 2],
    ['name: a\nversion: ""\nowner: o', '`version` must be', 2],
    ['name: a\nversion: "1\\r\\nx: y"\nowner: o', '`version` must be', 2],
    ['name: a\nversion: "1\\n"\nowner: o', '`version` must be', 2],
    ['name: a\nversion: "1"\nowner: ""', '`owner` must be', 3],
    ['name: a\nversion: "1"\nowner: "\\u001b[2J"', '`owner` must be', 3],
    ['name: a\nversion: "1"\nowner: "  "', '`owner` must not be blank', 3],
    [`${BASE}scope: {}`, '`scope.destinations` is missing', 4],
    [`${BASE}scope:\n  destinations: []`, '`scope.destinations` must not be empty', 5],
    [`${BASE}scope:\n  destinations:\n    - a/b\n    - a`, '`scope.destinations[1]` must have', 7],
    [`${BASE}scope: {destinations: [a/b/c]}`, '`scope.destinations[0]` must have', 4],
    [`${BASE}scope: {destinations: [a/b, a/b]}`, 'names a destination twice', 4],
    [`${BASE}protocol: udp`, '`protocol` must be one of `http`, `grpc`, `tcp`', 4],
    [`${BASE}path: {allow: [hash]}`, '`path.allow[0]` must be', 4],
    [`${BASE}environments: {Prod: why}`, 'Prod', 4],
    [`${BASE}environments: {test: "  "}`, '`environments.test` must not be blank', 4],
    [`${BASE}environments: {test: "a\\nb"}`, '`environments.test` must be one line', 4],
    [`${BASE}extra: 1`, 'unknown field `extra`', 4],
  ])('is refused when wrong: %j', (text, message, line) => {
    const result = parse(text);
    if (result.ok) throw new Error('the manifest was taken');
    const found = result.problems.find((p) => p.message.includes(message));
    expect(found, JSON.stringify(result.problems)).toMatchObject({
      code: 'manifest_invalid',
      file: 'bundle.yaml',
      line,
    });
  });
});
