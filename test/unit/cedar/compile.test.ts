import { describe, expect, it } from 'vitest';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { compileSources, lines, policy, problemsOf, programOf, request } from './support.js';

describe('validating policies', () => {
  const cases: [name: string, text: string, expected: string[]][] = [
    [
      'an attribute that may be missing, at its place in the file',
      `// é\n${policy('a', 'permit (principal, action, resource);')}\n${policy(
        'b',
        'forbid (principal is Workload, action, resource)\n  when { principal.tier > 3 };',
      )}`,
      [
        'a.cedar:11:10 policy_invalid unable to guarantee safety of access to optional attribute `tier` on entity type `Workload`',
      ],
    ],
    [
      'an action that the schema does not declare',
      policy('a', 'permit (principal, action == Action::"PATCH", resource);'),
      ['a.cedar:4:30 policy_invalid unrecognized action `Action::"PATCH"`'],
    ],
    [
      'a comparison of different types',
      policy('a', 'permit (principal, action, resource) when { context.path == 1 };'),
      ['a.cedar:4:45 policy_invalid the types Long and String are not compatible'],
    ],
    [
      'a scope that fits no action',
      policy('a', 'forbid (principal is Anonymous, action == Action::"POST", resource);'),
      [
        'a.cedar:1:1 policy_impossible the policy `a` can never apply: its scope fits no action of the schema',
      ],
    ],
    [
      'a scope with a resource in something it cannot be in',
      policy('a', 'forbid (principal, action, resource is Service in Route::"a/b/c");'),
      [
        'a.cedar:1:1 policy_impossible the policy `a` can never apply: its scope fits no action of the schema',
      ],
    ],
    [
      'several faults of two policies together',
      `${policy('a', 'forbid (principal is Anonymous, action == Action::"POST", resource);')}${policy(
        'b',
        'permit (principal is Person, action, resource);',
      )}`,
      [
        'a.cedar:8:22 policy_invalid unrecognized entity type `Person`',
        'a.cedar:1:1 policy_impossible the policy `a` can never apply: its scope fits no action of the schema',
      ],
    ],
  ];
  it.each(cases)('refuses %s', (_name, policies, expected) => {
    expect(lines(compileSources({ policies }))).toEqual(expected);
  });

  it('only warns of a condition that never holds', () => {
    const text = policy('a', 'permit (principal, action, resource) when { 1 == 2 };');
    const compiled = compileSources({ policies: text });
    if (!compiled.ok) throw new Error(lines(compiled).join());
    expect(compiled.value.warnings.map(({ message, line }) => [line, message])).toEqual([
      [1, 'policy is impossible: the policy expression evaluates to false for all valid requests'],
    ]);
  });

  it('tells what the engine says in the order of the policies', () => {
    const numbers = Array.from({ length: 12 }, (_, n) => n);
    const file = (condition: string) => {
      const rest = `permit (principal, action, resource) when { ${condition} };`;
      return numbers.map((n) => policy(`p${n}`, rest)).join('');
    };
    const expected = numbers.map((n) => 1 + 4 * n);
    const warned = compileSources({ policies: file('1 == 2') });
    const warnings = warned.ok ? warned.value.warnings : [];
    expect(warnings.map(({ line }) => line)).toEqual(expected);
    const refused = compileSources({ policies: file('1 < "2"') });
    expect(problemsOf(refused).map(({ line }) => line)).toEqual(expected.map((line) => line + 3));
  });

  it('takes a scope that only a group of actions fits', () => {
    const text = policy('a', 'forbid (principal, action in Action::"write", resource);');
    expect(lines(compileSources({ policies: text }))).toEqual([]);
  });
});

describe('compiling', () => {
  it('tells the problems of schema and policies together', () => {
    const result = compileSources({ schema: 'entity', policies: 'permit' });
    expect(problemsOf(result).map(({ code }) => code)).toEqual(['schema_syntax', 'policy_syntax']);
  });

  it('gives plain data that means the same in another thread', () => {
    const program = programOf({
      entities: [{ uid: { type: 'Service', id: 'shop/payments' }, attrs: { critical: true } }],
      policies: policy(
        'a',
        'permit (principal, action, resource) when { resource has critical && resource.critical };',
      ),
    });
    const copy = structuredClone(program);
    expect(copy).toEqual(program);
    const loaded = createEvaluator(copy);
    if (!loaded.ok) throw new Error(lines(loaded).join());
    expect(loaded.value.evaluate(request())).toMatchObject({ satisfied: ['a'] });
    loaded.value.release();
  });

  it('is the same each time and gives its slot back', () => {
    for (let turn = 0; turn < 5; turn += 1) expect(compileSources({})).toEqual(compileSources({}));
  });
});
