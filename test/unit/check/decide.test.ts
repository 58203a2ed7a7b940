import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Effect, Evaluation } from '../../../src/cedar/types.js';
import { judge } from '../../../src/check/decide.js';

const effects = new Map<string, Effect>([
  ['p1', 'permit'],
  ['p2', 'permit'],
  ['f1', 'forbid'],
  ['f2', 'forbid'],
]);

/** What the engine answers when these policies are satisfied and those fail to evaluate. */
function engine(satisfied: readonly string[], errored: readonly string[]): Evaluation {
  const forbids = satisfied.filter((id) => effects.get(id) === 'forbid').sort();
  const permits = satisfied.filter((id) => effects.get(id) === 'permit').sort();
  const allows = forbids.length === 0 && permits.length > 0;
  return {
    kind: 'answered',
    engineDecision: allows ? 'allow' : 'deny',
    satisfied: allows ? permits : forbids,
    errored: errored.map((policy) => ({
      policy,
      effect: effects.get(policy) ?? 'permit',
      message: 'type error',
    })),
  };
}

describe('the error rule', () => {
  const table: [string, string[], string[], string, string[]][] = [
    ['a satisfied forbid denies', ['f1', 'p1'], [], 'policy_forbid', ['f1']],
    [
      'a satisfied forbid denies though another failed',
      ['f1'],
      ['f2', 'p1'],
      'policy_forbid',
      ['f1'],
    ],
    ['a failed forbid is an error though a permit applies', ['p1'], ['f1'], 'policy_error', []],
    ['a failed forbid is an error with no permit', [], ['f1'], 'policy_error', []],
    ['a satisfied permit allows', ['p1', 'p2'], [], 'policy_permit', ['p1', 'p2']],
    ['a satisfied permit allows though another failed', ['p1'], ['p2'], 'policy_permit', ['p1']],
    ['a failed permit alone is an error', [], ['p1'], 'policy_error', []],
    ['nothing applies: deny', [], [], 'no_permit', []],
  ];
  it.each(table)('%s', (_, satisfied, errored, reason, policies) => {
    const judgement = judge(engine(satisfied, errored));
    expect(judgement).toMatchObject({ reason, policies });
    expect(judgement.errors.map(({ policy }) => policy)).toEqual(errored);
  });

  it('counts an answer that the engine did not give as context_incomplete', () => {
    expect(judge({ kind: 'failed', message: 'no' })).toEqual({
      reason: 'context_incomplete',
      policies: [],
      errors: [{ code: 'engine_refused', message: 'no' }],
    });
  });

  it('counts a broken engine as our own fault', () => {
    const judgement = judge({ kind: 'failed', message: 'broken', fault: true });
    expect(judgement.reason).toBe('internal_fault');
  });

  it('never allows while a forbid is satisfied or failed', () => {
    const subset = fc.subarray([...effects.keys()]);
    fc.assert(
      fc.property(subset, subset, (satisfied, failing) => {
        const errored = failing.filter((id) => !satisfied.includes(id));
        const { reason } = judge(engine(satisfied, errored));
        const forbids = [...satisfied, ...errored].some((id) => effects.get(id) === 'forbid');
        if (forbids) expect(reason).not.toBe('policy_permit');
        if (satisfied.some((id) => effects.get(id) === 'forbid'))
          expect(reason).toBe('policy_forbid');
      }),
    );
  });
});
