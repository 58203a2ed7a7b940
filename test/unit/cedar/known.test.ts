import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type CedarApi, engine } from '../../../src/cedar/engine.js';
import type { KnownProgram } from '../../../src/cedar/types.js';
import { resultValue } from '../../support/result.js';
import { compileSources, lines, policy, SCHEMA, type Sources } from './support.js';

const READ = policy('read', 'permit (principal, action == Action::"GET", resource);');
const TIER = policy(
  'tier',
  'permit (principal is Workload, action, resource) when { principal has tier && principal.tier > 1 };',
);
const TENANT = policy(
  'tenant',
  'permit (principal in Namespace::"n", action in Action::"read", resource) when { context has headers };',
);
/** Which they are, also without their annotations. */
const ID_BY_SCOPE = new Map([
  ['action == ', 'read'],
  ['principal is ', 'tier'],
  ['principal in ', 'tenant'],
]);
const SCOPE = /action == |principal is |principal in /g;
/** Its scope fits, its condition never holds: a warning. */
const NEVER = policy('never', 'permit (principal, action, resource) when { 1 == 2 };');
/** Cyrillic in a name: another warning. */
const MIXED = policy('mixed', 'forbid (principal == Workload::"s\u0441am", action, resource);');
const COMMENT = '// permit (principal, action, resource);\n';
/** One that TIER does not fit, and one that changes nothing. */
const SCHEMAS = [SCHEMA, SCHEMA.replace('tier?: Long', 'tier?: String'), `${SCHEMA}// the same\n`];
const ENTITIES = [
  undefined,
  [{ uid: { type: 'Workload', id: 'spiffe://example.org/ns/shop/sa/a' }, attrs: {}, parents: [] }],
  [{ uid: { type: 'Person', id: 'x' }, attrs: {}, parents: [] }],
];

const known = (sources: Sources): KnownProgram => resultValue(compileSources(sources)).known;
const FILES = { 'a.cedar': READ + NEVER + TIER, 'b.cedar': MIXED + TENANT };
const KNOWN = known({ policies: FILES });
const DEEP = Array.from({ length: 400 }, () => 'true').join(' && ');

describe('with what is known of the program before, compilation gives what it gives without', () => {
  test.each<[string, Sources]>([
    ['the same', { policies: FILES }],
    [
      'lines that moved',
      { policies: { ...FILES, 'a.cedar': `\n\n${COMMENT}${FILES['a.cedar']}` } },
    ],
    ['policies on one line', { policies: { 'a.cedar': READ.trim() + NEVER.trim() + COMMENT } }],
    ['files that changed names', { policies: { 'c.cedar': FILES['a.cedar'], 'd.cedar': MIXED } }],
    ['policies that changed places', { policies: { 'a.cedar': TENANT + NEVER, 'b.cedar': READ } }],
    ['policies that are gone', { policies: { 'a.cedar': TIER } }],
    ['a file without policies', { policies: { ...FILES, 'a.cedar': COMMENT } }],
    [
      'a policy between two',
      {
        policies: {
          'a.cedar': READ + policy('new', 'permit (principal, action, resource);') + TIER,
        },
      },
    ],
    ['a policy that changed', { policies: { ...FILES, 'b.cedar': MIXED.replace('a test', 'b') } }],
    ['a policy in a comment', { policies: { 'a.cedar': READ + NEVER.replaceAll(/^/gm, '//') } }],
    ['other entities', { policies: FILES, entities: ENTITIES[1] }],
    ['another environment', { policies: FILES, environment: 'production' }],
    ['another schema', { policies: { 'a.cedar': READ + NEVER }, schema: SCHEMAS[1] as string }],
  ])('%s', (_what, sources) => {
    const compiled = compileSources(sources, KNOWN);
    expect(compiled.ok).toBe(true);
    expect(compiled).toEqual(compileSources(sources));
  });

  test.each<[string, Sources, string]>([
    [
      'an id twice',
      { policies: { 'a.cedar': READ, 'b.cedar': READ } },
      'b.cedar:1:1 policy_duplicate_id',
    ],
    [
      'an id twice in a file',
      { policies: { 'a.cedar': READ + TIER + READ } },
      'a.cedar:9:1 policy_duplicate_id',
    ],
    [
      'an id taken',
      { policies: { 'a.cedar': READ + READ.replace('GET', 'POST') } },
      'a.cedar:5:1 policy_duplicate_id',
    ],
    [
      'a schema that a policy does not fit',
      { policies: FILES, schema: SCHEMAS[1] as string },
      'a.cedar:12:79 policy_invalid',
    ],
    [
      'a schema that is wrong',
      { policies: FILES, schema: `${SCHEMA}entity` },
      'schema.cedarschema:24:7 schema_syntax',
    ],
    [
      'a schema that wants an environment',
      {
        policies: FILES,
        schema: SCHEMA.replace('{ path: String }', '{ path: String, environment: String }'),
      },
      'schema.cedarschema:22:28 schema_rule',
    ],
    [
      'entities that are wrong',
      { policies: FILES, entities: ENTITIES[2] },
      'entities.json:3:10 entities_invalid',
    ],
    [
      'a rest that is no policy',
      { policies: { 'a.cedar': `${FILES['a.cedar']}permit` } },
      'a.cedar:13:7 policy_syntax',
    ],
    [
      'what only looks blank',
      { policies: { 'a.cedar': `${READ}\ufeff${TIER}` } },
      'a.cedar:5:1 policy_syntax',
    ],
    [
      'a new policy that is too deep',
      {
        policies: {
          'a.cedar':
            READ + policy('deep', `permit (principal, action, resource) when { ${DEEP} };`),
        },
      },
      'policy_too_deep',
    ],
    [
      'a changed policy that is invalid',
      { policies: { 'a.cedar': TIER.replace('> 1', '> "1"') } },
      'a.cedar:4:96 policy_invalid',
    ],
  ])('%s is refused', (_what, sources, wanted) => {
    const compiled = compileSources(sources, KNOWN);
    expect(lines(compiled)[0]).toContain(wanted);
    expect(compiled).toEqual(compileSources(sources));
  });

  test('whatever becomes of the files', () => {
    const file = fc
      .array(
        fc.constantFrom(
          ...[READ, TIER, TENANT, NEVER, MIXED, TENANT.replace('"n"', '"m"')],
          ...['\n', ' ', COMMENT, '//', '\ufeff', '\u00a0', '@id("x")', 'permit'],
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join(''));
    const sources = fc.record({
      policies: fc.dictionary(fc.constantFrom('a.cedar', 'b.cedar'), file, {
        noNullPrototype: true,
      }),
      schema: fc.constantFrom(...SCHEMAS),
      entities: fc.constantFrom(...ENTITIES),
    });
    fc.assert(
      fc.property(sources, sources, (first, second) => {
        const before = compileSources(first);
        const with_ = before.ok ? before.value.known : KNOWN;
        expect(compileSources(second, with_)).toEqual(compileSources(second));
      }),
    );
  });
});

/** Each slot given back has a step in a turn, and a handful of sets. */
const TURNS = 20;

describe('what is known', () => {
  // Slots that were given back before are emptied, else their emptying would count as questions.
  beforeEach(async () => {
    for (let turns = 0; turns < TURNS; turns += 1) await turn();
  });
  afterEach(() => vi.restoreAllMocks());

  /** What the engine is asked: ids of the policies that go along, by the function that is called. */
  function askedBy(compile: () => unknown): Record<string, string[][]> {
    const asked: Record<string, string[][]> = {};
    const run = engine().run.bind(engine());
    const watched = (api: CedarApi) => {
      const functions = Object.entries(api) as [string, (...given: unknown[]) => unknown][];
      const recording = functions.map(([name, call]) => [
        name,
        (...given: unknown[]) => {
          const ids = [...JSON.stringify(given).matchAll(SCOPE)].map(([scope]) => {
            return ID_BY_SCOPE.get(scope) as string;
          });
          asked[name] = [...(asked[name] ?? []), ids];
          return call(...given);
        },
      ]);
      return Object.fromEntries(recording) as CedarApi;
    };
    vi.spyOn(engine(), 'run').mockImplementation((calls) => run((api) => calls(watched(api))));
    compile();
    return asked;
  }

  const ALL = { policies: { 'a.cedar': READ + TIER, 'b.cedar': TENANT }, entities: ENTITIES[1] };
  const BEFORE = known(ALL);

  test('is what the engine is asked about otherwise', () => {
    const asked = askedBy(() => compileSources(ALL));
    expect(asked.policySetTextToParts).toEqual([['read', 'tier'], ['tenant']]);
    expect(asked.policyToJson).toEqual([['read'], ['tier'], ['tenant']]);
    expect(asked.validate).toEqual([['read', 'tier', 'tenant']]);
    expect(asked.preparsePolicySet?.[0]).toEqual(['read', 'tier']);
    expect(asked).toMatchObject({ checkParseSchema: [[]], checkParseEntities: [[]] });
  });

  test('is not asked about again: a program without policies is tried, and that is all', () => {
    const asked = askedBy(() => compileSources(ALL, BEFORE));
    const functions = ['preparsePolicySet', 'preparseSchema', 'statefulIsAuthorized'];
    expect(Object.keys(asked).sort()).toEqual(functions);
    expect(asked.preparsePolicySet?.flat()).toEqual([]);
  });

  test('leaves the policy that changed', () => {
    const policies = { ...ALL.policies, 'a.cedar': READ + TIER.replace('> 1', '> 2') };
    const asked = askedBy(() => compileSources({ ...ALL, policies }, BEFORE));
    expect(asked.policySetTextToParts).toEqual([['read', 'tier']]);
    expect(asked.policyToJson).toEqual([['tier']]);
    expect(asked.validate).toEqual([['tier']]);
    expect(asked.preparsePolicySet?.[0]).toEqual(['tier']);
    expect(asked).not.toHaveProperty('checkParseSchema');
  });

  test('is tried again with other entities', () => {
    const asked = askedBy(() => compileSources({ ...ALL, entities: [] }, BEFORE));
    expect(asked.preparsePolicySet?.[0]).toEqual(['read', 'tier']);
    expect(asked).not.toHaveProperty('validate');
  });

  test('is under another schema what policies say, but not that they are valid', () => {
    const schema = SCHEMAS[2] as string;
    const asked = askedBy(() => compileSources({ ...ALL, schema }, BEFORE));
    expect(asked.validate).toEqual([['read', 'tier', 'tenant']]);
    expect(asked.preparsePolicySet?.[0]).toEqual(['read', 'tier']);
    expect(asked.checkParseSchema).toEqual([[]]);
    expect(asked).not.toHaveProperty('policyToJson');
  });

  test('of a schema holds in one environment', () => {
    const schema = SCHEMA.replace('{ path: String }', '{ path: String, environment: String }');
    const before = known({ schema, environment: 'production' });
    expect(lines(compileSources({ schema }, before))[0]).toContain('no environment is configured');
  });
});
