import { describe, expect, it } from 'vitest';
import { rulesWith, type TrustVersion } from '../../../src/repository/trust-history.js';
import { rolloutTrust, someDigest } from '../../support/rollouts.js';

const trust = rolloutTrust();

function version(name: string, sinceMs: number | null): TrustVersion {
  return { digest: someDigest(name), bytes: new Uint8Array(), trust, sinceMs };
}

/** Until when the version called `name` was in force; newest first. */
function until(name: string, ...versions: readonly TrustVersion[]) {
  return rulesWith({ versions }, someDigest(name))?.untilMs;
}

describe('rules were in force', () => {
  it('until the commit that replaced them', () => {
    expect(until('a', version('b', 20), version('a', 10))).toBe(20);
  });

  it('to the end of the last time that they were', () => {
    const all = [version('b', 40), version('a', 30), version('b', 20), version('a', 10)];
    expect(until('a', ...all)).toBe(40);
    expect(until('b', ...all)).toBe(Number.POSITIVE_INFINITY);
  });

  it('and still are, while what would replace them is not committed', () => {
    expect(until('a', version('b', null), version('a', 10))).toBe(Number.POSITIVE_INFINITY);
  });

  it('never, when no version has the digest, or it could not be read', () => {
    expect(until('c', version('a', 10))).toBeUndefined();
    expect(until('a', { ...version('a', 10), trust: undefined })).toBeUndefined();
  });
});
