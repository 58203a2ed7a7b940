import { describe, expect, it } from 'vitest';
import {
  CLAIMS,
  type Claim,
  judgeKill,
  judgeSwapCost,
  judgeSwapTaken,
  Observations,
  type SwapReports,
} from '../../../demo/observe.js';
import type { LoadReport } from '../../support/load.js';

const OLD = '1.0.0+aaaaaaaaaaaa.unsigned';
const NEW = '1.1.0+bbbbbbbbbbbb.unsigned';
const claims = Object.keys(CLAIMS) as Claim[];

/** A report of `versions` answers by stamp, all 200 unless `failed` says how many were not. */
function report(versions: Readonly<Record<string, number>>, failed = 0): LoadReport {
  const counts = new Map(Object.entries(versions));
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const byStatus = new Map<number | string, number>([[200, total - failed]]);
  if (failed > 0) byStatus.set(503, failed);
  return { total, byStatus, byVersion: counts, versions: [...counts.keys()], slowestMs: 5 };
}

describe('the verdict of the demo', () => {
  function allBut(left: Claim | undefined): Observations {
    const observations = new Observations();
    for (const claim of claims) if (claim !== left) observations.record(claim, true, 'seen');
    return observations;
  }

  it('misses nothing when every claim was observed', () => {
    expect(allBut(undefined).missing()).toEqual([]);
  });

  it.each(claims)('names `%s` when it was never reached', (claim) => {
    expect(allBut(claim).missing()).toEqual([`${CLAIMS[claim]} (not reached)`]);
  });

  it.each(claims)('names `%s` with its evidence when it was not seen', (claim) => {
    const observations = allBut(claim);
    observations.record(claim, false, '3 failed');
    expect(observations.missing()).toEqual([`${CLAIMS[claim]} (3 failed)`]);
  });

  it('does not let a later success cover an earlier failure', () => {
    const observations = allBut(undefined);
    observations.record('enforceDenies', false, 'status 200');
    observations.record('enforceDenies', true, 'status 403');
    expect(observations.missing()).toEqual([`${CLAIMS.enforceDenies} (status 200)`]);
  });

  it('misses everything at the start', () => {
    expect(new Observations().missing()).toHaveLength(claims.length);
  });
});

describe('killing the sidecar', () => {
  const cases: readonly [string, LoadReport, LoadReport, boolean][] = [
    [
      'stamped, then unstamped, none failed',
      report({ [OLD]: 9 }),
      report({ [OLD]: 9, '(none)': 7 }),
      true,
    ],
    ['one request failed', report({ [OLD]: 9 }), report({ [OLD]: 9, '(none)': 7 }, 1), false],
    ['the sidecar never was away', report({ [OLD]: 9 }), report({ [OLD]: 20 }), false],
    [
      'the sidecar had not decided before',
      report({ '(none)': 9 }),
      report({ '(none)': 20 }),
      false,
    ],
    ['no request after the kill', report({ [OLD]: 9 }), report({ [OLD]: 9 }), false],
    [
      'unstamped only before the kill',
      report({ [OLD]: 9, '(none)': 1 }),
      report({ [OLD]: 30, '(none)': 1 }),
      false,
    ],
  ];
  it.each(cases)('%s', (_, atKill, beforeRestart, seen) => {
    expect(judgeKill(atKill, beforeRestart).seen).toBe(seen);
  });
});

describe('swapping the policies under load', () => {
  const versions = { from: OLD, to: NEW };
  const good: SwapReports = {
    before: report({ [OLD]: 50 }),
    first: report({ [OLD]: 60, [NEW]: 1 }),
    end: report({ [OLD]: 63, [NEW]: 200 }),
    firstMs: 120,
    connections: 4,
  };

  it('is taken when the new version follows the old one', () => {
    const { seen, evidence } = judgeSwapTaken(good, versions);
    expect(seen).toBe(true);
    expect(evidence).toContain('120 ms');
  });

  const faults: readonly [string, Partial<SwapReports>][] = [
    ['the new version never came', { first: report({ [OLD]: 60 }), end: report({ [OLD]: 200 }) }],
    ['the old version came back', { end: report({ [OLD]: 65, [NEW]: 200 }) }],
    ['only one answer carried it', { end: report({ [OLD]: 63, [NEW]: 1 }) }],
    ['the new version was there before', { before: report({ [OLD]: 50, [NEW]: 1 }) }],
    ['the old version was never seen', { before: report({}) }],
  ];
  it.each(faults)('is not taken when %s', (_, fault) => {
    expect(judgeSwapTaken({ ...good, ...fault }, versions).seen).toBe(false);
  });

  it('is not taken when both versions are the same', () => {
    expect(judgeSwapTaken(good, { from: OLD, to: OLD }).seen).toBe(false);
  });

  it('costs nothing when every request succeeded and was decided', () => {
    expect(judgeSwapCost(good.end).seen).toBe(true);
  });

  it.each([
    ['a request failed', report({ [OLD]: 60, [NEW]: 200 }, 1)],
    ['a request went undecided', report({ [OLD]: 60, [NEW]: 200, '(none)': 1 })],
    ['there was no request', report({})],
  ])('does cost when %s', (_, end) => {
    expect(judgeSwapCost(end).seen).toBe(false);
  });
});
