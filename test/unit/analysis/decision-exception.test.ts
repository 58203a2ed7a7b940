import { describe, expect, it } from 'vitest';
import { DecisionSearch, exceptionFor } from '../../../src/analysis/decision-exception.js';
import { parseLoggedDecision } from '../../../src/analysis/logged-decision.js';
import { CALLER, decisionLine } from '../../support/log-lines.js';
import { resultValue } from '../../support/result.js';

const ID = '0193466f-0000-7000-8000-000000000001';

function found(lines: readonly string[], id = ID) {
  const search = new DecisionSearch(id);
  for (const line of lines) search.line(line);
  return search.result();
}

describe('a decision', () => {
  it('is found by its whole id, also twice if it is the same line', () => {
    const line = decisionLine();
    const others = [
      decisionLine({ decision_id: `${ID}0` }),
      decisionLine({ path: ID, decision_id: 'x' }),
    ];
    expect(resultValue(found([...others, line, `  ${line}`]))).toMatchObject({ decision_id: ID });
  });

  it.each<[string, string[], string, string]>([
    [
      'is not there',
      [decisionLine()],
      ID.slice(0, -1),
      `no line of the logs is decision \`${ID.slice(0, -1)}\``,
    ],
    ['is asked for by nothing', [decisionLine()], '', 'no line of the logs is decision ``'],
    ['is in another line only', [`{"type":"change","of":"${ID}"}`], ID, 'no line of the logs'],
    ['is in a broken line', [decisionLine().slice(0, -1)], ID, 'some line that cannot be read has'],
    [
      'is there twice, and differs',
      [decisionLine(), decisionLine({ action: 'PUT' })],
      ID,
      'different lines',
    ],
  ])('is refused when it %s', (_, lines, id, message) => {
    const result = found(lines, id);
    const problem = { code: 'input_invalid', message: expect.stringContaining(message) };
    expect(result).toMatchObject({ ok: false, problems: [problem] });
  });
});

function exception(changes: object, overrideForbid = false) {
  const line = resultValue(parseLoggedDecision(decisionLine({ ...changes })));
  return exceptionFor(line, { environment: 'dev', rollout: 'orders', overrideForbid });
}

describe('the exception for it', () => {
  it('is for this caller, action, destination and route', () => {
    expect(resultValue(exception({}))).toEqual({
      match: {
        callers: [CALLER],
        destinations: ['shop/orders'],
        actions: ['POST'],
        routes: ['refund'],
      },
      wider: undefined,
    });
  });

  it('says that it is wider where no route is declared', () => {
    const { match, wider } = resultValue(
      exception({ resource: 'shop/orders', principal: 'anonymous' }),
    );
    expect(match).toEqual({
      callers: ['anonymous'],
      destinations: ['shop/orders'],
      actions: ['POST'],
    });
    expect(wider).toContain(
      'every POST of this caller to shop/orders that is denied, not only `/refunds/1`',
    );
    const hidden = resultValue(exception({ resource: 'shop/orders', path: null }));
    expect(hidden.wider).not.toContain('not only');
  });

  it('is the same for a line of the rollout, and stands above a forbid only when that is said', () => {
    expect(exception({ rollout: 'orders' }).ok).toBe(true);
    expect(exception({ reason: 'policy_forbid' }, true).ok).toBe(true);
  });

  it.each<[string, object, string, true?]>([
    ['of another environment', { environment: 'test' }, 'made in `test`, and not in `dev`'],
    ['of a place that moves the cursor', { rollout: '\u001b[2J' }, 'under rollout `\\u{1b}[2J`'],
    ['that has one that does', { exception: '\u202e' }, 'exception `\\u{202e}` lets'],
    ['of no environment', { environment: null }, 'made in no environment'],
    ['of another rollout', { rollout: 'carts' }, 'under rollout `carts`, not `orders`'],
    ['that is allowed', { decision: 'allow', reason: 'policy_permit' }, 'is allow (policy_permit)'],
    ['that is an error', { decision: 'error', reason: 'policy_error' }, 'is error (policy_error)'],
    ['that was blocked', { reason: 'blocked' }, 'no exception stands above a block'],
    ['that has one', { exception: 'late' }, 'exception `late` lets it through already'],
    ['that a forbid denies', { reason: 'policy_forbid' }, 'a forbid denies it'],
    ['that no forbid denies', {}, 'no forbid denies it', true],
    ['of nobody', { principal: null }, 'names no caller that can be read'],
    ['of a pattern', { principal: 'spiffe://example.org/ns/*/sa/x' }, 'names no caller'],
    ['to nowhere', { resource: null }, 'names no destination'],
    ['of no action', { action: null }, 'names no action'],
  ])('is refused for one %s', (_, changes, message, overrideForbid) => {
    const problem = { code: 'input_invalid', message: expect.stringContaining(message) };
    expect(exception(changes, overrideForbid)).toMatchObject({ ok: false, problems: [problem] });
  });
});
