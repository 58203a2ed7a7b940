import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContextShape, TaskField, ValueShape } from '../../../src/cedar/types.js';
import type { JsonObject } from '../../../src/check/claims.js';
import { buildContext, type ContextFacts } from '../../../src/check/context.js';
import { NO_HEADERS, type RequestHeaders } from '../../../src/check/headers.js';
import { Stop } from '../../../src/check/stop.js';
import { ACT_CHAIN_MAX, CONTEXT_SET_MAX } from '../../../src/constants.js';
import { headersOf } from '../../support/headers.js';

const NOTHING: ContextShape = {
  path: false,
  params: undefined,
  query: undefined,
  headers: undefined,
  claims: undefined,
  task: undefined,
  environment: false,
  grpc: undefined,
  sourceAddress: false,
  time: false,
  required: new Set(),
};
const FACTS: ContextFacts = {
  path: '/a',
  params: new Map([['id', '7']]),
  query: new Map([['q', ['1', '2']]]),
  headers: NO_HEADERS,
  claims: () => undefined,
  claimNames: { payload: 'p', taskId: 'task_id', taskKind: 'task_kind', taskIntent: 'task_intent' },
  environment: 'production',
  grpc: { service: 's', method: 'm' },
  sourceAddress: '10.0.0.1',
  nowMs: Date.UTC(2026, 10, 22),
};

function build(shape: Partial<ContextShape>, facts: Partial<ContextFacts> = {}) {
  return buildContext({ ...NOTHING, ...shape }, { ...FACTS, ...facts });
}

function contextOf(shape: Partial<ContextShape>, facts: Partial<ContextFacts> = {}) {
  const built = build(shape, facts);
  if (built instanceof Stop) throw new Error(built.error.code);
  return JSON.parse(JSON.stringify(built.context));
}

describe('the context holds what the schema declares and nothing else', () => {
  it('is empty when nothing is declared', () => {
    expect(contextOf({})).toEqual({});
  });

  it('has each declared part', () => {
    const shape: Partial<ContextShape> = {
      path: true,
      params: new Set(['id', 'other']),
      query: new Set(['q']),
      environment: true,
      grpc: new Set(['service', 'method'] as const),
      sourceAddress: true,
      time: true,
    };
    expect(contextOf(shape)).toEqual({
      path: '/a',
      params: { id: '7' },
      query: { q: ['1', '2'] },
      environment: 'production',
      grpc: { service: 's', method: 'm' },
      sourceAddress: { __extn: { fn: 'ip', arg: '10.0.0.1' } },
      time: { __extn: { fn: 'datetime', arg: '2026-11-22T00:00:00.000Z' } },
    });
  });

  it('leaves out what the request does not have', () => {
    const shape = {
      path: true,
      params: new Set(['x']),
      query: new Set(['x']),
      sourceAddress: true,
    };
    expect(contextOf(shape, { path: undefined, sourceAddress: undefined })).toEqual({});
  });

  it.each([
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', undefined],
    ['/run/envoy.sock', undefined],
    ['10.0.0.256', undefined],
    ['::ffff:999.1.2.3', undefined],
  ])('source address %s becomes %s', (sourceAddress, expected) => {
    const context = contextOf({ sourceAddress: true }, { sourceAddress });
    expect(context.sourceAddress?.__extn.arg).toBe(expected);
  });
});

describe('declared headers', () => {
  const text = { headers: new Map([['x-a', 'string' as const]]) };
  const set = { headers: new Map([['x-a', 'set' as const]]) };
  const map = (...entries: [string, string][]) => headersOf('map', entries);
  const raw = (...entries: [string, string | number[]][]) =>
    headersOf(
      'raw',
      entries.map(([name, value]) => [name, Buffer.from(value as string)]),
    );

  it('arrive in both forms', () => {
    expect(contextOf(text, { headers: map(['x-a', '1'], ['x-b', '2']) })).toEqual({
      headers: { 'x-a': '1' },
    });
    expect(contextOf(text, { headers: raw(['x-a', '1'], ['x-b', '2']) })).toEqual({
      headers: { 'x-a': '1' },
    });
    expect(contextOf(set, { headers: raw(['x-a', '1'], ['x-a', '2']) })).toEqual({
      headers: { 'x-a': ['1', '2'] },
    });
  });

  it('are absent when not sent', () => {
    expect(contextOf(text, { headers: raw(['x-b', '2']) })).toEqual({});
    expect(contextOf(set, { headers: map() })).toEqual({});
  });

  it('keep a comma in raw form, where copies are told apart', () => {
    expect(contextOf(text, { headers: raw(['x-a', '1,2']) })).toEqual({
      headers: { 'x-a': '1,2' },
    });
  });

  const refused: [string, Partial<ContextShape>, RequestHeaders, string, string][] = [
    ['twice raw', text, raw(['x-a', '1'], ['x-a', '1']), 'header_duplicate', 'header_duplicate'],
    ['joined in a map', text, map(['x-a', '1,2']), 'header_duplicate', 'header_duplicate'],
    ['not UTF-8', text, raw(['x-a', [0xff]]), 'context_incomplete', 'header_not_utf8'],
    [
      'a set, one not UTF-8',
      set,
      raw(['x-a', '1'], ['x-a', [0xff]]),
      'context_incomplete',
      'header_not_utf8',
    ],
    ['a set in map form', set, map(['x-a', '1']), 'context_incomplete', 'header_set_needs_raw'],
  ];
  it.each(refused)('are an error: %s', (_, shape, headers, reason, code) => {
    expect(build(shape, { headers })).toMatchObject({
      reason,
      error: { code, field: 'headers.x-a' },
    });
  });

  it('have a limit of copies', () => {
    const copies = (count: number) =>
      raw(...Array.from({ length: count }, (): [string, string] => ['x-a', 'v']));
    expect(build(set, { headers: copies(CONTEXT_SET_MAX) })).not.toBeInstanceOf(Stop);
    expect(build(set, { headers: copies(CONTEXT_SET_MAX + 1) })).toMatchObject({
      reason: 'context_incomplete',
      error: { code: 'header_too_many' },
    });
  });

  it('that are not declared may be anything', () => {
    const headers = raw(['x-b', [0xff]], ['x-b', '2'], ['__proto__', 'x'], ['x-a', 'ok']);
    expect(contextOf(text, { headers })).toEqual({ headers: { 'x-a': 'ok' } });
  });

  it('may have any name, even that of a property of every object', () => {
    const shape = { headers: new Map(['__proto__', 'stopped'].map((n) => [n, 'string' as const])) };
    const built = build(shape, { headers: raw(['__proto__', 'a'], ['stopped', 'b']) });
    const headers = built instanceof Stop ? {} : (built.context.headers as object);
    expect(Object.entries(headers)).toEqual([
      ['__proto__', 'a'],
      ['stopped', 'b'],
    ]);
  });
});

describe('claims', () => {
  const shape = (fields: Record<string, ValueShape>) => ({
    claims: new Map(Object.entries(fields)),
  });
  const string: ValueShape = { kind: 'string' };
  const claims = (value: object) => ({ claims: () => value as JsonObject });

  const typed: [string, ValueShape, unknown, unknown][] = [
    ['a string', string, 'x', 'x'],
    ['a boolean', { kind: 'boolean' }, false, false],
    ['an integral number as Long', { kind: 'long' }, 7, 7],
    ['the largest Long', { kind: 'long' }, 2 ** 53 - 1, 2 ** 53 - 1],
    ['a set', { kind: 'set', element: string }, ['a', 'b'], ['a', 'b']],
    ['an empty set', { kind: 'set', element: string }, [], []],
    [
      'a record',
      { kind: 'record', fields: new Map([['y', string]]) },
      { y: 'z', q: 1 },
      { y: 'z' },
    ],
  ];
  it.each(typed)('%s is taken', (_, kind, value, expected) => {
    expect(contextOf(shape({ x: kind }), claims({ x: value }))).toEqual({
      claims: { x: expected },
    });
  });

  const ignored: [string, ValueShape, unknown][] = [
    ['a number where a string is declared', string, 7],
    ['null', string, null],
    ['an object where a string is declared', string, { type: 'Workload', id: 'root' }],
    ['a fraction', { kind: 'long' }, 1.5],
    ['a number beyond 2^53', { kind: 'long' }, 2 ** 53],
    ['a numeric string', { kind: 'long' }, '7'],
    ['a lone value where a set is declared', { kind: 'set', element: string }, 'a'],
    ['a set with one wrong element', { kind: 'set', element: string }, ['a', 1]],
    [
      'a set above the limit',
      { kind: 'set', element: string },
      Array(CONTEXT_SET_MAX + 1).fill('a'),
    ],
    ['a list where a record is declared', { kind: 'record', fields: new Map() }, []],
  ];
  it.each(ignored)('%s is absent and flagged', (_, kind, value) => {
    const built = build(shape({ x: kind }), claims({ x: value }));
    expect(built).toMatchObject({ flags: [{ code: 'value_ignored', field: 'claims.x' }] });
    expect(contextOf(shape({ x: kind }), claims({ x: value }))).toEqual({});
  });

  it('wraps a lone aud string for a declared set, and only aud', () => {
    const set: ValueShape = { kind: 'set', element: string };
    expect(contextOf(shape({ aud: set }), claims({ aud: 'a' }))).toEqual({
      claims: { aud: ['a'] },
    });
    expect(contextOf(shape({ roles: set }), claims({ roles: 'a' }))).toEqual({});
  });

  it('are never inherited from the prototype of an object', () => {
    expect(contextOf(shape({ toString: string, constructor: string }), claims({}))).toEqual({});
  });

  it('keep to the declared names and types whatever a token holds', () => {
    const declared = shape({
      s: string,
      n: { kind: 'long' },
      r: {
        kind: 'record',
        fields: new Map([['t', { kind: 'set', element: string } as ValueShape]]),
      },
    });
    const value = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 3 },
        fc.constant(null),
        fc.boolean(),
        fc.double(),
        fc.string(),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('s', 'n', 'r', 't', '__entity', '__extn', 'x'), tie('json'), {
          noNullPrototype: false,
        }),
      ),
    })).json;
    const token = fc.dictionary(fc.constantFrom('s', 'n', 'r', '__proto__', 'x'), value);
    fc.assert(
      fc.property(token, (payload) => {
        const { claims: got = {} } = contextOf(declared, claims(payload));
        for (const [name, taken] of Object.entries(got)) {
          if (name === 's') expect(typeof taken).toBe('string');
          else if (name === 'n') expect(Number.isSafeInteger(taken)).toBe(true);
          else {
            expect(name).toBe('r');
            expect(Object.keys(taken as object).filter((key) => key !== 't')).toEqual([]);
          }
        }
      }),
    );
  });
});

describe('task', () => {
  const all: ReadonlySet<TaskField> = new Set([
    'id',
    'kind',
    'intent',
    'chain',
    'expiresAt',
    'credentialSeconds',
  ] as const);
  const taskOf = (claims: object) =>
    contextOf({ task: all }, { claims: () => claims as JsonObject });

  it('comes from the claims of the token', () => {
    expect(
      taskOf({
        task_id: 'T-1',
        task_kind: 'batch',
        task_intent: 'settle',
        sub: 'user',
        act: { sub: 'agent', act: { sub: 'runner' } },
        iat: 1_800_000_000,
        exp: 1_800_000_900,
      }),
    ).toEqual({
      task: {
        id: 'T-1',
        kind: 'batch',
        intent: 'settle',
        chain: ['agent', 'runner'],
        expiresAt: { __extn: { fn: 'datetime', arg: '2027-01-15T08:15:00.000Z' } },
        credentialSeconds: 900,
      },
    });
  });

  it('is absent when the token says nothing of a task', () => {
    expect(taskOf({ sub: 'user' })).toEqual({});
  });

  it.each([
    ['task_id', 7, 'task.id'],
    ['exp', 'tomorrow', 'task.expiresAt'],
    ['exp', 1e300, 'task.expiresAt'],
    ['exp', -1, 'task.expiresAt'],
    ['act', 'agent', 'task.chain'],
    ['act', { sub: 7 }, 'task.chain'],
  ])('leaves out and flags a wrong %s: %j', (name, value, field) => {
    const built = build({ task: all }, { claims: () => ({ [name]: value }) as JsonObject });
    const flags = built instanceof Stop ? [] : built.flags.map((flag) => flag.field);
    expect(flags).toContain(field);
  });

  it('follows a delegation chain up to the limit and refuses longer ones', () => {
    const nest = (depth: number): object =>
      depth === 0 ? { sub: 'a' } : { sub: 'a', act: nest(depth - 1) };
    expect(taskOf({ act: nest(ACT_CHAIN_MAX - 1) }).task.chain).toHaveLength(ACT_CHAIN_MAX);
    const built = build(
      { task: all },
      { claims: () => ({ act: nest(ACT_CHAIN_MAX) }) as JsonObject },
    );
    expect(built).toMatchObject({
      reason: 'context_incomplete',
      error: { code: 'chain_too_long' },
    });
  });
});
