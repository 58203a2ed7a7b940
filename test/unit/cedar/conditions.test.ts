import { describe, expect, it } from 'vitest';
import { explainPolicies } from '../../../src/cedar/conditions.js';
import { lines, policy, programOf, request } from './support.js';

function explain(text: string, asked = request()) {
  const explained = explainPolicies(programOf({ policies: policy('p', text) }), asked);
  if (!explained.ok) throw new Error(lines(explained).join());
  const [first] = explained.value;
  if (first === undefined) throw new Error('nothing explained');
  return first;
}

describe('explaining a policy', () => {
  it.each([
    ['permit (principal, action, resource);', []],
    ['permit (principal is Anonymous, action, resource);', ['principal']],
    [
      'permit (principal in Namespace::"example.org/shop", action in Action::"read", resource);',
      [],
    ],
    [
      'permit (principal, action in Action::"write", resource == Service::"a/b");',
      ['action', 'resource'],
    ],
  ])('tells which parts of the scope do not match: %s', (text, mismatches) => {
    expect(explain(text)).toEqual({
      id: 'p',
      effect: 'permit',
      file: 'a.cedar',
      line: 1,
      mismatches,
      conditions: [],
    });
  });

  it('tells which conditions hold and which do not', () => {
    const text = `permit (principal, action == Action::"GET", resource)
      when { context.path like "/a*" && context has claims && context.claims has sub && context.claims.sub == "x" }
      when { context.path == "/b" || context.path == "/a" }
      unless { context.path == "/a" || context has headers };`;
    expect(explain(text).conditions).toEqual([
      { text: 'context.path like "/a*"', state: 'holds' },
      { text: 'context has claims', state: 'does_not_hold' },
      { text: 'context.claims has sub', state: 'unreached' },
      { text: 'context.claims.sub == "x"', state: 'unreached' },
      { text: '(context.path == "/b") || (context.path == "/a")', state: 'holds' },
      { text: '!(context.path == "/a")', state: 'does_not_hold' },
      { text: '!(context has headers)', state: 'holds' },
    ]);
  });

  it('tells which condition fails to evaluate', () => {
    const text =
      'forbid (principal, action, resource) when { context.path == "/a" && 3037000500 * 3037000500 == 2 && true };';
    expect(explain(text).conditions.map(({ state, message }) => [state, message])).toEqual([
      ['holds', undefined],
      [
        'fails',
        'integer overflow while attempting to multiply the values `3037000500` and `3037000500`',
      ],
      ['holds', undefined],
    ]);
  });

  it('takes conditions as a whole where a number is too large to be taken apart', () => {
    const text =
      'permit (principal, action, resource) when { context.path == "/a" && 9223372036854775807 + 1 == 2 };';
    expect(explain(text).conditions.map(({ text, state }) => [text, state])).toEqual([
      ['(all conditions)', 'fails'],
    ]);
    const holds = text.replace('+ 1 == 2', '> 9223372036854775806');
    expect(explain(holds).conditions.map(({ state }) => state)).toEqual(['holds']);
  });

  it('refuses a request that the engine does not take', () => {
    const program = programOf({});
    const explained = explainPolicies(program, request({ context: {} }));
    expect(lines(explained)[0]).toContain('input_invalid while parsing context');
  });
});
