import { describe, expect, it } from 'vitest';
import { LogFacts, OTHER_CALLERS } from '../../../src/audit/log-facts.js';
import { EXCEPTION_USES_MAX, LOG_BAD_NAMED_MAX } from '../../../src/constants.js';
import { changeLine, useLine } from '../../support/audit-repository.js';
import { someDigest } from '../../support/rollouts.js';

const AT = '2026-11-20T10:00:00.000Z';
const SAID = { sequence: 1, digest: someDigest('1') };

function factsOf(lines: readonly string[], facts = new LogFacts()): LogFacts {
  for (const [i, text] of lines.entries()) facts.line('a.log', i + 1, text);
  return facts;
}

describe('lines of a log', () => {
  it.each([
    ['no JSON', '{', 'it is not JSON'],
    ['no object', '7', 'it is no object'],
    ['null', 'null', 'it is no object'],
    ['of another program', '{"level":"info"}', 'it is no line of cedargate'],
    ['with another type', '{"type":"audit"}', 'it is no line of cedargate'],
    ['of a later version', changeLine('a', AT, SAID, { schema_version: 2 }), '`schema_version`'],
    ['with no time', changeLine('a', 'yesterday', SAID), '`timestamp`'],
    [
      'with a digest that is none',
      changeLine('a', AT, { ...SAID, digest: 'x' }),
      '`rollout_digest`',
    ],
    ['with a number that is none', changeLine('a', AT, { ...SAID, sequence: 1.5 }), '`sequence`'],
    ['with another result', changeLine('a', AT, SAID, { result: 'maybe' }), '`result`'],
    ['with a workload that is none', changeLine('a', AT, SAID, { workload: 7 }), '`workload`'],
    ['that uses an exception in no mode', useLine(AT, 'a', 'maybe'), '`mode`'],
  ])('are bad and named: %s', (_what, text, why) => {
    const { bad, badLines, changes, lines } = factsOf(['', text]).account();
    expect({ bad, changes, lines }).toEqual({ bad: 1, changes: 0, lines: 1 });
    expect(badLines).toEqual([expect.stringContaining(`a.log:2: ${why}`)]);
  });

  it('are all accounted for, however many are bad', () => {
    const many = LOG_BAD_NAMED_MAX + 5;
    const facts = factsOf([
      ...Array.from({ length: many }, () => 'x'),
      changeLine('a', AT, SAID),
      '{"type":"program"}',
      '{"type":"decision","exception":null}',
      useLine(AT, 'a', 'enforce'),
    ]);
    const account = facts.account();
    expect(account).toMatchObject({ lines: many + 4, changes: 1, uses: 1, other: 2, bad: many });
    expect(account.badLines).toHaveLength(LOG_BAD_NAMED_MAX);
  });

  it('count once when two logs have the same change', () => {
    expect(factsOf([changeLine('a', AT, SAID), changeLine('a', AT, SAID)]).changes).toHaveLength(1);
  });

  it('of a version without rollouts are changes too', () => {
    const { rollout: _, rollout_digest: __, ...old } = JSON.parse(changeLine('a', AT, SAID));
    expect(factsOf([JSON.stringify(old)]).changes).toMatchObject([{ rollout: null, digest: null }]);
  });
});

describe('uses of exceptions', () => {
  it('are counted by caller, with first and last, whatever the order', () => {
    const [early, late] = ['2026-11-19T00:00:00.000Z', '2026-11-21T00:00:00.000Z'];
    const facts = factsOf([
      useLine(AT, 'a', 'enforce'),
      useLine(late, 'a', 'shadow'),
      useLine(early, 'a', 'enforce'),
      useLine(AT, null, 'enforce'),
    ]);
    const common = { environment: 'production', rollout: 'orders', exception: 'grant' };
    expect(facts.uses()).toEqual([
      { ...common, caller: 'a', allowed: 2, inShadow: 1, first: early, last: late },
      { ...common, caller: null, allowed: 1, inShadow: 0, first: AT, last: AT },
    ]);
  });

  it('outside the interval do not count, and its end lies outside', () => {
    const interval = { fromMs: Date.parse(AT), toMs: Date.parse(AT) + 1 };
    const facts = new LogFacts(interval);
    const times = [-1, 0, 1].map((ms) => new Date(Date.parse(AT) + ms).toISOString());
    factsOf(
      times.map((at) => useLine(at, 'a', 'enforce')),
      facts,
    );
    expect(facts.uses()).toMatchObject([{ allowed: 1 }]);
    expect(facts.account()).toMatchObject({ uses: 1, outside: 2 });
  });

  it('are kept for so many callers, and the rest in one row', () => {
    const facts = new LogFacts();
    for (let i = 0; i < EXCEPTION_USES_MAX + 3; i += 1) {
      facts.line('a', i, useLine(AT, `caller-${i}`, 'enforce'));
    }
    const uses = facts.uses();
    expect(uses).toHaveLength(EXCEPTION_USES_MAX + 1);
    expect(uses.find(({ caller }) => caller === OTHER_CALLERS)).toMatchObject({ allowed: 3 });
  });
});
