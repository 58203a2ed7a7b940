import { describe, expect, it } from 'vitest';
import { readQuestion } from '../../../src/analysis/question.js';
import type { BundleManifest } from '../../../src/bundle/types.js';

const manifest = (destinations?: string[]): BundleManifest => ({
  name: 'a',
  version: '1',
  owner: 'a',
  scope: destinations && { destinations },
  protocol: 'http',
  path: { allow: [] },
  environments: {},
});
const FLAGS = { caller: 'anonymous', method: 'GET', path: '/x' };
const DEFAULTS = { environment: 'staging', nowMs: 5 };
const read = (flags: object, destinations: string[] | undefined = ['a/b']) =>
  readQuestion({ ...FLAGS, ...flags }, { manifest: manifest(destinations) }, DEFAULTS);

describe('a question from flags', () => {
  it('takes destination from the scope, and environment and time from around it', () => {
    expect(read({})).toEqual({
      ok: true,
      value: {
        sketch: {
          caller: 'anonymous',
          http: { method: 'GET', path: '/x', headers: [] },
          claims: undefined,
          sourceAddress: undefined,
        },
        service: 'a/b',
        environment: 'staging',
        nowMs: 5,
      },
    });
  });

  it('splits headers and claims at the first `=`, and lower-cases header names', () => {
    const result = read({
      header: ['X-A=b=c', 'x-a='],
      claim: ['n=3', 's=text', 'q="3"', 'o={"a":[1]}', '__proto__=1'],
    });
    if (!result.ok) throw new Error('refused');
    const { http, claims } = result.value.sketch;
    expect(http?.headers).toEqual([
      ['x-a', 'b=c'],
      ['x-a', ''],
    ]);
    expect(Object.entries(claims ?? {})).toEqual([
      ['n', 3],
      ['s', 'text'],
      ['q', '3'],
      ['o', { a: [1] }],
      ['__proto__', 1],
    ]);
  });

  it('needs no path for CONNECT', () => {
    expect(read({ method: 'CONNECT', path: undefined }).ok).toBe(true);
  });

  it('takes a time', () => {
    const result = read({ time: '2026-01-01T00:00:00Z' });
    expect(result.ok && result.value.nowMs).toBe(1767225600000);
  });

  it.each([
    [{ caller: undefined }, '`--caller` is missing'],
    [{ method: '' }, '`--method` is missing'],
    [{ path: undefined }, '`--path` is missing'],
    [{ service: 'payments' }, 'is not `namespace/name`'],
    [{ header: ['x-a'] }, '`--header` must have the form'],
    [{ claim: ['=3'] }, '`--claim` must have the form'],
    [{ sourceAddress: 'here' }, 'no IP address'],
    [{ time: 'noon' }, 'no RFC 3339 time'],
  ])('is refused with %j', (flags, message) => {
    const result = read(flags);
    expect(result).toMatchObject({ ok: false, problems: [{ code: 'input_invalid' }] });
    expect(result.ok ? '' : result.problems[0].message).toContain(message);
  });

  it.each([[undefined], [['a/b', 'c/d']]])(
    'needs a service when the scope is %j',
    (destinations) => {
      expect(readQuestion(FLAGS, { manifest: manifest(destinations) }, DEFAULTS).ok).toBe(false);
      expect(
        readQuestion({ ...FLAGS, service: 'c/d' }, { manifest: manifest(destinations) }, DEFAULTS)
          .ok,
      ).toBe(true);
    },
  );
});
