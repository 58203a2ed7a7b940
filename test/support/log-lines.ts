/** Lines of the decision log, as far as commands read them. */

export const CALLER = 'spiffe://example.org/ns/shop/sa/orders';

/** A denied POST on the route `refund` of `shop/orders`, in dev. */
export function decisionLine(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    type: 'decision',
    schema_version: 1,
    timestamp: '2026-11-20T08:00:00.000Z',
    decision_id: '0193466f-0000-7000-8000-000000000001',
    environment: 'dev',
    principal: CALLER,
    action: 'POST',
    access: 'write',
    resource: 'shop/orders/refund',
    method: 'POST',
    path: '/refunds/1',
    decision: 'deny',
    mode: 'shadow',
    outcome: 'allow',
    would_deny: true,
    reason: 'no_permit',
    slice: null,
    policies: [],
    errors: [],
    exception: null,
    policy_version: '1+0.unsigned',
    bundle_digest: null,
    rollout: null,
    input: null,
    replayable: false,
    ...changes,
  });
}

/** `caller-0` to `caller-<count - 1>`. */
export function callers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `spiffe://example.org/ns/shop/sa/caller-${i}`);
}

/** One read by each. */
export function reads(principals: readonly string[], changes: object = {}): string {
  const read = { action: 'GET', access: 'read', resource: 'shop/orders', decision: 'allow' };
  const lines = principals.map((principal) => {
    return decisionLine({ ...read, reason: 'policy_permit', ...changes, principal });
  });
  return `${lines.join('\n')}\n`;
}
