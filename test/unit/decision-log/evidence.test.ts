import { describe, expect, it } from 'vitest';
import type { CheckRecord } from '../../../src/check/types.js';
import { heldTo, isPlainAllow } from '../../../src/decision-log/evidence.js';
import { checkRecord, ROLLOUT, regime } from '../../support/check-records.js';

const REQUIRED = { regime: regime({ rollout: ROLLOUT, requireLog: true }) };
const FLIP = { decision: 'deny', flip: true } as NonNullable<CheckRecord['candidate']>;
const DENIED = { decision: 'deny', reason: 'no_permit', policies: [] } as const;

describe('a plain allow', () => {
  it.each<[string, Partial<CheckRecord>]>([
    ['in shadow', {}],
    ['enforced', { mode: 'enforce', slice: 'reads' }],
    ['held', { slice: 'partners', regime: regime({ rollout: ROLLOUT }) }],
  ])('is one more allow of a known class, %s', (_, changes) => {
    expect(isPlainAllow(checkRecord(changes), false)).toBe(true);
  });

  it.each<[string, Partial<CheckRecord>]>([
    ['a deny in shadow', { ...DENIED, wouldDeny: true }],
    ['a deny that is enforced', { ...DENIED, mode: 'enforce', outcome: 'deny' }],
    ['an error in shadow', { decision: 'error', reason: 'no_bundle' }],
    ['an allow that Envoy was not told', { outcome: 'fail' }],
    ['a value that was left out', { errors: [{ code: 'value_ignored', message: 'm' }] }],
    ['an exception that let it pass', { reason: 'exception', exception: 'refunds' }],
    ['a flip of the candidate', { candidate: FLIP }],
    ['a destination that requires the log', REQUIRED],
  ])('is not %s', (_, changes) => {
    expect(isPlainAllow(checkRecord(changes), false)).toBe(false);
  });

  it('is not the first of its class', () => {
    expect(isPlainAllow(checkRecord(), true)).toBe(false);
  });
});

describe('a line', () => {
  it.each<[Partial<CheckRecord>, boolean, string]>([
    [{}, false, 'caller'],
    [DENIED, false, 'caller'],
    [{ ...DENIED, reason: 'blocked', outcome: 'deny' }, false, 'caller'],
    [{ candidate: FLIP }, false, 'process'],
    [{}, true, 'neither'],
    [REQUIRED, false, 'neither'],
  ])('%o, new class %s, is held to: %s', (changes, firstSeen, held) => {
    expect(heldTo(checkRecord(changes), firstSeen)).toBe(held);
  });
});
