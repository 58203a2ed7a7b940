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
  /** Absent for the one that is asked for. */
  readonly service?: string;
  /** Whom and what it concerns stands in its condition, so that it may apply to everybody. */
  readonly open?: boolean;
  /** Looks at the path as a value where its pattern fits, so that hardly any answer is known. */
  readonly byValue?: boolean;
}

/**
 * Which policies a check has: of `usual` ones all that name its caller; of `grouped` ones at most 20,
 * since the others are of other services; of `open` ones all there are.
 */
export type PolicyShape = 'usual' | 'grouped' | 'open';

type CallerTest =
  | { readonly kind: 'one'; readonly index: number }
  | { readonly kind: 'namespace'; readonly name: string }
  /** The attribute of the caller's entity, and a header that says the same. */
  | { readonly kind: 'tenant'; readonly name: string };

const SERVICE = 'shop/payments';
/** With the one that is asked for. */
const SERVICES = [SERVICE, 'shop/orders', 'shop/stock', 'shop/refunds'];
/** The first ones concern whole namespaces and tenants. */
const WIDE = 10;

export function benchPolicies(count: number, shape: PolicyShape = 'usual'): BenchPolicy[] {
  return Array.from({ length: count }, (_, index) => {
    if (shape === 'usual') return policyAt(index);
    if (shape === 'open') return { ...policyAt(index), open: true, byValue: true };
    return index < WIDE ? policyAt(index) : groupedAt(index);
  });
}

/** Of each caller as many for each service. */
function groupedAt(index: number): BenchPolicy {
  const id = idAt(index);
  const callers = { kind: 'one', index: index % CALLERS } as const;
  const service = SERVICES[Math.floor(index / CALLERS) % SERVICES.length];
  const round = Math.floor(index / CALLERS / SERVICES.length);
  const digit = (index + Math.floor(round / AREAS)) % 10;
  const of = { id, callers, ...(service === SERVICE ? {} : { service }) };
  return round % AREAS === 9
    ? { ...of, effect: 'forbid', path: `/v1/area-${index % AREAS}/items/1*` }
    : { ...of, effect: 'permit', path: `/v1/area-${round % AREAS}/items/${digit}*` };
}

function idAt(index: number): string {
  return `bench-${String(index).padStart(5, '0')}`;
}

function policyAt(index: number): BenchPolicy {
  const area = `/v1/area-${index % AREAS}/`;
  const id = idAt(index);
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

export function policyText(policy: BenchPolicy): string {
  const { id, effect, callers, path, service = SERVICE, open = false, byValue = false } = policy;
  const who = scopeText(callers);
  const group = 'action in Action::"read"';
  const what = `resource == Service::"${service}"`;
  const scope = open ? ['principal', 'action', 'resource'] : [who, group, what];
  const conditions = [
    ...(open ? [who, group, what] : []),
    ...conditionsOf(callers),
    `context.path like "${path}"`,
    ...(byValue ? ['!["/never"].contains(context.path)'] : []),
  ];
  return `@id("${id}")
@owner("team-bench")
@description("${effect} ${path}")
${effect} (
  ${scope.join(',\n  ')}
)
when { ${conditions.join(' && ')} };
`;
}

function scopeText(callers: CallerTest): string {
  switch (callers.kind) {
    case 'one':
      return `principal == Workload::"${callerAt(callers.index).id}"`;
    case 'namespace':
      return `principal in Namespace::"bench.example/${callers.name}"`;
    case 'tenant':
      return 'principal is Workload';
  }
}

function conditionsOf(callers: CallerTest): string[] {
  switch (callers.kind) {
    case 'one':
      return ['principal has namespace', 'principal.namespace like "team-*"'];
    case 'namespace':
      return [];
    case 'tenant':
      return [
        `principal has tenant && principal.tenant == "${callers.name}"`,
        'context has headers && context.headers has "x-tenant"',
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
  const tests = policies
    .filter(({ service = SERVICE }) => service === SERVICE)
    .map((policy) => ({ policy, path: pathTest(policy.path) }));
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
