/** Records of decided requests, for tests of what is told about them. */
import type { CheckRecord, Generation } from '../../src/check/types.js';

export const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}` as const;

/** A generation whose bundle declares the actions GET and POST. */
export function generation(changes: Partial<Generation> = {}): Generation {
  const schema = {
    actions: new Map(['GET', 'POST'].map((name) => [name, { name }])),
    workloadAttributes: new Set(),
    parents: new Map(),
  };
  return {
    number: 1,
    mode: 'shadow',
    stamp: '2026.11.3+0123456789ab.unsigned',
    active: {
      bundle: { digest: DIGEST, manifest: { name: 'payments', version: '2026.11.3' } },
      evaluator: { schema },
      loadedAtMs: Date.UTC(2026, 10, 22, 10),
    },
    ...changes,
  } as unknown as Generation;
}

/** An allowed request; `changes` say what is different. */
export function checkRecord(changes: Partial<CheckRecord> = {}): CheckRecord {
  return {
    decisionId: '0193b0a0-0000-7000-8000-000000000000',
    decision: 'allow',
    mode: 'shadow',
    outcome: 'allow',
    wouldDeny: false,
    reason: 'policy_permit',
    policies: ['orders-read'],
    errors: [],
    principal: 'spiffe://example.org/ns/shop/sa/orders',
    action: 'GET',
    access: 'read',
    destination: 'shop/payments',
    route: 'refund',
    method: 'GET',
    path: '/refunds/17',
    traceId: undefined,
    requestId: 'a6d3f1b2',
    input: {
      principal: { type: 'Workload', id: 'spiffe://example.org/ns/shop/sa/orders' },
      action: 'GET',
      resource: { type: 'Route', id: 'shop/payments/refund' },
      context: { path: 'refunds/17', environment: 'production' },
    },
    generation: generation(),
    ...changes,
  };
}
