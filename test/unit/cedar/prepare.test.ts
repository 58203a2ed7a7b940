/** What is done of a program before anybody asks it, by what the one before it was asked. */
import { describe, expect, it } from 'vitest';
import { type CedarApi, Engine } from '../../../src/cedar/engine.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import type { CedarRequest } from '../../../src/cedar/types.js';
import { ENGINE_SETS_MAX, SET_POLICIES_MAX } from '../../../src/constants.js';
import { loadInstance, policy, programOf, request, workloadId } from './support.js';

const CALLERS = Array.from({ length: ENGINE_SETS_MAX + 1 }, (_, n) => `w${n}`);
const ONE_EACH = CALLERS.map((account) => {
  const caller = `Workload::"${workloadId('shop', account)}"`;
  return policy(account, `permit (principal == ${caller}, action, resource);`);
});

/** An evaluator, and how often the engine parsed something for it. */
function watched(policies: readonly string[]) {
  const count = { parsed: 0, once: 0 };
  const load = (): CedarApi => {
    const api = loadInstance();
    const preparsePolicySet: CedarApi['preparsePolicySet'] = (...given) => {
      count.parsed += 1;
      return api.preparsePolicySet(...given);
    };
    return { ...api, preparsePolicySet };
  };
  const once = <T>(work: () => T): T => {
    count.once += 1;
    return work();
  };
  const engine = new Engine({ load, nowMs: () => 0 });
  const loaded = createEvaluator(programOf({ policies: policies.join('\n') }), { engine, once });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return { evaluator: loaded.value, count };
}

const asked = (accounts: readonly string[]) => accounts.map((account) => request({ account }));
const pieces = (work: Iterable<void>) => [...work].length;

describe('a program is prepared', () => {
  it('for what the one before was asked, so that the first question needs no more than the next', () => {
    const before = watched(ONE_EACH.slice(0, 5)).evaluator;
    const [first, second, third] = asked(['w0', 'w1', 'w2']) as [
      CedarRequest,
      CedarRequest,
      CedarRequest,
    ];
    for (const each of [first, second, second, third]) before.ask(each);
    const { evaluator, count } = watched(ONE_EACH.slice(0, 4));
    // What each caller has, and its text.
    expect(pieces(evaluator.prepare(before.askers()))).toBe(6);
    expect(count.parsed).toBe(3);
    for (const each of [first, second, third]) {
      expect(evaluator.ask(each)).toEqual(before.ask(each));
    }
    expect(count.parsed).toBe(3);
  });

  it('beginning with who came last', () => {
    const { evaluator } = watched(ONE_EACH.slice(0, 3));
    for (const each of asked(['w0', 'w2', 'w1'])) evaluator.ask(each);
    const ids = [...evaluator.askers()].map(({ principal }) => principal.uid.id);
    expect(ids).toEqual(['w1', 'w2', 'w0'].map((account) => workloadId('shop', account)));
  });

  it('in pieces no larger than one block', () => {
    const wide = Array.from({ length: 2 * SET_POLICIES_MAX + 1 }, (_, n) => {
      return policy(`p${n}`, 'permit (principal, action, resource);');
    });
    const { evaluator, count } = watched(wide);
    expect(pieces(evaluator.prepare([request()]))).toBe(4);
    expect(count.parsed).toBe(3);
  });

  it('until one more set would make another leave; the time of these is for once', () => {
    const { evaluator, count } = watched(ONE_EACH);
    const all = asked(CALLERS);
    expect(pieces(evaluator.prepare(all))).toBe(2 * ENGINE_SETS_MAX + 1);
    // What it is made of, and its text.
    const { once } = count;
    expect([count.parsed, once]).toEqual([ENGINE_SETS_MAX, 2 * ENGINE_SETS_MAX]);
    // From here on names change hands, which may go on for ever.
    for (const each of [...all.slice(-1), ...all.slice(0, 1)]) evaluator.ask(each);
    expect(count.parsed).toBeGreaterThan(ENGINE_SETS_MAX);
    expect(count.once).toBe(once);
  });

  it('without a word of what is wrong: that is told to who asks', () => {
    const { evaluator } = watched(ONE_EACH.slice(0, 1));
    const broken = { ...request(), principal: undefined } as unknown as CedarRequest;
    expect(pieces(evaluator.prepare([broken]))).toBe(0);
  });
});
