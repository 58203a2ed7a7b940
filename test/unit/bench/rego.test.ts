import { describe, expect, it } from 'vitest';
import { type BenchPolicy, benchPolicies, expectDecision } from '../../../bench/policies.js';
import { regoFiles } from '../../../bench/rego.js';
import { CALLERS, callerAt, checkAt, pathAt } from '../../../bench/traffic.js';

const CHECKS = 1_500;
const policies = benchPolicies(120);
const expected = expectDecision(policies);

type Lists = Record<string, Record<string, Record<string, string[]>>>;
interface Data {
  readonly callers: Record<string, { readonly namespace: string; readonly tenant: string }>;
  readonly prefixes: Lists;
  readonly globs: Lists;
}

const like = (glob: string) => new RegExp(`^${glob.replaceAll('*', '.*')}$`);

/** Decides every check of the bench with `isSatisfied`, and holds it against the policies. */
function expectSameDecisions(
  isSatisfied: (effect: BenchPolicy['effect'], principal: string, path: string) => boolean,
): void {
  for (let n = 0; n < CHECKS; n += 1) {
    const { caller, path } = checkAt(n);
    const ask = (effect: BenchPolicy['effect']) =>
      isSatisfied(effect, callerAt(caller).id, pathAt(path));
    const found = ask('permit') && !ask('forbid') ? 'allow' : 'deny';
    expect(found, `check ${n}`).toBe(expected(caller, path));
  }
}

describe('rules as data', () => {
  const files = regoFiles(policies, 'data');
  const data = JSON.parse(files['data.json'] ?? '') as Data;
  const rego = files['policy.rego'] ?? '';

  it('say what the policies say', () => {
    expectSameDecisions((effect, principal, path) => {
      const { namespace, tenant } = data.callers[principal] ?? {};
      const keys = { callers: principal, namespaces: namespace, tenants: tenant };
      const found = (lists: Lists) =>
        Object.entries(keys).flatMap(([kind, key]) => lists[effect]?.[kind]?.[key ?? ''] ?? []);
      return (
        found(data.prefixes).some((prefix) => path.startsWith(prefix)) ||
        found(data.globs).some((glob) => like(glob).test(path))
      );
    });
  });

  it('are looked up by every key that data has, and by no other', () => {
    const places = (lists: Lists) =>
      Object.entries(lists).flatMap(([effect, kinds]) =>
        Object.entries(kinds)
          .filter(([, byKey]) => Object.keys(byKey).length > 0)
          .map(([kind]) => `${effect}.${kind}`),
      );
    const askedFor = (what: string) =>
      [...rego.matchAll(new RegExp(`data\\.${what}\\.([a-z.]+)\\[`, 'g'))].map(([, at]) => at);
    expect(askedFor('globs')).toEqual(places(data.globs));
    expect(askedFor('globs')).toEqual(['forbid.namespaces']);
    expect(new Set(askedFor('prefixes'))).toEqual(
      new Set(['permit', 'forbid'].flatMap((effect) => KINDS.map((kind) => `${effect}.${kind}`))),
    );
  });

  it('are one text, whatever their number', () => {
    expect(regoFiles(benchPolicies(10), 'data')['policy.rego']).toBe(rego);
  });
});

const KINDS = ['callers', 'namespaces', 'tenants'];

describe('a Rego rule for each policy', () => {
  const files = regoFiles(policies, 'rules');
  const { callers } = JSON.parse(files['data.json'] ?? '') as Data;
  const rules = [
    ...(files['policy.rego'] ?? '').matchAll(/^# (\S+)\n(permitted|forbidden) if \{\n([^}]*)\}$/gm),
  ].map(([, id, effect, body = '']) => {
    return { id, effect, conditions: body.trim().split(/\n\t/) };
  });

  it('is there once, with the effect of the policy', () => {
    const names = { permit: 'permitted', forbid: 'forbidden' };
    expect(rules.map(({ id, effect }) => [id, effect])).toEqual(
      policies.map(({ id, effect }) => [id, names[effect]]),
    );
  });

  it('says what the policy says', () => {
    expectSameDecisions((effect, principal, path) => {
      const caller = callers[principal];
      const isTrue = (condition: string) => {
        const [, text = ''] = /("[^"]*")/.exec(condition) ?? [];
        const value = text === '' ? '' : (JSON.parse(text) as string);
        if (condition === `principal == ${text}`) return principal === value;
        if (condition === `caller.namespace == ${text}`) return caller?.namespace === value;
        if (condition === `caller.tenant == ${text}`) return caller?.tenant === value;
        if (condition === `startswith(request.path, ${text})`) return path.startsWith(value);
        if (condition === `glob.match(${text}, null, request.path)`) return like(value).test(path);
        return ALWAYS.includes(condition);
      };
      const wanted = effect === 'permit' ? 'permitted' : 'forbidden';
      return rules.some((rule) => rule.effect === wanted && rule.conditions.every(isTrue));
    });
  });
});

/** What the traffic of the bench always fulfils. */
const ALWAYS = [
  'startswith(caller.namespace, "team-")',
  'request.headers["x-tenant"] == caller.tenant',
];

describe('both', () => {
  it.each(['data', 'rules'] as const)(
    '%s: deny what no rule permits, and know all callers',
    (form) => {
      const files = regoFiles([], form);
      expect(files['policy.rego']).toContain('default allow := false\n');
      expect(files['policy.rego']).toContain('allow if {\n\tpermitted\n\tnot forbidden\n}');
      expect(files['policy.rego']).toMatch(/^package envoy\.authz$/m);
      const { callers } = JSON.parse(files['data.json'] ?? '') as Data;
      expect(Object.keys(callers)).toHaveLength(CALLERS);
    },
  );
});
