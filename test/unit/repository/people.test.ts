import { describe, expect, it } from 'vitest';
import { personWith } from '../../../src/repository/people.js';
import { KEYS, rolloutTrust } from '../../support/rollouts.js';

const [BEGIN, END] = ['2026-06-01T00:00:00Z', '2026-07-01T00:00:00Z'] as const;

/** Whose key `bob-1` is at this moment, or that it does not count. */
function bobAt(ms: number, ends: 'until' | 'retired') {
  const trust = rolloutTrust({ keys: { 'bob-1': [`from: ${BEGIN}`, `${ends}: ${END}`] } });
  const found = personWith(KEYS.bob.privateKey, 'approver', trust, ms);
  return found.ok ? found.value : found.problems[0].message;
}

describe('a key is that of its person', () => {
  const never = 'key `bob-1` of `bob` does not count now';

  it.each(['until', 'retired'] as const)('from its first moment, and not at `%s`', (ends) => {
    const [begin, end] = [BEGIN, END].map((text) => Date.parse(text)) as [number, number];
    expect([begin - 1, begin, end - 1, end].map((ms) => bobAt(ms, ends))).toEqual([
      ...[never, 'bob', 'bob', never],
    ]);
  });

  it('with the role that is asked for, and in nobody’s name who is not listed', () => {
    const of = (name: keyof typeof KEYS) => {
      const key = KEYS[name].privateKey;
      const found = personWith(key, 'author', rolloutTrust(), Date.parse(BEGIN));
      return found.ok ? found.value : found.problems[0].message;
    };
    expect([of('ada2'), of('bob'), of('mallory')]).toEqual([
      'ada',
      '`bob` does not have the role `author` in trust.yaml',
      'the key is that of nobody in trust.yaml',
    ]);
  });
});
