import { describe, expect, it } from 'vitest';
import { engine } from '../../../src/cedar/engine.js';
import { parsePolicies } from '../../../src/cedar/policies.js';
import { LIKE_PATTERN_CHARS_MAX } from '../../../src/constants.js';
import { freshEngine, lines, policy, problemsOf, SCHEMA } from './support.js';

const PERMIT = 'permit (principal, action, resource);';

function parse(text: string) {
  return parsePolicies([{ file: 'a.cedar', text }]);
}

describe('splitting a file into policies', () => {
  it('keeps the order of the file and the line of each with more than ten policies', () => {
    const texts = Array.from({ length: 25 }, (_, index) => policy(`p${index}`, PERMIT));
    const parsed = parse(texts.join('\n'));
    if (!parsed.ok) throw new Error(lines(parsed).join());
    expect(parsed.value.map(({ policy }) => policy.id)).toEqual(
      texts.map((_, index) => `p${index}`),
    );
    expect(parsed.value.map(({ policy }) => policy.line)).toEqual(
      texts.map((_, index) => 1 + index * 5),
    );
  });

  it('does not mistake a commented-out copy for the policy', () => {
    const text = policy('one', PERMIT);
    const comment = text.replace(/^/gm, '// ');
    const oneLine =
      '@id("two") @owner("o") @description("d") permit (principal, action, resource);';
    const source = `${comment}\n${text}// ${oneLine}\n  // é\r\n${oneLine} // ${oneLine}\n`;
    const parsed = parse(source);
    if (!parsed.ok) throw new Error(lines(parsed).join());
    const [one, two] = parsed.value;
    expect(one?.excerpt.start).toBe(source.indexOf(`\n${text}`) + 1);
    expect(two?.excerpt.start).toBe(source.indexOf(`\n${oneLine}`) + 1);
    expect(two?.policy.line).toBe(one!.policy.line + 6);
  });

  it('keeps the exact text, inner comments included', () => {
    const text = policy(
      'one',
      '// why\nforbid (principal, action, resource) // é\n when { true };',
    );
    const parsed = parse(`\n\n${text}`);
    expect(parsed.ok && parsed.value[0]?.policy).toMatchObject({
      id: 'one',
      effect: 'forbid',
      owner: 'team-a',
      description: 'a test',
      file: 'a.cedar',
      line: 3,
      text: text.trimEnd(),
    });
  });

  it('takes a file without policies', () => {
    expect(parse('// nothing yet\n')).toEqual({ ok: true, value: [] });
  });
});

describe('refusing policies', () => {
  const GOOD = policy('good', PERMIT);
  const cases: [name: string, text: string, expected: string[]][] = [
    [
      'a syntax error in a later line, after characters of several bytes',
      `// é€😀\n${GOOD}permit (principal, action resource);\n`,
      [
        'a.cedar:6:27 policy_syntax unexpected token `resource`: expected `!=`, `)`, `,`, `:`, `<`, `<=`, `==`, `>`, `>=`, `in`, or `is`',
      ],
    ],
    [
      'a file that ends too early',
      `${GOOD}permit (principal,\n\n`,
      ['a.cedar:5:19 policy_syntax unexpected end of input: expected `)` or identifier'],
    ],
    [
      'a template',
      `${GOOD}\n${policy('t', 'permit (principal == ?principal, action, resource);')}${policy('u', PERMIT)}`,
      [
        'a.cedar:6:1 policy_template the policy is a template: it has a `?principal` or `?resource` slot',
      ],
    ],
    [
      'missing annotations',
      PERMIT,
      ['id', 'owner', 'description'].map(
        (name) => `a.cedar:1:1 policy_annotation the policy has no \`@${name}\``,
      ),
    ],
    [
      'an annotation without text',
      '@id("x") @owner("  ") @description permit (principal, action, resource);',
      ['owner', 'description'].map(
        (name) => `a.cedar:1:1 policy_annotation the policy has no \`@${name}\``,
      ),
    ],
    [
      'an id with a line break',
      policy('a\\nb', PERMIT),
      ['a.cedar:1:1 policy_annotation `@id` `a\nb` has a form that is not allowed'],
    ],
    [
      'an id that begins with an underscore',
      policy('__proto__', PERMIT),
      ['a.cedar:1:1 policy_annotation `@id` `__proto__` has a form that is not allowed'],
    ],
  ];
  it.each(cases)('names file, line and column of %s', (_name, text, expected) => {
    const got = lines(parse(text));
    expect(got).toEqual(expected);
  });

  it('puts a caret under the fault', () => {
    const [first] = problemsOf(parse(`${GOOD}\tpermit (principal, action) when { "日本" == };\n`));
    expect(first?.excerpt?.split('\n').map((line) => line.trimEnd())).toEqual([
      '  \tpermit (principal, action) when { "日本" == };',
      `  \t${' '.repeat(44)}^`,
    ]);
  });

  it('names both places of an id that two files use', () => {
    const result = parsePolicies([
      { file: 'a.cedar', text: `\n${GOOD}` },
      { file: 'b.cedar', text: `${policy('other', PERMIT)}\n${GOOD}` },
    ]);
    expect(lines(result)).toEqual([
      'b.cedar:6:1 policy_duplicate_id `@id` `good` is taken by the policy at a.cedar:2',
    ]);
  });

  it('tells the problems of all files together', () => {
    const result = parsePolicies([
      { file: 'a.cedar', text: 'permit' },
      { file: 'b.cedar', text: PERMIT },
      { file: 'c.cedar', text: 'nonsense' },
    ]);
    expect(new Set(problemsOf(result).map(({ file }) => file))).toEqual(
      new Set(['a.cedar', 'b.cedar', 'c.cedar']),
    );
  });
});

describe('depth', () => {
  const repeat = (text: string, count: number) => text.repeat(count);
  const bombs: [name: string, condition: (count: number) => string][] = [
    ['&&', (n) => `true${repeat(' && true', n)}`],
    ['|| of tests', (n) => `context.path == "a"${repeat(' || context.path == "a"', n)}`],
    ['+', (n) => `1${repeat(' + 1', n)} == 1`],
    ['*', (n) => `1${repeat(' * 1', n)} == 1`],
    ['parentheses', (n) => `${repeat('(', n)}true${repeat(')', n)}`],
    ['parentheses on the left', (n) => `${repeat('(', n)}true${repeat(' && true)', n)}`],
    ['!', (n) => `${repeat('!(', n)}true${repeat(')', n)}`],
    ['if then', (n) => `${repeat('if true then ', n)}true${repeat(' else false', n)}`],
    ['else if', (n) => `${repeat('if false then true else ', n)}true`],
    ['if if', (n) => `${repeat('if ', n)}true${repeat(' then true else false', n)}`],
    ['.', (n) => `principal${repeat('.peer', n)} == principal`],
    ['index', (n) => `principal${repeat('["peer"]', n)} == principal`],
    ['sets', (n) => `${repeat('[', n)}1${repeat(']', n)} == [1]`],
    ['records', (n) => `${repeat('{a: ', n)}1${repeat('}', n)} == {a: 1}`],
    ['methods', (n) => `[1]${repeat('.contains(1)', n)}`],
    ['nested methods', (n) => `${repeat('[true].contains(', n)}true${repeat(')', n)}`],
    ['has', (n) => `principal has peer${repeat('.peer', n)}`],
    ['functions', (n) => `${repeat('ip(', n)}"::1"${repeat(')', n)}.isIpv4()`],
    ['conditions', (n) => `true }${repeat(' when { true }', n)} unless { false`],
  ];

  it('refuses a pattern so long that matching it would hold up other checks', () => {
    const matching = (count: number) => {
      const pattern = `*${'a'.repeat(count - 1)}`;
      return policy('p', `permit (principal, action, resource) when { "x" like "${pattern}" };`);
    };
    expect(parse(matching(LIKE_PATTERN_CHARS_MAX)).ok).toBe(true);
    const [first] = problemsOf(parse(matching(LIKE_PATTERN_CHARS_MAX + 1)));
    expect(first).toMatchObject({ code: 'policy_pattern_too_long', file: 'a.cedar' });
    expect(first?.line).toBeGreaterThan(0);
  });

  it.each(bombs)('refuses many %s before they break the engine', (_name, condition) => {
    const restarts = engine().restarts;
    for (const count of [100, 1_000, 20_000]) {
      const text = policy(
        'p',
        `permit (principal, action, resource) when { ${condition(count)} };`,
      );
      const [first, ...rest] = problemsOf(parse(text));
      expect(first?.code).toBe('policy_too_deep');
      expect(first?.line).toBeGreaterThan(0);
      expect(rest).toEqual([]);
    }
    expect(parse(policy('p', PERMIT)).ok).toBe(true);
    expect(engine().restarts).toBe(restarts);
  });

  it.each(bombs)('lets through only as many %s as the engine survives', (_name, condition) => {
    const textWith = (count: number) =>
      policy('p', `permit (principal, action, resource) when { ${condition(count)} };`);
    let most = 0;
    while (parse(textWith(most + 1)).ok) most += 1;
    expect(most).toBeGreaterThan(10);
    // An instance of its own: its code is not optimised yet and takes the most stack.
    const fresh = freshEngine();
    const staticPolicies = { p: textWith(most) };
    const answer = fresh.run((api) => {
      api.policySetTextToParts(staticPolicies.p);
      api.policyToJson(staticPolicies.p);
      const validationSettings = { mode: 'strict' } as const;
      api.validate({ schema: SCHEMA, policies: { staticPolicies }, validationSettings });
      api.preparseSchema('s', SCHEMA);
      api.preparsePolicySet('s', { staticPolicies });
      const peer = { type: 'Workload', id: 'a' };
      return api.statefulIsAuthorized({
        principal: peer,
        action: { type: 'Action', id: 'GET' },
        resource: { type: 'Service', id: 's' },
        context: { path: '/' },
        entities: [{ uid: peer, attrs: { peer }, parents: [] }],
        preparsedSchemaName: 's',
        preparsedPolicySetId: 's',
      });
    });
    expect(answer.type).toBe('success');
  });

  it.each([
    ['80 alternatives', `context.path == "a"${repeat(' || context.path == "a"', 80)}`],
    ['a set of 2,000', `[${repeat('"a", ', 2_000)}"b"].contains(context.path)`],
    ['20 parentheses', `${repeat('(', 20)}true${repeat(')', 20)}`],
    ['brackets in a string', `context.path == "${repeat('([{', 200)}"`],
    ['brackets in a comment', `true // ${repeat('([{ && ', 400)}\n`],
  ])('takes %s', (_name, condition) => {
    const text = policy('p', `permit (principal, action, resource) when { ${condition} };`);
    expect(lines(parse(text))).toEqual([]);
  });
});
