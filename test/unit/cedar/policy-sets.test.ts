/** Which policies the engine is asked about; that the answers stay the same, differential.test.ts holds. */
import { describe, expect, it } from 'vitest';
import { type CedarApi, Engine } from '../../../src/cedar/engine.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { ScopeIndex } from '../../../src/cedar/scope-index.js';
import type { CedarRequest, Evaluator } from '../../../src/cedar/types.js';
import { ENGINE_RESTART_MS, ENGINE_SETS_MAX, SET_POLICIES_MAX } from '../../../src/constants.js';
import { lines, loadInstance, policy, programOf, request, workloadId } from './support.js';

/** The evaluator of these policies, and which of them the engine was given for each question. */
function watched(policies: string) {
  const clock = { ms: 0 };
  const asked: string[][] = [];
  const sets = new Map<string, string[]>();
  const load = (): CedarApi => {
    const api = loadInstance();
    sets.clear();
    return {
      ...api,
      preparsePolicySet: (name, set) => {
        sets.set(name, Object.keys(set.staticPolicies as object));
        return api.preparsePolicySet(name, set);
      },
      statefulIsAuthorized: (call) => {
        asked.push(sets.get(call.preparsedPolicySetId) ?? ['(unknown)']);
        return api.statefulIsAuthorized(call);
      },
    };
  };
  const engine = new Engine({ load, nowMs: () => clock.ms });
  const loaded = createEvaluator(programOf({ policies }), engine);
  if (!loaded.ok) throw new Error(lines(loaded).join('\n'));
  return { evaluator: loaded.value, engine, asked, sets, clock };
}

const FOUR = [
  policy(
    'orders',
    `permit (principal == Workload::"${workloadId('shop', 'orders')}", action, resource);`,
  ),
  policy(
    'shop',
    'permit (principal in Namespace::"example.org/shop", action in Action::"read", resource);',
  ),
  policy(
    'writes',
    'forbid (principal, action in Action::"write", resource in Service::"shop/payments");',
  ),
  policy('other', 'permit (principal is Anonymous, action, resource == Service::"shop/other");'),
].join('\n');

const satisfied = (evaluator: Evaluator, asked: CedarRequest) => {
  const answer = evaluator.evaluate(asked);
  return answer.kind === 'answered' ? answer.satisfied : answer;
};

describe('the engine is asked about', () => {
  it.each<[string, CedarRequest, string[], string[]]>([
    ['a caller that is named', request({}), ['orders', 'shop'], ['orders', 'shop']],
    ['a caller in a group', request({ account: 'batch' }), ['shop'], ['shop']],
    [
      'a write, through the group of its action',
      request({ action: 'POST' }),
      ['orders', 'writes'],
      ['writes'],
    ],
    [
      'a route, through its service',
      request({ action: 'POST', account: 'x', route: 'r' }),
      ['writes'],
      ['writes'],
    ],
    ['another namespace: nothing', request({ namespace: 'ops' }), [], []],
  ])('%s', (_what, asking, expectedAsked, expectedSatisfied) => {
    const { evaluator, asked } = watched(FOUR);
    expect(satisfied(evaluator, asking)).toEqual(expectedSatisfied);
    expect(asked).toEqual([expectedAsked]);
  });

  it('all policies when all can apply, without a set of their own', () => {
    const { evaluator, asked, sets } = watched(
      policy('all', 'permit (principal, action, resource);'),
    );
    satisfied(evaluator, request());
    expect(asked).toEqual([['all']]);
    expect([...sets.keys()]).toEqual(['slot-1']);
  });

  it('the same set again, made once', () => {
    const { evaluator, asked, sets } = watched(FOUR);
    for (let n = 0; n < 5; n += 1) satisfied(evaluator, request());
    expect(asked).toHaveLength(5);
    expect([...sets.keys()]).toEqual(['slot-1', 'slot-1/0']);
  });

  it('all policies when more can apply than a set is made for', () => {
    const wide = Array.from({ length: SET_POLICIES_MAX + 1 }, (_, n) =>
      policy(`wide-${n}`, 'permit (principal, action in Action::"read", resource);'),
    );
    const { evaluator, asked, sets } = watched([...wide, FOUR].join('\n'));
    satisfied(evaluator, request());
    expect(asked[0]).toHaveLength(SET_POLICIES_MAX + 5);
    expect([...sets.keys()]).toEqual(['slot-1']);
  });

  it('all policies when the names for sets are used up', () => {
    const callers = Array.from({ length: ENGINE_SETS_MAX + 2 }, (_, n) => `w${n}`);
    const each = callers.map((account) =>
      policy(
        account,
        `permit (principal == Workload::"${workloadId('shop', account)}", action, resource);`,
      ),
    );
    const { evaluator, asked, sets } = watched(each.join('\n'));
    for (const account of callers) {
      expect(satisfied(evaluator, request({ account }))).toEqual([account]);
    }
    expect(asked.at(ENGINE_SETS_MAX - 1)).toHaveLength(1);
    expect(asked.at(ENGINE_SETS_MAX)).toHaveLength(callers.length);
    expect(sets.size).toBe(ENGINE_SETS_MAX + 1);
  });

  it('sets made anew after the engine restarted', () => {
    const { evaluator, engine, asked, clock } = watched(FOUR);
    satisfied(evaluator, request());
    clock.ms += ENGINE_RESTART_MS;
    expect(() =>
      engine.run(() => {
        throw new RangeError('as a stack overflow');
      }),
    ).toThrow();
    expect(satisfied(evaluator, request())).toEqual(['orders', 'shop']);
    expect(asked).toEqual([
      ['orders', 'shop'],
      ['orders', 'shop'],
    ]);
  });

  it('nothing of a program that was given back: its sets are emptied, its names used again', () => {
    const { evaluator, engine, sets } = watched(FOUR);
    satisfied(evaluator, request());
    evaluator.release();
    expect(sets.get('slot-1/0')).toEqual([]);
    const next = createEvaluator(programOf({ policies: FOUR }), engine);
    if (!next.ok) throw new Error(lines(next).join('\n'));
    satisfied(next.value, request());
    expect([...sets.keys()]).toEqual(['slot-1', 'slot-1/0']);
  });
});

describe('of the context is sent', () => {
  /** What the engine was given for a request with all these fields. */
  function sent(when: string, context: CedarRequest['context']): unknown {
    let call: unknown;
    const load = (): CedarApi => {
      const api = loadInstance();
      return {
        ...api,
        statefulIsAuthorized: (asked) => {
          call = asked.context;
          return api.statefulIsAuthorized(asked);
        },
      };
    };
    const policies = policy(
      'p',
      `permit (principal, action == Action::"GET", resource) when { ${when} };`,
    );
    const loaded = createEvaluator(programOf({ policies }), new Engine({ load, nowMs: () => 0 }));
    if (!loaded.ok) throw new Error(lines(loaded).join('\n'));
    expect(loaded.value.evaluate(request({ context })).kind).toBe('answered');
    return call;
  }
  const context = { path: '/a', headers: { 'x-tenant': 'blue' }, claims: { sub: 'u' } };

  it.each<[string, string, object]>([
    [
      'what a policy reads',
      'context has claims.sub && context.claims.sub == "u"',
      { path: '/a', claims: { sub: 'u' } },
    ],
    [
      'what a policy asks for only',
      'context has headers',
      { path: '/a', headers: { 'x-tenant': 'blue' } },
    ],
    ['all of it, when a policy uses it as a whole', 'context == context', context],
    ['what the schema requires, although nobody reads it', 'true', { path: '/a' }],
  ])('%s', (_what, when, expected) => {
    expect(sent(when, context)).toEqual(expected);
  });
});

describe('the index of scopes', () => {
  it('finds each of many policies, in the order of the bundle', () => {
    const { policies, schema } = programOf({
      policies: Array.from({ length: 100 }, (_, n) =>
        policy(`p${n}`, `permit (principal in Namespace::"n${n % 3}", action, resource);`),
      ).join('\n'),
    });
    const index = new ScopeIndex(
      policies.map(({ scope }) => scope),
      schema,
    );
    const found = index.applicable({
      principal: ['Workload"w', 'Namespace"n1'],
      principalType: 'Workload',
      action: 'GET',
      resource: ['Service"s'],
      resourceType: 'Service',
    });
    expect(found).toEqual(Array.from({ length: 33 }, (_, n) => 3 * n + 1));
  });
});
