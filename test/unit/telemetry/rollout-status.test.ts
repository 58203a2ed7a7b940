import { describe, expect, it } from 'vitest';
import { problem } from '../../../src/errors.js';
import type { RolloutStanding } from '../../../src/reload/events.js';
import type { Moment } from '../../../src/telemetry/moment.js';
import { rolloutStatus } from '../../../src/telemetry/rollout-status.js';
import { approvedState } from '../../support/approved-states.js';
import { DIGEST } from '../../support/check-records.js';
import { someDigest } from '../../support/rollouts.js';
import { slice } from '../../support/traits.js';

const at = (text: string) => Date.parse(text);
const timed = (name: string, from: string, until: string) => ({
  ...slice(name, { access: 'write' }),
  ...{ ticket: 'CHG-7', owner: 'team-x', reason: 'because' },
  ...{ fromMs: at(from), untilMs: at(until) },
});
const emergency = {
  ...{ digest: someDigest('e'), author: 'erin', ticket: 'INC-1' },
  issuedAtMs: at('2026-11-24T03:00:00Z'),
  reconcileByMs: at('2026-11-25T03:00:00Z'),
};
const running = approvedState({
  issuedAtMs: at('2026-11-20T10:00:00Z'),
  expiresAtMs: at('2027-03-24T00:00:00Z'),
  reviewByMs: at('2027-02-22T00:00:00Z'),
  enforce: [slice('reads', { access: 'read' })],
  hold: [slice('cards', {})],
  exceptions: [
    { ...timed('short', '2026-11-24T00:00:00Z', '2026-11-26T00:00:00Z'), overrideForbid: false },
  ],
  blocks: [timed('abuse', '2026-11-24T00:00:00Z', '2026-11-25T00:00:00Z')],
});
const standing: RolloutStanding = {
  ...{ name: 'payments', running, stamp: '2026.11.3+0123456789ab.r42', bundle: DIGEST },
  approved: { ...running, sequence: 43, digest: someDigest('e'), author: 'erin', emergency },
  candidate: undefined,
  clockFloorMs: 0,
  lag: {
    sinceMs: at('2026-11-24T03:00:00Z'),
    problem: problem('bundle_not_on_shelf', 'not there'),
  },
};
const moment = (nowMs: number, more: Partial<Moment> = {}): Moment => ({
  ...{ nowMs, latestMs: nowMs, uses: { of: () => undefined } },
  ...more,
});
const status = (now: string, changes: Partial<RolloutStanding> = {}) =>
  rolloutStatus({ ...standing, ...changes }, moment(at(now)));

describe('the status of a rollout', () => {
  it('says what its candidate is, and why it is not compared', () => {
    const bundle = { name: 'payments', version: '2026.11.4', digest: someDigest('c') };
    const of = (candidate: RolloutStanding['candidate']) =>
      status('2026-11-24T12:00:00Z', { candidate }).candidate;
    expect(of(undefined)).toBeNull();
    expect(of({ bundle, loaded: undefined, problem: undefined })).toEqual({
      ...bundle,
      ...{ loaded_at: null, problem: null },
    });
    const missing = problem('bundle_not_on_shelf', 'not there');
    expect(of({ bundle, loaded: undefined, problem: missing })?.problem).toEqual({
      ...{ code: 'bundle_not_on_shelf', message: 'not there' },
    });
    const loaded = { loadedAtMs: 0 } as NonNullable<RolloutStanding['candidate']>['loaded'];
    expect(of({ bundle, loaded, problem: undefined })?.loaded_at).toBe('1970-01-01T00:00:00.000Z');
  });

  it('says of each exception whether it was used, and whether it ends soon', () => {
    const use = { count: 3, firstMs: 1_000, lastMs: 2_000 };
    const now = moment(at('2026-11-24T12:00:00Z'), { uses: { of: () => use } });
    expect(rolloutStatus(standing, now).exceptions).toMatchObject([
      {
        ...{ name: 'short', state: 'active', ends_soon: true, uses: 3 },
        first_used: '1970-01-01T00:00:01.000Z',
        last_used: '1970-01-01T00:00:02.000Z',
      },
    ]);
    expect(status('2026-11-24T12:00:00Z').exceptions).toMatchObject([
      { uses: 0, first_used: null, last_used: null },
    ]);
  });

  it('has an exception ended by the largest clock, and never again active', () => {
    const setBack = { latestMs: at('2026-11-26T00:00:00Z') };
    const now = moment(at('2026-11-24T12:00:00Z'), setBack);
    expect(rolloutStatus(standing, now).exceptions).toMatchObject([
      { state: 'ended', ends_soon: false },
    ]);
    const issued = { ...standing, clockFloorMs: setBack.latestMs };
    expect(rolloutStatus(issued, moment(now.nowMs)).exceptions[0]?.state).toBe('ended');
    expect(status('2026-11-24T12:00:00Z').exceptions[0]?.state).toBe('active');
  });

  it('says what runs and what is approved, and who stands behind them', () => {
    const { rollout, approved, policy_version, bundle_digest, slices } =
      status('2026-11-24T03:00:01Z');
    expect(rollout).toEqual({
      ...{ name: 'payments', sequence: 42, digest: DIGEST, author: 'ada', approvers: ['bob'] },
      ticket: 'CHG-1041',
      issued_at: '2026-11-20T10:00:00.000Z',
      expires_at: '2027-03-24T00:00:00.000Z',
      expired: false,
      review_by: '2027-02-22T00:00:00.000Z',
    });
    expect(approved).toMatchObject({ sequence: 43, digest: someDigest('e'), author: 'erin' });
    expect([policy_version, bundle_digest]).toEqual(['2026.11.3+0123456789ab.r42', DIGEST]);
    expect(slices).toEqual([
      { name: 'reads', kind: 'enforce', match: { access: 'read' } },
      { name: 'cards', kind: 'hold', match: {} },
    ]);
    expect(status('2026-11-24T03:00:01Z', { bundle: undefined }).bundle_digest).toBeNull();
  });

  it.each([
    ['2026-11-23T23:59:59.999Z', 'pending', 'pending'],
    ['2026-11-24T00:00:00Z', 'active', 'active'],
    ['2026-11-24T23:59:59.999Z', 'active', 'active'],
    ['2026-11-25T00:00:00Z', 'active', 'ended'],
    ['2026-11-26T00:00:00Z', 'ended', 'ended'],
  ])('says at %s of an exception %s, of a block %s', (now, exception, block) => {
    const { exceptions, blocks } = status(now);
    expect(exceptions).toMatchObject([
      {
        ...{ name: 'short', ticket: 'CHG-7', owner: 'team-x', reason: 'because' },
        match: { access: 'write' },
        ...{ from: '2026-11-24T00:00:00.000Z', until: '2026-11-26T00:00:00.000Z' },
        state: exception,
      },
    ]);
    expect(blocks[0]?.state).toBe(block);
  });

  it.each([
    ['2027-03-23T23:59:59.999Z', false],
    ['2027-03-24T00:00:00Z', true],
  ])('says at %s whether a document has expired: %s', (now, expired) => {
    expect(status(now).rollout.expired).toBe(expired);
    expect(status(now).approved.expired).toBe(expired);
  });

  it.each([
    ['2026-11-25T02:59:59.999Z', false],
    ['2026-11-25T03:00:00Z', true],
  ])('says at %s whether an emergency is overdue: %s', (now, overdue) => {
    expect(status(now).emergency).toEqual({
      ...{ digest: someDigest('e'), author: 'erin', ticket: 'INC-1', overdue },
      ...{ since: '2026-11-24T03:00:00.000Z', reconcile_by: '2026-11-25T03:00:00.000Z' },
    });
    expect(status(now, { approved: running }).emergency).toBeNull();
  });

  it.each([
    ['2026-11-24T03:00:00Z', 0],
    ['2026-11-24T03:01:30Z', 90],
    // A clock that was set back.
    ['2026-11-23T03:00:00Z', 0],
  ])('says at %s for how many seconds it lags: %s', (now, seconds) => {
    expect(status(now).lag).toEqual({
      ...{ since: '2026-11-24T03:00:00.000Z', seconds },
      ...{ reason: 'bundle_not_on_shelf', message: 'not there' },
    });
    expect(status(now, { lag: undefined }).lag).toBeNull();
  });
});
