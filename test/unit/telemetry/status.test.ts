import { describe, expect, test } from 'vitest';
import type { Regime } from '../../../src/check/types.js';
import { type StatusSources, statusDocument } from '../../../src/telemetry/status.js';
import { DIGEST, regime } from '../../support/check-records.js';

const generation = (changes: Partial<Regime> = {}) => {
  return { number: 1, destinations: new Map(), otherwise: regime(changes) };
};

const SOURCES: StatusSources = {
  service: 'shop/payments',
  environment: 'production',
  ready: true,
  generation: generation(),
  lastRefusal: null,
  rollouts: undefined,
  moment: {
    nowMs: Date.UTC(2026, 10, 22, 12),
    latestMs: Date.UTC(2026, 10, 22, 12),
    uses: { of: () => undefined },
  },
  decisionLog: { checks: 10, logged: 5, sampled: 2, dropped: 3, limited: 1 },
};

/** Every field of formats.md 7, in its order, and `rollouts`. */
const FIELDS = [
  ...['service', 'environment', 'ready', 'mode', 'policy_version', 'bundle', 'candidate'],
  ...['rollout', 'approved', 'lag', 'last_refusal', 'slices', 'exceptions', 'blocks'],
  ...['emergency', 'rollouts', 'decision_log'],
];

describe('the status document', () => {
  test('says what runs', () => {
    expect(statusDocument(SOURCES)).toEqual({
      service: 'shop/payments',
      environment: 'production',
      ready: true,
      mode: 'shadow',
      policy_version: '2026.11.3+0123456789ab.unsigned',
      bundle: {
        name: 'payments',
        version: '2026.11.3',
        digest: DIGEST,
        loaded_at: '2026-11-22T10:00:00.000Z',
      },
      ...{ candidate: null, rollout: null, approved: null, lag: null, last_refusal: null },
      ...{ slices: [], exceptions: [], blocks: [], emergency: null },
      rollouts: [],
      decision_log: { checks: 10, logged: 5, sampled: 2, dropped: 3, limited: 1 },
    });
  });

  test('has the same fields when nothing is known', () => {
    const empty = statusDocument({
      ...SOURCES,
      ...{ service: undefined, environment: undefined, ready: false },
      generation: generation({ active: undefined, stamp: 'none', mode: 'enforce' }),
    });
    expect(Object.keys(empty)).toEqual(FIELDS);
    expect(empty).toMatchObject({
      ...{ service: null, environment: null, bundle: null, mode: 'enforce' },
      policy_version: 'none',
    });
    expect(JSON.parse(JSON.stringify(empty))).toEqual(empty);
  });

  test('says where and why the last bundle was refused', () => {
    const { last_refusal } = statusDocument({
      ...SOURCES,
      lastRefusal: {
        atMs: Date.UTC(2026, 10, 22, 11),
        ...{ file: 'a.cedar', line: 3, code: 'policy_syntax', message: 'unexpected token' },
      },
    });
    expect(last_refusal).toEqual({
      at: '2026-11-22T11:00:00.000Z',
      ...{ file: 'a.cedar', line: 3, code: 'policy_syntax', message: 'unexpected token' },
    });
  });
});
