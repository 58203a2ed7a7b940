import { describe, expect, it } from 'vitest';
import { compareElsewhere } from '../../../src/rollout/elsewhere.js';
import type { VerifiedDocument } from '../../../src/rollout/types.js';
import { ordersBundle, sealNext, verified } from '../../support/change-repository.js';
import { verifiedEmergency, verifiedRollout } from '../../support/rollouts.js';

const BUNDLE = ordersBundle('2026.11.3');
const change = (ticket: string, reason: string) =>
  `{type: normal, ticket: ${ticket}, owner: team-orders, reason: ${reason}, reviewBy: 2027-02-22}`;

/** One document after the other, each with this list of slices, ticket and reason. */
function documents(...steps: (readonly [string, string, string])[]): VerifiedDocument[] {
  const made: VerifiedDocument[] = [];
  for (const [enforce, ticket, reason] of steps) {
    const source = { enforce, change: change(ticket, reason) };
    made.push(verified(sealNext(made, { active: BUNDLE, source, approvals: ['bob', 'carol'] })));
  }
  return made;
}

const READS = '[{name: reads, match: {access: read}}]';
const ALL = '[{name: reads, match: {}}]';

describe('the same rollout elsewhere', () => {
  it('differs by what one has and the other has not, with the change that made it so', () => {
    const here = documents(
      ['[]', 'CHG-1', 'first'],
      [READS, 'CHG-2', 'seen'],
      [READS, 'CHG-3', 'x'],
    );
    const there = documents(['[]', 'CHG-9', 'begun']);
    expect(compareElsewhere('test', there, here)).toMatchObject({
      ...{ environment: 'test', sequence: 1 },
      differences: [
        {
          change: { what: 'enforce', name: 'reads', from: null },
          here: { sequence: 2, ticket: 'CHG-2', owner: 'team-orders', reason: 'seen' },
          there: null,
        },
      ],
    });
  });

  it('says of what is not here which change took it away, and of both what each did', () => {
    const here = documents([READS, 'CHG-1', 'first'], ['[]', 'CHG-2', 'too early']);
    const there = documents([ALL, 'CHG-7', 'all of it']);
    expect(compareElsewhere('test', there, here)?.differences).toMatchObject([
      { change: { to: null }, here: { reason: 'too early' }, there: { reason: 'all of it' } },
    ]);
    const narrow = documents([READS, 'CHG-1', 'first']);
    expect(compareElsewhere('test', there, narrow)?.differences).toMatchObject([
      { change: { fields: ['match'] }, here: { ticket: 'CHG-1' }, there: { ticket: 'CHG-7' } },
    ]);
  });

  it('names an emergency by its ticket and who declared it, and gives it no reason', () => {
    const base = verifiedRollout();
    const emergency = verifiedEmergency();
    const found = compareElsewhere('test', [base], [base, emergency]);
    const { ticket, author, sequence } = emergency;
    const here = { sequence, ticket, owner: author, reason: null };
    expect(found?.differences.map((each) => each.here)).toContainEqual(here);
  });

  it('is the same where only dates and tickets differ, and nothing without documents', () => {
    const here = documents([READS, 'CHG-1', 'first']);
    const there = documents([READS, 'CHG-8', 'other']);
    expect(compareElsewhere('test', there, here)?.differences).toEqual([]);
    expect(compareElsewhere('test', [], here)).toBeUndefined();
  });
});
