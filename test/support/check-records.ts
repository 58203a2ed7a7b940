/** Records of decided requests, for tests of what is told about them. */
import { soleRegime } from '../../src/check/regime.js';
import { Slices } from '../../src/check/slices.js';
import type { ActiveBundle, CheckRecord, Regime, RolloutRegime } from '../../src/check/types.js';

export const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}` as const;

/** A plain directory in shadow, whose bundle declares the actions GET and POST. */
export function regime(changes: Partial<Regime> = {}): Regime {
  const schema = {
    actions: new Map(['GET', 'POST'].map((name) => [name, { name }])),
    workloadAttributes: new Set(),
    parents: new Map(),
  };
  const active = {
    bundle: { digest: DIGEST, manifest: { name: 'payments', version: '2026.11.3' } },
    evaluator: { schema },
    loadedAtMs: Date.UTC(2026, 10, 22, 10),
  } as unknown as ActiveBundle;
  const sole = { mode: 'shadow', stamp: '2026.11.3+0123456789ab.unsigned', active } as const;
  return { ...soleRegime(sole), ...changes };
}

/** What a rollout adds: nothing is enforced, held, excepted or blocked. */
export const ROLLOUT: RolloutRegime = {
  ...{ name: 'payments', sequence: 42, digest: DIGEST, ticket: 'CHG-1041', clockFloorMs: 0 },
  slices: new Slices({
    ...{ enforce: [], hold: [], exceptions: [], blocks: [] },
    ...{ seed: 'seed', tenants: new Map() },
  }),
};

/** An allowed request; `changes` say what is different. */
export function checkRecord(changes: Partial<CheckRecord> = {}): CheckRecord {
  return {
    decisionId: '0193b0a0-0000-7000-8000-000000000000',
    decision: 'allow',
    mode: 'shadow',
    outcome: 'allow',
    wouldDeny: false,
    reason: 'policy_permit',
    slice: undefined,
    exception: undefined,
    candidate: undefined,
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
    regime: regime(),
    ...changes,
  };
}
