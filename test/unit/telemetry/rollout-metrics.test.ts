import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { EXCEPTION_ENDS_SOON_MS } from '../../../src/constants.js';
import { problem } from '../../../src/errors.js';
import type { RolloutStanding } from '../../../src/reload/events.js';
import { registerScraped } from '../../../src/telemetry/counts.js';
import { rolloutMetrics } from '../../../src/telemetry/rollout-metrics.js';
import { approvedState } from '../../support/approved-states.js';
import { DIGEST } from '../../support/check-records.js';
import { someDigest } from '../../support/rollouts.js';
import { slice } from '../../support/traits.js';

const timed = (name: string, fromMs: number, untilMs: number) => ({
  ...slice(name, {}),
  ...{ ticket: 'CHG-7', owner: 'team-x', reason: 'because', fromMs, untilMs },
});
const exception = (name: string, fromMs: number, untilMs: number) => ({
  ...timed(name, fromMs, untilMs),
  overrideForbid: false,
});
const emergency = {
  ...{ digest: someDigest('e'), author: 'erin', ticket: 'INC-1' },
  ...{ issuedAtMs: 0, reconcileByMs: 1 },
};
const running = approvedState({
  exceptions: [exception('a', 10_000, 40_000), exception('b', 20_000, 30_000)],
  blocks: [timed('c', 10_000, 20_000)],
});
const payments: RolloutStanding = {
  ...{ name: 'payments', running, stamp: 'x', bundle: DIGEST },
  approved: { ...running, sequence: 43, expiresAtMs: 1, reviewByMs: 1, emergency },
  candidate: undefined,
  clockFloorMs: 0,
  lag: { sinceMs: 15_000, problem: problem('bundle_not_on_shelf', 'not there') },
};
const orders: RolloutStanding = {
  ...{ name: 'orders', running: approvedState(), approved: approvedState(), stamp: 'y' },
  ...{ bundle: DIGEST, candidate: undefined, clockFloorMs: 0, lag: undefined },
};

const USE = { count: 1, firstMs: 0, lastMs: 0 };

function rig() {
  let standings: readonly RolloutStanding[] = [];
  let nowMs = 0;
  let latestMs = 0;
  const registry = new Registry();
  const uses = { of: (_: string, name: string) => (name === 'a' ? USE : undefined) };
  const source = () => ({ standings, nowMs, latestMs, uses });
  for (const metric of rolloutMetrics(source)) registerScraped(registry, metric);
  return async (now: number, ...given: readonly RolloutStanding[]) => {
    standings = given;
    nowMs = now;
    latestMs = Math.max(latestMs, now);
    const lines = (await registry.metrics()).split('\n').filter((line) => /^cedargate_/.test(line));
    return Object.fromEntries(
      lines.map((line) => {
        const cut = line.lastIndexOf(' ');
        return [line.slice('cedargate_'.length, cut), Number(line.slice(cut + 1))];
      }),
    );
  };
}

describe('the metrics of rollouts', () => {
  it('say nothing without rollouts, and nothing of one that is gone', async () => {
    const scrape = rig();
    expect(await scrape(0)).toEqual({});
    await scrape(0, payments, orders);
    expect(Object.keys(await scrape(0, orders)).filter((name) => /payments/.test(name))).toEqual(
      [],
    );
    expect(await scrape(0)).toEqual({});
  });

  it('say of each what is approved, what runs, and until when', async () => {
    expect(await rig()(25_000, payments, orders)).toEqual({
      'rollout_sequence{rollout="payments",environment="production",role="approved"}': 43,
      'rollout_sequence{rollout="payments",environment="production",role="running"}': 42,
      'rollout_sequence{rollout="orders",environment="production",role="approved"}': 42,
      'rollout_sequence{rollout="orders",environment="production",role="running"}': 42,
      'lag_seconds{rollout="payments"}': 10,
      'lag_seconds{rollout="orders"}': 0,
      'rollout_expires_timestamp_seconds{rollout="payments"}': 9_000,
      'rollout_expires_timestamp_seconds{rollout="orders"}': 9_000,
      'review_due_timestamp_seconds{rollout="payments"}': 8_000,
      'review_due_timestamp_seconds{rollout="orders"}': 8_000,
      'emergency_unreconciled{rollout="payments"}': 1,
      'emergency_unreconciled{rollout="orders"}': 0,
      'exceptions_active{rollout="payments"}': 2,
      'exceptions_active{rollout="orders"}': 0,
      'exceptions_unused{rollout="payments"}': 1,
      'exceptions_unused{rollout="orders"}': 0,
      'exceptions_ending_soon{rollout="payments"}': 2,
      'exceptions_ending_soon{rollout="orders"}': 0,
      'blocks_active{rollout="payments"}': 0,
      'blocks_active{rollout="orders"}': 0,
      'exception_next_expiry_timestamp_seconds{rollout="payments"}': 30,
    });
  });

  it.each([
    [9_999, 0, 0, undefined],
    [10_000, 1, 1, 40],
    [19_999, 1, 1, 40],
    [20_000, 2, 0, 30],
    [30_000, 1, 0, 40],
    [40_000, 0, 0, undefined],
  ])('at %s ms count %s exceptions and %s blocks, the next ending at %s', async (...row) => {
    const [now, exceptions, blocks, next] = row;
    const seen = await rig()(now, payments);
    expect([
      seen['exceptions_active{rollout="payments"}'],
      seen['blocks_active{rollout="payments"}'],
      seen['exception_next_expiry_timestamp_seconds{rollout="payments"}'],
    ]).toEqual([exceptions, blocks, next]);
  });

  it('have an exception ended for good, also when the clock is set back', async () => {
    const scrape = rig();
    const active = async (now: number) =>
      (await scrape(now, payments))['exceptions_active{rollout="payments"}'];
    expect(await active(25_000)).toBe(2);
    await scrape(40_000, payments);
    expect(await active(25_000)).toBe(0);
  });

  it('say which exceptions end within a week', async () => {
    const far = exception('far', 0, EXCEPTION_ENDS_SOON_MS + 1_000);
    const standing = { ...orders, running: approvedState({ exceptions: [far] }) };
    const soon = async (now: number) =>
      (await rig()(now, standing))['exceptions_ending_soon{rollout="orders"}'];
    expect([await soon(999), await soon(1_000)]).toEqual([0, 1]);
  });

  it('have no negative lag when the clock was set back', async () => {
    expect((await rig()(14_000, payments))['lag_seconds{rollout="payments"}']).toBe(0);
  });
});
