/**
 * The policies of a bench bundle in Rego, as people write it for OPA-Envoy, twice: rules as data that
 * one generic Rego rule looks up by caller, and a Rego rule for each policy. Both in the form that OPA
 * was found to be quickest with: everything about a caller is found by key or by an equality that OPA
 * indexes, a path with one `*` at its end is a prefix, prefixes are tried by one built-in function,
 * and what fails most often stands first. Pure.
 */
import type { BenchPolicy } from './policies.js';
import { CALLERS, callerAt } from './traffic.js';

export const REGO_FORMS = ['data', 'rules'] as const;
export type RegoForm = (typeof REGO_FORMS)[number];

/** Of `plugins.envoy_ext_authz_grpc.path`. */
export const REGO_PATH = 'envoy/authz/allow';

/** The files to load, by name. */
export function regoFiles(
  policies: readonly BenchPolicy[],
  form: RegoForm,
): Readonly<Record<string, string>> {
  const callers = Object.fromEntries(
    Array.from({ length: CALLERS }, (_, index) => {
      const { id, namespace, tenant } = callerAt(index);
      return [id, { namespace, tenant }];
    }),
  );
  return form === 'data'
    ? { 'policy.rego': genericRules(policies), 'data.json': json({ callers, ...dataOf(policies) }) }
    : { 'policy.rego': [HEAD, ...policies.map(ruleOf)].join('\n'), 'data.json': json({ callers }) };
}

const HEAD = `package envoy.authz

import input.attributes.request.http as request
import input.attributes.source.principal

default allow := false

allow if {
	permitted
	not forbidden
}

caller := data.callers[principal]
`;

const EFFECTS = ['permit', 'forbid'] as const;
/** A rule that is satisfied makes this true. */
const SATISFIED = { permit: 'permitted', forbid: 'forbidden' } as const;

const KINDS = ['callers', 'namespaces', 'tenants'] as const;
type Kind = (typeof KINDS)[number];

/** The key of a caller's rules, and what else must hold. */
const LOOKUP = {
  callers: { key: 'principal', condition: 'startswith(caller.namespace, "team-")' },
  namespaces: { key: 'caller.namespace', condition: undefined },
  tenants: { key: 'caller.tenant', condition: 'request.headers["x-tenant"] == caller.tenant' },
} as const;

type Path = { readonly prefix: string } | { readonly glob: string };

/** Rules for globs only where there are any: a look-up in vain would cost OPA time. */
function genericRules(policies: readonly BenchPolicy[]): string {
  const withGlobs = new Set(
    policies
      .filter((policy) => 'glob' in pathOf(policy))
      .map((policy) => `${policy.effect}.${placeOf(policy).kind}`),
  );
  const rules = EFFECTS.flatMap((effect) =>
    KINDS.flatMap((kind) => {
      const { key, condition } = LOOKUP[kind];
      const place = `${effect}.${kind}`;
      const prefixes = `strings.any_prefix_match(request.path, data.prefixes.${place}[${key}])`;
      const some = `some pattern in data.globs.${place}[${key}]`;
      return [
        rule(effect, [prefixes, condition]),
        ...(withGlobs.has(place)
          ? [rule(effect, [some, 'glob.match(pattern, null, request.path)', condition])]
          : []),
      ];
    }),
  );
  return [HEAD, ...rules].join('\n');
}

type Patterns = Record<BenchPolicy['effect'], Record<Kind, Record<string, string[]>>>;

function dataOf(policies: readonly BenchPolicy[]): { prefixes: Patterns; globs: Patterns } {
  const none = () => ({ callers: {}, namespaces: {}, tenants: {} });
  const found = {
    prefixes: { permit: none(), forbid: none() } as Patterns,
    globs: { permit: none(), forbid: none() } as Patterns,
  };
  for (const policy of policies) {
    const { kind, key } = placeOf(policy);
    const path = pathOf(policy);
    const [into, pattern] =
      'prefix' in path ? [found.prefixes, path.prefix] : [found.globs, path.glob];
    const lists = into[policy.effect][kind];
    lists[key] ??= [];
    lists[key].push(pattern);
  }
  return found;
}

function placeOf({ callers }: BenchPolicy) {
  switch (callers.kind) {
    case 'one':
      return { kind: 'callers', key: callerAt(callers.index).id } as const;
    case 'namespace':
      return { kind: 'namespaces', key: callers.name } as const;
    case 'tenant':
      return { kind: 'tenants', key: callers.name } as const;
  }
}

/** `glob.match` without delimiters reads `*` as Cedar's `like` does; a prefix is quicker. */
function pathOf({ path }: BenchPolicy): Path {
  const prefix = path.slice(0, -1);
  return path === `${prefix}*` && !prefix.includes('*') ? { prefix } : { glob: path };
}

function ruleOf(policy: BenchPolicy): string {
  const path = pathOf(policy);
  const matches =
    'prefix' in path
      ? `startswith(request.path, ${JSON.stringify(path.prefix)})`
      : `glob.match(${JSON.stringify(path.glob)}, null, request.path)`;
  const { kind, key } = placeOf(policy);
  const conditions = [`${LOOKUP[kind].key} == ${JSON.stringify(key)}`, matches];
  return `# ${policy.id}\n${rule(policy.effect, [...conditions, LOOKUP[kind].condition])}`;
}

function rule(effect: BenchPolicy['effect'], conditions: readonly (string | undefined)[]): string {
  const lines = conditions.filter((each) => each !== undefined).map((each) => `\t${each}\n`);
  return `${SATISFIED[effect]} if {\n${lines.join('')}}\n`;
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
