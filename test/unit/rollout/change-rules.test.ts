import { describe, expect, it } from 'vitest';
import { type Change, changeProblems } from '../../../src/rollout/change-rules.js';
import {
  ACTIVE,
  CANDIDATE,
  ISSUED_AT,
  ROLLBACK,
  rolloutPayload,
  rolloutTrust,
  someDigest,
  verifiedEmergency,
  verifiedRollout,
} from '../../support/rollouts.js';

const NOW = Date.parse(ISSUED_AT);
const HOUR = 3_600_000;
const STAGED = rolloutTrust({
  more: 'environments: [{name: test}, {name: staging, after: test}, {name: production, after: test, soak: 24h}]\n',
});
const NEW = { name: 'orders', version: '2026.11.3', digest: someDigest('f') };
const resolved = { ...rolloutPayload().resolved, active: NEW };
/** As the other documents of this rollout, with a bundle that was never here. */
const FRESH = rolloutPayload({ payload: { resolved } });

const NEWEST = verifiedRollout({ payload: { sequence: 41 } });

function refused(change: Partial<Change>): string[] {
  const whole: Change = {
    payload: FRESH,
    newest: NEWEST,
    counting: 'newest' in change ? change.newest : NEWEST,
    trust: rolloutTrust(),
    nowMs: NOW,
    from: undefined,
    ...change,
  };
  return changeProblems(whole).map(({ code, message }) => `${code}: ${message}`);
}

function seenInTest(more: Partial<NonNullable<Change['from']>> = {}): Change['from'] {
  return { environment: 'test', activeSinceMs: NOW - 24 * HOUR, revoked: new Set(), ...more };
}

describe('a bundle comes to an environment', () => {
  it('from anywhere, where trust.yaml says nothing of environments', () => {
    expect(refused({})).toEqual([]);
    expect(refused({ newest: undefined })).toEqual([]);
  });

  it('from the one before, after it was active there for the soak time', () => {
    expect(refused({ trust: STAGED, from: seenInTest() })).toEqual([]);
    expect(
      refused({ trust: STAGED, from: seenInTest({ activeSinceMs: NOW - 24 * HOUR + 1 }) }),
    ).toEqual([
      'change_refused: the bundle has not been active in `test` for long enough: until 2026-11-20T10:00:00.001Z',
    ]);
  });

  it('at once from the one before, where there is no soak time', () => {
    const payload = { ...FRESH, environment: 'staging' };
    const from = seenInTest({ activeSinceMs: NOW });
    expect(refused({ trust: STAGED, payload, from })).toEqual([]);
  });

  it.each([
    ['without --from', undefined, 'bundles come to `production` from `test`'],
    ['from another one', seenInTest({ environment: 'staging' }), 'come to `production` from'],
    ['when it is not active there', seenInTest({ activeSinceMs: undefined }), 'is not the active'],
    [
      'when it is revoked there',
      seenInTest({ revoked: new Set([NEW.digest]) }),
      'revoked in `test`',
    ],
  ])('not %s', (_how, from, message) => {
    expect(refused({ trust: STAGED, from })).toEqual([expect.stringContaining(message)]);
  });

  it('not when trust.yaml has others, and not this one', () => {
    const payload = { ...FRESH, environment: 'elsewhere' };
    expect(refused({ trust: STAGED, payload, from: seenInTest() })).toEqual([
      'change_refused: trust.yaml has no environment `elsewhere`',
    ]);
  });

  it('freely, where none comes before it', () => {
    expect(refused({ trust: STAGED, payload: { ...FRESH, environment: 'test' } })).toEqual([]);
  });

  it.each([
    ['is active here', ACTIVE],
    ['is the way back', ROLLBACK],
    ['was active here once', someDigest('e')],
  ])('without --from when it %s already, also under an emergency', (_what, digest) => {
    const before = { payload: { sequence: 41, superseded: [someDigest('e')] } };
    const newest = verifiedRollout(before);
    const emergency = verifiedEmergency();
    const active = { ...NEW, digest };
    const payload = rolloutPayload({ payload: { resolved: { ...resolved, active } } });
    expect(refused({ trust: STAGED, payload, newest })).toEqual([]);
    const over = { ...emergency, base: newest };
    const taking = { ...payload, reconciles: [emergency.digest] };
    expect(refused({ trust: STAGED, payload: taking, newest: over })).toEqual([]);
  });

  it('with its rules for the first document, too', () => {
    expect(refused({ trust: STAGED, newest: undefined })).toEqual([
      expect.stringContaining('bundles come to `production` from `test`'),
    ]);
  });
});

describe('a change is refused', () => {
  it('when it overtakes an emergency, and not when it takes it over', () => {
    const newest = verifiedEmergency();
    expect(refused({ newest })).toEqual([
      'emergency_unreconciled: emergency 43 (INC-7) is open, to be reconciled by 2026-11-22T03:00:00.000Z',
    ]);
    const payload = { ...FRESH, reconciles: [newest.digest] };
    expect(refused({ newest, payload })).toEqual([]);
    const other = { ...FRESH, reconciles: [someDigest('e')] };
    expect(refused({ newest, payload: other })).toHaveLength(1);
  });

  it.each([
    ['active bundle', NEW.digest, 'orders@2026.11.3'],
    ['candidate', CANDIDATE, 'orders@2026.11.4'],
  ])('when its %s is revoked', (_role, digest, name) => {
    const candidate = { name: 'orders', version: '2026.11.4', digest: CANDIDATE };
    const payload = { ...FRESH, resolved: { ...resolved, candidate }, revoked: [digest] };
    expect(refused({ payload })).toEqual([`change_refused: \`${name}\` is revoked`]);
    expect(refused({ payload: { ...payload, revoked: [ROLLBACK] } })).toEqual([]);
  });

  it('when it would have expired already', () => {
    const nowMs = Date.parse(FRESH.expiresAt);
    expect(refused({ nowMs: nowMs - 1 })).toEqual([]);
    expect(refused({ nowMs })).toEqual([
      'change_refused: the document would have expired already, at 2027-03-24T00:00:00.000Z',
    ]);
  });

  it('when it is dated before the rollout before it, whatever an emergency says', () => {
    const payload = { ...FRESH, issuedAt: '2026-11-20T09:59:59.999Z' };
    const message =
      'change_refused: it is dated 2026-11-20T09:59:59.999Z, and document 42 was made at 2026-11-20T10:00:00.000Z';
    expect(refused({ payload, newest: verifiedRollout() })).toEqual([message]);
    const newest = verifiedEmergency();
    const taking = { ...FRESH, reconciles: [newest.digest] };
    expect(refused({ payload: taking, newest })).toEqual([]);
    expect(refused({ payload: { ...payload, reconciles: [newest.digest] }, newest })).toEqual([
      message,
    ]);
  });
});
