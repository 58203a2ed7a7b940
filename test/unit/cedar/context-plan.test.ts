/** What of a context is sent and told apart; that no answer changes by it, differential.test.ts holds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContextPlan, planContext, planFields } from '../../../src/cedar/context-plan.js';
import { contextUses, unionOfUses } from '../../../src/cedar/context-uses.js';
import { engine } from '../../../src/cedar/engine.js';
import { isLike } from '../../../src/cedar/like-tests.js';
import type { CedarValue, ContextUse } from '../../../src/cedar/types.js';

type Context = Record<string, CedarValue>;

function usesOf(...conditions: string[]): ContextUse[] {
  return unionOfUses(
    conditions.map((condition) => {
      const text = `permit (principal, action, resource) when { ${condition} };`;
      const answer = engine().run((api) => api.policyToJson(text));
      if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
      return contextUses(answer.json);
    }),
  );
}

const planOf = (...conditions: string[]) => planContext(usesOf(...conditions));
const tenant = (value: string): Context => ({ path: '/', headers: { 'x-tenant': value } });
const sameKey = (plan: ContextPlan, a: Context, b: Context) => plan.keyOf(a) === plan.keyOf(b);

describe('of a condition is read', () => {
  const use = (path: string[], rest: Partial<ContextUse> = {}): ContextUse => ({ path, ...rest });

  it.each<[string, string, ContextUse[]]>([
    ['a comparison', 'context.path == "/a"', [use(['path'], { equals: ['/a'] })]],
    ['the same, turned round', '"/a" != context.path', [use(['path'], { equals: ['/a'] })]],
    ['a pattern', 'context.path like "/a*b\\*"', [use(['path'], { like: [['/a', 'b*']] })]],
    ['a pattern of nothing else', 'context.path like "*"', [use(['path'], { like: [['', '']] })]],
    ['presence', 'context has claims', [use(['claims'])]],
    ['presence further down', 'context has claims.org.unit', [use(['claims', 'org', 'unit'])]],
    [
      'several tests of one place',
      'context.path == "/a" || context.path == "/b" || context.path like "/c*"',
      [use(['path'], { equals: ['/a', '/b'], like: [['/c', '']] })],
    ],
    ['a value, as a truth', 'context.claims.admin', [use(['claims', 'admin'], { value: true })]],
    [
      'a value, compared with a number',
      'context.claims.level == 3',
      [use(['claims', 'level'], { value: true })],
    ],
    [
      'a value, compared with another',
      'context.path == context.claims.sub',
      [use(['claims', 'sub'], { value: true }), use(['path'], { value: true })],
    ],
    [
      'a value, beside tests of it',
      'context.path == "/a" && ["/b"].contains(context.path)',
      [use(['path'], { value: true })],
    ],
    ['a record', 'context.claims == {sub: "u"}', [use(['claims'], { value: true })]],
    [
      'what something computed is asked for: all',
      '(if context has path then context else context).path == "/a"',
      [use(['path']), use([], { value: true })],
    ],
  ])('%s', (_, condition, expected) => {
    expect(usesOf(condition)).toEqual(expected);
  });
});

describe('two contexts are one', () => {
  it('when the same tests of a text come out the same', () => {
    const plan = planOf('context.path like "/api/*" || context.path == "/health"');
    expect(sameKey(plan, { path: '/api/1' }, { path: '/api/2' })).toBe(true);
    expect(sameKey(plan, { path: '/api/1' }, { path: '/health' })).toBe(false);
    expect(sameKey(plan, { path: '/x' }, { path: '/y' })).toBe(true);
    expect(sameKey(plan, { path: '/x' }, { path: '/health' })).toBe(false);
  });

  it('when they differ in what nobody reads', () => {
    const plan = planOf('context.headers["x-tenant"] == "red"');
    const more = { path: '/b', headers: { 'x-tenant': 'red', 'x-other': '1' } };
    expect(sameKey(plan, tenant('red'), more)).toBe(true);
    expect(sameKey(plan, tenant('blue'), tenant('green'))).toBe(true);
    expect(sameKey(plan, tenant('red'), tenant('blue'))).toBe(false);
  });

  it('but not when something is there in one of them only, at whatever depth', () => {
    const plan = planOf('context has headers && context.headers has "x-tenant"');
    const keys = [{ path: '/' }, { path: '/', headers: {} }, tenant('red')].map(plan.keyOf);
    expect(new Set(keys).size).toBe(3);
  });

  it('nor when a value differs that is used in any other way', () => {
    const plan = planOf('context.claims.aud.contains("x")');
    const aud = (...values: string[]): Context => ({ claims: { aud: values } });
    expect(sameKey(plan, aud('x'), aud('x', 'y'))).toBe(false);
    expect(sameKey(plan, aud('x'), aud('x'))).toBe(true);
  });

  it('nor when a text has a form that is no text for the engine: that is never remembered', () => {
    const plan = planOf('context.path == "/a"');
    expect(plan.keyOf({ path: '/\ud800' })).toBeUndefined();
  });

  it('nor ever when the time is read', () => {
    const time = { __extn: { fn: 'datetime', arg: '2026-01-01' } };
    const context = { path: '/', time };
    expect(planOf('context.time > datetime("2026-01-01")').keyOf(context)).toBeUndefined();
    expect(planOf('context == {path: "/"}').keyOf(context)).toBeUndefined();
    expect(planFields(new Set(['time'])).keyOf(context)).toBeUndefined();
    expect(planFields(undefined).keyOf(context)).toBeUndefined();
    // It is there, and nobody reads it.
    expect(planOf('context.path == "/"').keyOf(context)).toBeDefined();
  });

  it('by its value, when a text is tested so often that the tests cost more', () => {
    const conditions = Array.from({ length: 130 }, (_, n) => `context.path like "/${n}/*"`);
    const plan = planOf(...conditions);
    expect(sameKey(plan, { path: '/x' }, { path: '/y' })).toBe(false);
    expect(sameKey(plan, { path: '/x' }, { path: '/x' })).toBe(true);
  });
});

it('keys of different contexts never run into each other', () => {
  const text = fc.constantFrom('', 'a', '1', 'y', 'n', ';', '-0;', '?;', '=""', 'ay;');
  const uses: ContextUse[] = [
    { path: ['headers', 'a'], equals: ['', '1', 'y'], like: [['a', '']] },
    {
      path: ['headers', 'b'],
      equals: ['y'],
      like: [
        ['', 'n'],
        ['', ''],
      ],
    },
    { path: ['headers', 'c'], value: true },
  ];
  const plan = planContext(uses);
  const context = fc.record({
    headers: fc.record({ a: text, b: text, c: text }, { requiredKeys: [] }),
  });
  /** What the policies can see of it. */
  const seen = ({ headers }: { headers: Record<string, string | undefined> }) =>
    JSON.stringify(
      uses.map(({ path, value, equals = [], like = [] }) => {
        const at = headers[path[1] as string];
        if (at === undefined || value) return at;
        return [equals.map((each) => each === at), like.map((each) => isLike(at, each))];
      }),
    );
  fc.assert(
    fc.property(context, context, (a, b) => {
      expect(plan.keyOf(a as Context) === plan.keyOf(b as Context)).toBe(seen(a) === seen(b));
    }),
  );
});
