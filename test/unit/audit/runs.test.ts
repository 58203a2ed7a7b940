import { describe, expect, it } from 'vitest';
import { LogFacts } from '../../../src/audit/log-facts.js';
import { runsOf } from '../../../src/audit/runs.js';
import { changeLine, ORDERS } from '../../support/audit-repository.js';
import { someDigest, verifiedRollout } from '../../support/rollouts.js';

const one = verifiedRollout({ payload: { sequence: 1 } });
const two = verifiedRollout({ payload: { sequence: 2 } });
const [T1, T2, T3] = ['10', '11', '12'].map((hour) => `2026-11-20T${hour}:00:00.000Z`) as [
  string,
  string,
  string,
];

function runs(...lines: readonly string[]) {
  const facts = new LogFacts();
  for (const [i, text] of lines.entries()) facts.line('a', i + 1, text);
  const { runs: found, contradictions } = runsOf(ORDERS, [one, two], facts.changes);
  return { one: found.get(one.digest), two: found.get(two.digest), contradictions };
}

describe('a document ran', () => {
  it('from its line to the next one of the workload, in whatever order the lines come', () => {
    expect(
      runs(changeLine('b', T2, one), changeLine('a', T2, two), changeLine('a', T1, one)),
    ).toEqual({
      one: [
        { workload: 'a', cluster: null, from: T1, until: T2, restarts: 0 },
        { workload: 'b', cluster: null, from: T2, until: null, restarts: 0 },
      ],
      two: [{ workload: 'a', cluster: null, from: T2, until: null, restarts: 0 }],
      contradictions: [],
    });
  });

  it('through restarts, which are counted', () => {
    const found = runs(
      changeLine('a', T1, one),
      changeLine('a', T2, one),
      changeLine('a', T3, two),
    );
    expect(found.one).toEqual([expect.objectContaining({ from: T1, until: T3, restarts: 1 })]);
  });

  it('in each of two clusters that have a workload of one name', () => {
    const there = { cluster: 'b' };
    const found = runs(changeLine('a', T1, one), changeLine('a', T2, two, there));
    expect(found.one).toEqual([expect.objectContaining({ until: null })]);
  });

  it('until the workload serves without a rollout', () => {
    const plain = { rollout: null };
    const found = runs(
      changeLine('a', T1, one),
      changeLine('a', T2, { sequence: null, digest: null }, plain),
    );
    expect(found.one).toEqual([expect.objectContaining({ until: T2 })]);
    expect(found.contradictions).toEqual([]);
  });

  it.each([
    ['was refused', { result: 'refused' }],
    ['is of another rollout', { rollout: 'payments' }],
    ['is of another environment', { environment: 'test' }],
  ])('not by a line that %s', (_what, more) => {
    const found = runs(changeLine('a', T1, one), changeLine('a', T2, two, more));
    expect(found.one).toEqual([expect.objectContaining({ until: null })]);
    expect(found.two).toBeUndefined();
    expect(found.contradictions).toEqual([]);
  });

  it.each([
    ['another digest under a number', { sequence: 2, digest: someDigest('9') }, 'another digest'],
    ['no digest', { sequence: 2, digest: null }, 'another digest'],
    [
      'a document that is not there',
      { sequence: 7, digest: someDigest('9') },
      'no verified document',
    ],
    ['a digest with another number', { sequence: 7, digest: two.digest }, 'digest of number 2'],
    ['its own digest with another number', { sequence: 2, digest: one.digest }, 'of number 1'],
  ])('until a line says %s, which contradicts the history', (_what, said, why) => {
    const found = runs(changeLine('a', T1, one), changeLine('a', T2, said));
    expect(found.one).toEqual([expect.objectContaining({ until: T2 })]);
    expect(found.two).toBeUndefined();
    expect(found.contradictions).toEqual([
      { source: 'a', at: T2, ...said, why: expect.stringContaining(why) },
    ]);
  });

  it('never before it was made, but for clocks that are a little apart', () => {
    const [apart, before] = ['2026-11-20T09:55:00.000Z', '2026-11-20T09:54:59.999Z'] as const;
    expect(runs(changeLine('a', apart, one)).one).toEqual([
      expect.objectContaining({ from: apart }),
    ]);
    expect(runs(changeLine('a', before, one))).toMatchObject({
      one: undefined,
      contradictions: [
        {
          at: before,
          why: 'it is dated before the document, which was made at 2026-11-20T10:00:00.000Z',
        },
      ],
    });
  });
});
