import { describe, expect, it } from 'vitest';
import { parseRequestTests } from '../../../src/analysis/request-tests.js';

const parse = (text: string) => parseRequestTests({ file: 'tests/a.yaml', text });

const MINIMAL = ['name: a', 'caller: anonymous', 'method: GET', 'path: /x', 'decision: deny'];
const item = (lines: readonly string[]) => `- ${lines.join('\n  ')}\n`;
const without = (field: string) => MINIMAL.filter((line) => !line.startsWith(`${field}:`));

describe('a request test', () => {
  it('needs name, caller, method, path and decision only', () => {
    const result = parse(item(MINIMAL));
    expect(result).toMatchObject({
      ok: true,
      value: [
        {
          kind: 'request',
          name: 'a',
          file: 'tests/a.yaml',
          line: 1,
          request: { caller: 'anonymous', http: { method: 'GET', path: '/x', headers: [] } },
          nowMs: Date.parse('2026-01-01T00:00:00Z'),
          expect: { decision: 'deny', reason: undefined, policies: undefined },
        },
      ],
    });
  });

  it('knows its line', () => {
    const result = parse(`# a comment\n${item(MINIMAL)}\n${item(['name: b', ...without('name')])}`);
    expect(result.ok && result.value.map(({ line }) => line)).toEqual([2, 8]);
  });

  it('sends every copy of a header', () => {
    const result = parse(item([...MINIMAL, 'headers: {x-a: "1", x-b: ["2", "3"]}']));
    expect(result.ok && result.value[0]?.request.http?.headers).toEqual([
      ['x-a', '1'],
      ['x-b', '2'],
      ['x-b', '3'],
    ]);
  });

  it('makes a gRPC call of service and method', () => {
    const lines = [
      ...without('method').filter((line) => !line.startsWith('path')),
      'grpc: {service: a.B, method: Do}',
    ];
    const result = parse(item(lines));
    expect(result.ok && result.value[0]?.request.http).toMatchObject({
      method: 'POST',
      path: '/a.B/Do',
    });
  });

  it('makes a connection of `tcp: true`', () => {
    const result = parse(item(['name: a', 'caller: anonymous', 'tcp: true', 'decision: deny']));
    expect(result.ok && result.value[0]?.request.http).toBeUndefined();
  });

  it.each([
    ['no name', without('name'), '`[0].name` is missing'],
    ['no caller', without('caller'), '`[0].caller` is missing'],
    ['no path', without('path'), '`[0].path` is missing'],
    ['no decision', without('decision'), '`[0].decision`'],
    ['no method', without('method'), 'exactly one of `method`, `grpc` and `tcp`'],
    ['method and grpc', [...MINIMAL, 'grpc: {service: a.B, method: Do}'], 'exactly one of'],
    [
      'headers of a connection',
      ['name: a', 'caller: anonymous', 'tcp: true', 'headers: {a: b}', 'decision: deny'],
      'do not exist',
    ],
    ['an unknown field', [...MINIMAL, 'polices: []'], 'unknown field `[0].polices`'],
    ['an unknown reason', [...MINIMAL, 'reason: because'], '`[0].reason` must be one of'],
    [
      'a reason of another decision',
      [...MINIMAL, 'reason: policy_permit'],
      'goes with decision `allow`, not `deny`',
    ],
    [
      'a header in upper case',
      [...MINIMAL, 'headers: {X-A: b}'],
      'must be a lower-case header name',
    ],
    ['a header that is a number', [...MINIMAL, 'headers: {x-a: 1}'], '`[0].headers.x-a`'],
    [
      'an address that is a name',
      [...MINIMAL, 'sourceAddress: localhost'],
      'must be an IP address',
    ],
    ['a time without a zone', [...MINIMAL, 'time: 2026-01-01T00:00:00'], 'must be a time such as'],
    [
      'a destination that is a name',
      [...MINIMAL, 'destination: payments'],
      'must have the form `<namespace>/<name>`',
    ],
    [
      'a method with a space',
      ['name: a', 'caller: anonymous', 'method: "G T"', 'path: /x', 'decision: deny'],
      'must be a token',
    ],
  ])('is refused with %s', (_name, lines, message) => {
    const result = parse(item(lines));
    expect(result.ok).toBe(false);
    if (result.ok) return;
    expect(result.problems[0]).toMatchObject({ code: 'test_invalid', file: 'tests/a.yaml' });
    expect(result.problems[0].line).toBeGreaterThan(0);
    expect(result.problems.map(({ message: text }) => text).join('\n')).toContain(message);
  });

  it.each(['', '[]', '{}', 'null', '- 1'])('file is refused when it is %s', (text) => {
    expect(parse(text)).toMatchObject({ ok: false, problems: [{ code: 'test_invalid' }] });
  });
});
