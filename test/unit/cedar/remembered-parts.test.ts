/** What is asked again of policies of which some are known; the answers, differential.test.ts holds. */
import { describe, expect, it } from 'vitest';
import { type CedarApi, Engine } from '../../../src/cedar/engine.js';
import { EvaluationMemory } from '../../../src/cedar/evaluation-memory.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import type { CedarRequest } from '../../../src/cedar/types.js';
import { lines, loadInstance, policy, programOf, request, SCHEMA } from './support.js';

const TIMED = SCHEMA.replace('path: String', 'path: String, time?: datetime');

const tests = (count: number) =>
  Array.from({ length: count }, (_, n) =>
    policy(`t${n}`, `permit (principal, action, resource) when { context.path like "/${n}/*" };`),
  );
const VALUE = policy(
  'value',
  'forbid (principal, action, resource) when { ["/1/x", "/2/x"].contains(context.path) };',
);
const TIME = policy(
  'time',
  'forbid (principal, action, resource) when { context has time && context.time > datetime("2030-01-01") };',
);

/** How many policies the engine was given for each question. */
function watched(policies: readonly string[]) {
  const asked: number[] = [];
  const sizes = new Map<string, number>();
  const load = (): CedarApi => {
    const api = loadInstance();
    return {
      ...api,
      preparsePolicySet: (name, set) => {
        sizes.set(name, String(set.staticPolicies).split('(principal').length - 1);
        return api.preparsePolicySet(name, set);
      },
      statefulIsAuthorized: (call) => {
        asked.push(sizes.get(call.preparsedPolicySetId) ?? -1);
        return api.statefulIsAuthorized(call);
      },
    };
  };
  const engine = new Engine({ load, nowMs: () => 0 });
  const lookups = { hit: 0, miss: 0, bypass: 0 };
  const program = programOf({ policies: policies.join(''), schema: TIMED });
  const loaded = createEvaluator(program, { engine, memory: new EvaluationMemory(), lookups });
  if (!loaded.ok) throw new Error(lines(loaded).join('\n'));
  const { evaluate, recall } = loaded.value;
  const answer = (context: CedarRequest['context']) => {
    asked.length = 0;
    const given = evaluate(request({ context }));
    if (given.kind === 'failed') throw new Error(given.message);
    return [given.engineDecision, given.satisfied, [...asked]];
  };
  const known = (context: CedarRequest['context']) => recall?.(request({ context }));
  return { answer, known, lookups };
}

describe('policies that apply together', () => {
  it('are not asked about again for one that looks at a value', () => {
    const { answer, known, lookups } = watched([...tests(16), VALUE]);
    expect(answer({ path: '/1/a' })).toEqual(['allow', ['t1'], [16, 1]]);
    expect(known({ path: '/1/b' })).toBeUndefined();
    expect(answer({ path: '/1/b' })).toEqual(['allow', ['t1'], [1]]);
    expect(answer({ path: '/1/x' })).toEqual(['deny', ['value'], [1]]);
    expect(answer({ path: '/2/x' })).toEqual(['deny', ['value'], [16, 1]]);
    expect(answer({ path: '/1/x' })).toEqual(['deny', ['value'], []]);
    expect(known({ path: '/1/x' })).toMatchObject({ satisfied: ['value'] });
    expect(lookups).toEqual({ hit: 2, miss: 4, bypass: 0 });
  });

  it('are not asked about again for one that reads the time, which is asked about each time', () => {
    const { answer, known, lookups } = watched([...tests(16), TIME]);
    const at = (arg: string) => ({ path: '/1/a', time: { __extn: { fn: 'datetime', arg } } });
    expect(answer(at('2029-01-01'))).toEqual(['allow', ['t1'], [16, 1]]);
    expect(answer(at('2029-01-01'))).toEqual(['allow', ['t1'], [1]]);
    expect(answer(at('2031-01-01'))).toEqual(['deny', ['time'], [1]]);
    expect(known(at('2031-01-01'))).toBeUndefined();
    expect(lookups).toEqual({ hit: 0, miss: 0, bypass: 3 });
  });

  it('are asked about in one call when they are few, or all of a kind', () => {
    expect(watched([...tests(14), VALUE, TIME]).answer({ path: '/1/a' })[2]).toEqual([16]);
    expect(watched(tests(40)).answer({ path: '/1/a' })[2]).toEqual([40]);
  });
});
