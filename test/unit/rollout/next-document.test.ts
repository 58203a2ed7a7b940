import { describe, expect, it } from 'vitest';
import { type NextDocument, nextDocument } from '../../../src/rollout/next-document.js';
import type { VerifiedDocument } from '../../../src/rollout/types.js';
import {
  ISSUED_AT,
  type RolloutOptions,
  rolloutPayload,
  someDigest,
  verifiedEmergency,
  verifiedRollout,
} from '../../support/rollouts.js';

/** A bundle that is called by one character. */
function bundle(name: string) {
  return { name: 'orders', version: '2026.11.3', digest: someDigest(name) };
}

function rollout(sequence: number, active: string, payload: RolloutOptions['payload'] = {}) {
  const resolved = { ...rolloutPayload().resolved, active: bundle(active) };
  return verifiedRollout({ payload: { sequence, resolved, superseded: [], ...payload } });
}

/** An emergency on the rollout before it. */
function emergency(base: ReturnType<typeof rollout>, sequence: number, revoke: string[] = []) {
  const made = verifiedEmergency({ base: base.bytes, payload: { sequence } });
  return { ...made, revoke: revoke.map(someDigest) };
}

function next(history: readonly VerifiedDocument[], more: Partial<NextDocument> = {}) {
  return nextDocument({
    history,
    source: verifiedRollout().source,
    sourceText: 'the text',
    active: bundle('f'),
    candidate: undefined,
    author: 'ada',
    trust: someDigest('7'),
    newSeed: 'new-seed',
    issuedAtMs: Date.parse(ISSUED_AT),
    evidence: undefined,
    revoke: [],
    reconcile: false,
    ...more,
  });
}

describe('the first document', () => {
  it('has the number 1, a new seed, and nothing before it', () => {
    expect(next([])).toMatchObject({
      ...{ sequence: 1, previous: null, seed: 'new-seed', superseded: [], revoked: [] },
      ...{ reconciles: [], evidence: null, issuedAt: ISSUED_AT, source: 'the text' },
      resolved: { active: bundle('f'), candidate: null, rollback: null },
    });
  });

  it('lives until 30 days after its review', () => {
    expect(next([]).expiresAt).toBe('2027-03-24T00:00:00.000Z');
  });
});

describe('a document after others', () => {
  const one = rollout(1, 'a');

  it('follows the newest, of either kind, and keeps the seed', () => {
    const open = emergency(one, 7);
    const { seed } = one;
    expect(next([one])).toMatchObject({ sequence: 2, previous: one.digest, seed });
    expect(next([one, open])).toMatchObject({ sequence: 8, previous: open.digest, seed });
  });

  it('supersedes what was active, once, and never what is active', () => {
    const two = rollout(2, 'b', { superseded: [someDigest('a')] });
    const digests = (active: string) => next([one, two], { active: bundle(active) }).superseded;
    expect(digests('f')).toEqual([someDigest('a'), someDigest('b')]);
    expect(digests('b')).toEqual([someDigest('a')]);
    expect(digests('a')).toEqual([someDigest('b')]);
    const again = rollout(3, 'a', { superseded: [someDigest('a'), someDigest('b')] });
    expect(next([one, two, again]).superseded).toEqual([someDigest('a'), someDigest('b')]);
  });

  it('supersedes what the base of an emergency ran', () => {
    expect(next([one, emergency(one, 2)]).superseded).toEqual([someDigest('a')]);
  });

  it('revokes what was revoked before, by a rollout or an emergency, and what is said now', () => {
    const two = rollout(2, 'a', { revoked: [someDigest('1')] });
    const open = emergency(two, 3, ['2']);
    const revoke = [someDigest('3'), someDigest('1')];
    expect(next([two], { revoke }).revoked).toEqual(['1', '3'].map(someDigest));
    expect(next([two, open], { revoke }).revoked).toEqual(['1', '2', '3'].map(someDigest));
  });

  it('takes over every emergency since the last rollout when it is told to, and no other', () => {
    const old = emergency(one, 2);
    const two = rollout(3, 'a', { reconciles: [someDigest('e')] });
    const [third, fourth] = [emergency(two, 4), emergency(two, 5)];
    const history = [one, old, two, third, fourth];
    expect(next(history).reconciles).toEqual([someDigest('e')]);
    expect(next(history, { reconcile: true }).reconciles).toEqual([
      someDigest('e'),
      third.digest,
      fourth.digest,
    ]);
    expect(next([one, emergency(one, 2)], { reconcile: true }).reconciles).toHaveLength(1);
  });
});

describe('the way back', () => {
  /** Bundles that were active in turn; the last one is to be. */
  const back = (actives: string, revoke: string[] = []) => {
    const [active = '', ...before] = [...actives].reverse();
    const history = before.reverse().map((each, i) => rollout(i + 1, each));
    const { resolved } = next(history, { active: bundle(active), revoke: revoke.map(someDigest) });
    return resolved.rollback?.digest.at(-1);
  };

  it.each([
    ['is none for the first', 'a', undefined],
    ['is none while the bundle stays', 'aa', undefined],
    ['is the bundle before', 'ab', 'a'],
    ['is not what stays the same', 'abb', 'a'],
    ['is not what was left by going back', 'aba', undefined],
    ['is what lies below what was gone back to', 'abcb', 'a'],
    ['counts again what was made active again', 'abcbc', 'b'],
    ['forgets all that was left at once', 'abcda', undefined],
  ])('%s: %s', (_what, actives, expected) => {
    expect(back(actives)).toBe(expected);
  });

  it('is never a revoked bundle', () => {
    expect(back('abc', ['b'])).toBe('a');
    expect(back('abc', ['a', 'b'])).toBeUndefined();
  });

  it('is not led astray by an emergency, whose base was counted already', () => {
    const one = rollout(1, 'a');
    const two = rollout(2, 'b');
    const { resolved } = next([one, two, emergency(two, 3)]);
    expect(resolved.rollback?.digest).toBe(someDigest('b'));
  });
});

describe('a document that follows some which do not count', () => {
  const first = rollout(1, 'a', { seed: '1'.repeat(32) });
  const more = { revoked: [someDigest('8')], reconciles: [someDigest('9')], seed: '2'.repeat(32) };
  const second = rollout(2, 'b', { superseded: [someDigest('5')], ...more });
  const third = rollout(3, 'b');
  const declared = emergency(third, 4, ['7']);
  const history = [first, second, third, declared];

  it('keeps their numbers, and what they revoked and took over', () => {
    expect(next(history, { counting: [], reconcile: true })).toMatchObject({
      ...{ sequence: 5, previous: declared.digest },
      revoked: [someDigest('8'), someDigest('7')],
      reconciles: [someDigest('9'), declared.digest],
    });
  });

  it('takes no bundle and no seed from them', () => {
    expect(next(history, { counting: [] })).toMatchObject({
      ...{ seed: 'new-seed', superseded: [], resolved: { rollback: null } },
    });
    expect(next(history, { counting: [first] })).toMatchObject({
      ...{ seed: first.seed, superseded: [someDigest('a')], resolved: { rollback: bundle('a') } },
    });
  });
});
