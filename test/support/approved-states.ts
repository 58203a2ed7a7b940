/** Approved states, for tests of what runs under them. */
import type { ApprovedState } from '../../src/rollout/types.js';
import { DIGEST } from './check-records.js';

/** Rollout `payments` for shop/payments: all in shadow; `changes` say what is different. */
export function approvedState(changes: Partial<ApprovedState> = {}): ApprovedState {
  return {
    ...{ name: 'payments', environment: 'production', sequence: 42, digest: DIGEST },
    ...{ author: 'ada', approvers: ['bob'], ticket: 'CHG-1041' },
    ...{ issuedAtMs: 0, expiresAtMs: 9_000_000, reviewByMs: 8_000_000 },
    destinations: [{ service: 'shop/payments', onFault: 'fail', requireLog: false }],
    active: { name: 'payments', version: '2026.11.3', digest: DIGEST },
    ...{ fallback: undefined, candidate: undefined, revoked: new Set() },
    ...{ enforce: [], hold: [], exceptions: [], blocks: [], seed: 'seed', emergency: undefined },
    ...changes,
  };
}
