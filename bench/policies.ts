/**
 * The policies of a bench bundle as data, as Cedar text, and as a decision made without Cedar: what
 * the sidecar says is compared with the last, so that no figure comes from wrong answers.
 *
 * Of every ten, three concern a whole namespace or tenant, six one caller each, and one forbids. The
 * wide ones come from the first ten only: more policies shall mean more to evaluate, not that
 * everybody is allowed everything.
 */
import { AREAS, CALLERS, type Caller, callerAt, NAMESPACES, pathAt, TENANTS } from './traffic.js';

export type Decision = 'allow' | 'deny';

export interface BenchPolicy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly callers: CallerTest;
  /** As Cedar's `like` reads it: `*` stands for any characters. */
  readonly path: string;
}

type CallerTest =
  | { readonly kind: 'one'; readonly index: number }
  | { readonly kind: 'namespace'; readonly name: string }
  /** The attribute of the caller's entity, and a header that says the same. */
  | { readonly kind: 'tenant'; readonly name: string };

export function benchPolicies(count: number): BenchPolicy[] {
  return Array.from({ length: count }, (_, index) => policyAt(index));
}

function policyAt(index: number): BenchPolicy {
  const area = `/v1/area-${index % AREAS}/`;
  const id = `bench-${String(index).padStart(5, '0')}`;
  const namespace = { kind: 'namespace', name: `team-${index % NAMESPACES}` } as const;
  if (index === 9) return { id, effect: 'forbid', callers: namespace, path: '/v1/*/private' };
  if (index < 9 && index % 3 === 0) {
    return { id, effect: 'permit', callers: namespace, path: `${area}*` };
  }
  if (index < 9 && index % 3 === 1) {
    const callers = { kind: 'tenant', name: `tenant-${index % TENANTS}` } as const;
    return { id, effect: 'permit', callers, path: `${area}items/*` };
  }
  // A caller and a path together come once in the first 2,000 policies.
  const caller = (index * 7 + Math.floor(index / 100) * 13) % CALLERS;
  const callers = { kind: 'one', index: caller } as const;
  const round = Math.floor(index / AREAS);
  return index % AREAS === 9
    ? { id, effect: 'forbid', callers, path: `/v1/area-${round % AREAS}/items/${round % 10}*` }
    : { id, effect: 'permit', callers, path: `${area}items/${round % 10}*` };
}

export function policyText({ id, effect, callers, path }: BenchPolicy): string {
  const [scope, condition] = callerText(callers);
  const like = `context.path like "${path}"`;
  return `@id("${id}")
@owner("team-bench")
@description("${effect} ${path}")
${effect} (
  principal${scope},
  action in Action::"read",
  resource == Service::"shop/payments"
)
when { ${condition === '' ? like : `${condition} && ${like}`} };
`;
}

function callerText(callers: CallerTest): [scope: string, condition: string] {
  switch (callers.kind) {
    case 'one':
      return [
        ` == Workload::"${callerAt(callers.index).id}"`,
        'principal has namespace && principal.namespace like "team-*"',
      ];
    case 'namespace':
      return [` in Namespace::"bench.example/${callers.name}"`, ''];
    case 'tenant':
      return [
        ' is Workload',
        `principal has tenant && principal.tenant == "${callers.name}" && ` +
          'context has headers && context.headers has "x-tenant" && ' +
          `context.headers["x-tenant"] == "${callers.name}"`,
      ];
  }
}

/** Never applies, and looks at the path as a value. */
export const BY_VALUE = `@id("bench-by-value")
@owner("team-bench")
@description("no path that is ever asked for")
forbid (principal, action in Action::"read", resource == Service::"shop/payments")
when { ["/never", "/ever"].contains(context.path) };
`;

/** Decides without Cedar; `caller` and `path` are indices as in traffic.ts. */
export function expectDecision(
  policies: readonly BenchPolicy[],
): (caller: number, path: number) => Decision {
  const tests = policies.map((policy) => ({ policy, path: pathTest(policy.path) }));
  return (caller, path) => {
    const who = callerAt(caller);
    const text = pathAt(path);
    const satisfied = tests
      .filter((test) => appliesTo(test.policy.callers, caller, who) && test.path.test(text))
      .map(({ policy }) => policy.effect);
    return satisfied.includes('permit') && !satisfied.includes('forbid') ? 'allow' : 'deny';
  };
}

function appliesTo(callers: CallerTest, index: number, who: Caller): boolean {
  switch (callers.kind) {
    case 'one':
      return callers.index === index;
    case 'namespace':
      return callers.name === who.namespace;
    case 'tenant':
      return callers.name === who.tenant;
  }
}

function pathTest(like: string): RegExp {
  const parts = like.split('*').map((part) => part.replace(/[.\\+?^$()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}
