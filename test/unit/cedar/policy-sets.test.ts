/** Which policies the engine is asked about; that the answers stay the same, differential.test.ts holds. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type CedarApi, Engine } from '../../../src/cedar/engine.js';
import { EvaluationMemory } from '../../../src/cedar/evaluation-memory.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { type KnownSets, knownSets } from '../../../src/cedar/policy-sets.js';
import { indexScopes, ScopeIndex } from '../../../src/cedar/scope-index.js';
import { statementStart } from '../../../src/cedar/tokens.js';
import { createTriedEvaluator } from '../../../src/cedar/trial.js';
import type { CedarRequest, Evaluator, PolicySource } from '../../../src/cedar/types.js';
import {
  ENGINE_RESTART_MS,
  ENGINE_SETS_MAX,
  PREPARATIONS_MAX,
  SET_POLICIES_MAX,
  STEP_MS,
} from '../../../src/constants.js';
import { lines, loadInstance, policy, programOf, request, SCHEMA, workloadId } from './support.js';

/** The evaluator of these policies, and which of them the engine was given for each question. */
function watched(policies: string, memory?: EvaluationMemory, pieceMs = 0) {
  const clock = { ms: 0 };
  const asked: string[][] = [];
  const parsed: string[][] = [];
  const sets = new Map<string, string[]>();
  const program = programOf({ policies });
  const idOf = new Map(program.policies.map(({ id, text }) => [statementOf(text), id]));
  /** The engine is given the statements, one after the other. */
  const idsIn = (text: string) => {
    const statements = [...text.matchAll(STATEMENT)].map(([statement]) => statement.trim());
    return statements.map((statement) => idOf.get(statement) ?? `(${statement})`);
  };
  const load = (): CedarApi => {
    const api = loadInstance();
    sets.clear();
    return {
      ...api,
      preparsePolicySet: (name, set) => {
        const ids = idsIn(String(set.staticPolicies));
        parsed.push(ids);
        sets.set(name, ids);
        clock.ms += pieceMs;
        return api.preparsePolicySet(name, set);
      },
      statefulIsAuthorized: (call) => {
        asked.push(sets.get(call.preparsedPolicySetId) ?? ['(unknown)']);
        return api.statefulIsAuthorized(call);
      },
    };
  };
  const engine = new Engine({ load, nowMs: () => clock.ms });
  const lookups = { hit: 0, miss: 0, bypass: 0 };
  const loaded = createEvaluator(program, { engine, memory, lookups });
  if (!loaded.ok) throw new Error(lines(loaded).join('\n'));
  return { evaluator: loaded.value, engine, asked, parsed, sets, clock, lookups };
}

/** None of these tests has a policy with a semicolon in it. */
const STATEMENT = /[^;]+;/g;

const statementOf = (text: string) => text.slice(statementStart(text));

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

  it('all policies when all can apply', () => {
    const { evaluator, asked, sets } = watched(
      policy('all', 'permit (principal, action, resource);'),
    );
    satisfied(evaluator, request());
    expect(asked).toEqual([['all']]);
    expect([...sets.values()]).toEqual([['all']]);
  });

  it('the same set again, made once', () => {
    const { evaluator, asked, sets } = watched(FOUR);
    for (let n = 0; n < 5; n += 1) satisfied(evaluator, request());
    expect(asked).toHaveLength(5);
    expect([...sets.values()]).toEqual([['orders', 'shop']]);
  });

  it('a set of few still when the names for sets are used up: the one asked about longest ago goes', () => {
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
    expect(asked).toEqual(callers.map((account) => [account]));
    expect(sets.size).toBe(ENGINE_SETS_MAX);
    // w2 is there, w0 has to come back.
    expect(['w2', 'w0', 'w2'].map((account) => satisfied(evaluator, request({ account })))).toEqual(
      [['w2'], ['w0'], ['w2']],
    );
    const loaded = [...sets.values()].flat();
    expect(['w0', 'w1', 'w2', 'w3'].map((id) => loaded.filter((one) => one === id).length)).toEqual(
      [1, 0, 1, 0],
    );
  });

  it('what it was, for everybody else, however often a policy is asked about that does not parse', () => {
    const callers = Array.from({ length: ENGINE_SETS_MAX + 1 }, (_, n) => `w${n}`);
    const texts = callers.map((account) =>
      policy(
        account,
        `permit (principal == Workload::"${workloadId('shop', account)}", action, resource);`,
      ),
    );
    const program = programOf({ policies: texts.join('\n') });
    const [broken, ...others] = program.policies;
    const policies = [{ ...(broken as PolicySource), text: 'nonsense' }, ...others];
    let parsed = 0;
    const load = (): CedarApi => {
      const api = loadInstance();
      const preparsePolicySet: CedarApi['preparsePolicySet'] = (...given) => {
        parsed += 1;
        return api.preparsePolicySet(...given);
      };
      return { ...api, preparsePolicySet };
    };
    const engine = new Engine({ load, nowMs: () => 0 });
    const loaded = createEvaluator({ ...program, policies }, { engine });
    if (!loaded.ok) throw new Error(lines(loaded).join('\n'));
    const evaluator = loaded.value;
    const rest = callers.slice(1);
    for (const account of rest) satisfied(evaluator, request({ account }));
    for (let n = 0; n < 5; n += 1) {
      expect(evaluator.evaluate(request({ account: 'w0' }))).toMatchObject({ fault: true });
    }
    // One had to make room, once.
    parsed = 0;
    for (const account of rest.slice(1)) {
      expect(satisfied(evaluator, request({ account }))).toEqual([account]);
    }
    expect(parsed).toBe(0);
  });

  it('a large scope in parts that are the same for everybody, the rest beside them', () => {
    const wide = Array.from({ length: SET_POLICIES_MAX + 1 }, (_, n) =>
      policy(`wide-${n}`, 'permit (principal, action in Action::"read", resource);'),
    );
    const { evaluator, asked, sets } = watched([...wide, FOUR].join('\n'));
    const all = wide.map((_, n) => `wide-${n}`);
    expect(satisfied(evaluator, request())).toEqual([...all, 'orders', 'shop'].sort());
    expect(asked.map(({ length }) => length)).toEqual([SET_POLICIES_MAX, 1, 2]);
    expect(satisfied(evaluator, request({ account: 'x' }))).toEqual([...all, 'shop'].sort());
    expect(sets.size).toBe(4);
    // Nothing was parsed twice.
    expect([...sets.values()].flat()).toHaveLength(wide.length + 3);
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

  it('nothing before somebody asks', () => {
    const { asked, sets } = watched(FOUR);
    expect([asked.length, sets.size]).toEqual([0, 0]);
  });

  it('nothing of a program that was given back: its sets are emptied, its names used again', async () => {
    const { evaluator, engine, sets } = watched(FOUR);
    satisfied(evaluator, request());
    evaluator.release();
    // Not at once: what others wait for comes first.
    expect([...sets.values()]).toEqual([['orders', 'shop']]);
    await turn();
    expect([...sets.values()]).toEqual([[]]);
    const next = createEvaluator(programOf({ policies: FOUR }), { engine });
    if (!next.ok) throw new Error(lines(next).join('\n'));
    satisfied(next.value, request());
    expect([...sets.values()]).toEqual([['orders', 'shop']]);
  });

  it('one name at a time is emptied of a large program, and others come in between', async () => {
    const { evaluator, engine, sets } = watched(FOUR, undefined, STEP_MS);
    for (const account of ['orders', 'batch']) {
      for (const action of ['GET', 'POST']) satisfied(evaluator, request({ account, action }));
    }
    const full = () => [...sets.values()].filter((ids) => ids.length > 0).length;
    expect(full()).toBe(4);
    evaluator.release();
    const seen: number[] = [];
    while (full() > 0) {
      await turn();
      seen.push(full());
    }
    expect(seen).toEqual([3, 2, 1, 0]);
    expect(engine.slotsInUse).toBe(0);
  });

  it('a set that another version has as well, parsed once, as long as one of them is there', async () => {
    const { evaluator, engine, asked, sets, parsed } = watched(FOUR);
    const asking = [request(), request({ account: 'batch' }), request({ action: 'POST' })];
    for (const each of asking) satisfied(evaluator, each);
    expect(parsed.splice(0)).toHaveLength(3);
    const changed = FOUR.replace('forbid (principal, action in', 'permit (principal, action in');
    const next = createEvaluator(programOf({ policies: changed }), { engine });
    if (!next.ok) throw new Error(lines(next).join('\n'));
    const answers = asking.map((each) => satisfied(next.value, each));
    expect(answers).toEqual([['orders', 'shop'], ['shop'], ['orders', 'writes']]);
    // Nobody's policies but those of the third question are others.
    expect(parsed.splice(0)).toHaveLength(1);
    evaluator.release();
    for (let turns = 0; turns < 9; turns += 1) await turn();
    expect([...sets.values()].filter((ids) => ids.length > 0)).toHaveLength(3);
    expect(asking.map((each) => satisfied(next.value, each))).toEqual(answers);
    // Only what nobody has any more was emptied.
    expect(parsed).toEqual([[]]);
    expect(asked).toHaveLength(9);
  });
});

describe('a remembered answer', () => {
  const CLAIMS = [
    policy(
      'user',
      'permit (principal, action == Action::"GET", resource) when { context has claims && context.claims has sub && context.claims.sub == "u" };',
    ),
    policy(
      'none',
      'forbid (principal, action == Action::"POST", resource) when { context.path like "/x*" };',
    ),
  ].join('\n');
  const sub = (value: string) => request({ context: { path: '/a', claims: { sub: value } } });

  it('is given without asking the engine, also for what policies cannot tell apart', () => {
    const { evaluator, asked, lookups } = watched(CLAIMS, new EvaluationMemory());
    const answers = ['u', 'v', 'w', 'u'].map((value) => satisfied(evaluator, sub(value)));
    expect(answers).toEqual([['user'], [], [], ['user']]);
    expect(asked).toHaveLength(2);
    expect(lookups).toEqual({ hit: 2, miss: 2, bypass: 0 });
  });

  it('is not given to another caller, action or resource', () => {
    const { evaluator, asked } = watched(FOUR, new EvaluationMemory());
    const all = [{}, { account: 'x' }, { action: 'POST' }, { service: 'shop/other' }];
    for (const each of [...all, ...all]) satisfied(evaluator, request(each));
    expect(asked).toHaveLength(all.length);
  });

  it('serves another program that would be asked the same, and no other', () => {
    const memory = new EvaluationMemory();
    const first = watched(FOUR, memory);
    satisfied(first.evaluator, request());
    satisfied(first.evaluator, request({ action: 'POST' }));
    const changed = FOUR.replace('forbid (principal, action in', 'permit (principal, action in');
    const next = watched(changed, memory);
    expect(satisfied(next.evaluator, request())).toEqual(['orders', 'shop']);
    expect(next.asked).toEqual([]);
    expect(satisfied(next.evaluator, request({ action: 'POST' }))).toEqual(['orders', 'writes']);
    expect(next.asked).toHaveLength(1);
  });

  it('is none for what the engine refused', () => {
    const { evaluator, asked } = watched(CLAIMS, new EvaluationMemory());
    const odd = request({ context: { path: '/a', claims: { sub: 3 } } });
    for (let n = 0; n < 2; n += 1) expect(evaluator.evaluate(odd).kind).toBe('failed');
    expect(asked).toHaveLength(2);
  });

  it('goes by whole fields for a bundle that does not say what policies do with them', () => {
    const program = programOf({ policies: CLAIMS });
    const policies = program.policies.map((each) => {
      const { uses: _, ...reads } = each.reads;
      return { ...each, reads };
    });
    const lookups = { hit: 0, miss: 0, bypass: 0 };
    const loaded = createEvaluator(
      { ...program, policies },
      { memory: new EvaluationMemory(), lookups },
    );
    if (!loaded.ok) throw new Error(lines(loaded).join('\n'));
    const answers = ['u', 'v', 'w', 'u'].map((value) => satisfied(loaded.value, sub(value)));
    expect(answers).toEqual([['user'], [], [], ['user']]);
    expect(lookups).toEqual({ hit: 1, miss: 3, bypass: 0 });
    loaded.value.release();
  });

  it('lasts when the engine restarts', () => {
    const { evaluator, engine, asked, clock } = watched(FOUR, new EvaluationMemory());
    satisfied(evaluator, request());
    clock.ms += ENGINE_RESTART_MS;
    expect(() =>
      engine.run(() => {
        throw new RangeError('as a stack overflow');
      }),
    ).toThrow();
    expect(satisfied(evaluator, request())).toEqual(['orders', 'shop']);
    expect(asked).toHaveLength(1);
    expect(satisfied(evaluator, request({ account: 'x' }))).toEqual(['shop']);
    expect(asked).toHaveLength(2);
  });

  it('comes after trials: these ask the engine', () => {
    const memory = new EvaluationMemory();
    for (let n = 0; n < 2; n += 1) {
      const { engine, asked } = watched(FOUR);
      expect(createTriedEvaluator(programOf({}), 1, { engine, memory }).ok).toBe(true);
      expect(asked).toHaveLength(1);
    }
  });
});

describe('what was prepared for a caller', () => {
  it('is not used for another that looks alike', () => {
    const policies = policy(
      'grown',
      'permit (principal in Namespace::"example.org/shop", action, resource) when { principal is Workload && principal has tier && principal.tier > 1 };',
    );
    const { evaluator } = watched(policies);
    const asking = request();
    const tier = (value: number): CedarRequest => ({
      ...asking,
      principal: { ...asking.principal, attrs: { ...asking.principal.attrs, tier: value } },
    });
    const outside: CedarRequest = {
      ...tier(2),
      principal: { ...tier(2).principal, parents: [] },
    };
    expect(satisfied(evaluator, tier(2))).toEqual(['grown']);
    expect(satisfied(evaluator, tier(1))).toEqual([]);
    expect(satisfied(evaluator, outside)).toEqual([]);
    expect(satisfied(evaluator, tier(2))).toEqual(['grown']);
  });

  it('is forgotten when there is too much of it, and made again', () => {
    const { evaluator } = watched(FOUR);
    for (let n = 0; n < PREPARATIONS_MAX + 10; n += 1) {
      expect(satisfied(evaluator, request({ account: `w${n}` }))).toEqual(['shop']);
    }
    expect(satisfied(evaluator, request())).toEqual(['orders', 'shop']);
  });
});

describe('what is known of a set of policies', () => {
  const policies = policy(
    'blue',
    'permit (principal, action == Action::"GET", resource) when { context has headers };',
  );
  /** Of its own: what is not given back to the one that all share is there for other tests. */
  const engine = new Engine({ load: loadInstance, nowMs: () => 0 });
  const load = (schema: string, known: KnownSets) => {
    const loaded = createEvaluator(programOf({ policies, schema }), { engine, known });
    if (!loaded.ok) throw new Error(lines(loaded).join('\n'));
    return loaded.value;
  };
  const found = (known: KnownSets) => [...known.keys()].length;

  it('is shared by programs that have it, whatever else they have', () => {
    const known = knownSets();
    const context = { path: '/a', headers: {} };
    // The engine refuses a context without what its schema requires.
    for (const schema of [SCHEMA.replaceAll('path: String', 'path?: String'), SCHEMA]) {
      const evaluator = load(schema, known);
      expect(satisfied(evaluator, request({ context }))).toEqual(['blue']);
      expect(found(known)).toBe(1);
      evaluator.release();
    }
  });

  it('is not that of policies that read something else', () => {
    const known = knownSets();
    satisfied(load(SCHEMA, known), request());
    const other = programOf({ policies: policies.replace('headers', 'claims') });
    const loaded = createEvaluator(other, { engine, known });
    if (!loaded.ok) throw new Error(lines(loaded).join('\n'));
    const context = { path: '/a', claims: { sub: 'u' } };
    expect(satisfied(loaded.value, request({ context }))).toEqual(['blue']);
    expect(found(known)).toBe(2);
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
    const loaded = createEvaluator(programOf({ policies }), {
      engine: new Engine({ load, nowMs: () => 0 }),
      memory: new EvaluationMemory(),
    });
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
      'that something is there, when a policy asks for nothing else',
      'context has headers',
      { path: '/a', headers: {} },
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
    const index = new ScopeIndex(indexScopes(policies.map(({ scope }) => scope)), schema);
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
