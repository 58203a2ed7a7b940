import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/bundle/types.js';
import {
  checkOrder,
  type Memory,
  NOTHING_SEEN,
  remember,
  takeInOrder,
} from '../../../src/rollout/order.js';
import type {
  VerifiedDocument,
  VerifiedEmergency,
  VerifiedRollout,
} from '../../../src/rollout/types.js';
import { someDigest, verifiedEmergency, verifiedRollout } from '../../support/rollouts.js';

const ROLLOUT = verifiedRollout();
const EMERGENCY = verifiedEmergency();

/** A digest of its own for each number and letter; the order of digests is never that of numbers. */
const digest = (sequence: number, letter: string): Digest =>
  `sha256:${99_999 - sequence}${`${sequence}`.padStart(58, '0')}${letter}`;

const rollout = (sequence: number, more: Partial<VerifiedRollout> = {}): VerifiedRollout => ({
  ...ROLLOUT,
  sequence,
  digest: digest(sequence, 'a'),
  ...more,
});

const emergency = (
  sequence: number,
  base: VerifiedRollout,
  more: Partial<VerifiedEmergency> = {},
): VerifiedEmergency => ({
  ...EMERGENCY,
  sequence,
  digest: digest(sequence, 'e'),
  base,
  ...more,
});

const seen = (...documents: readonly VerifiedDocument[]): Memory =>
  documents.reduce<Memory>((memory, document) => remember(document, memory), NOTHING_SEEN);

/** Code and message, digests shortened to their last two characters. */
function order(document: VerifiedDocument, memory: Memory, minSequence = 1): string | undefined {
  const found = checkOrder(document, memory, minSequence);
  return found && `${found.code}: ${found.message.replace(/sha256:\w{62}/g, '')}`;
}

const R41 = rollout(41);
const R42 = rollout(42);
const E43 = emergency(43, R42);

describe('a document', () => {
  it.each<[string, VerifiedDocument, Memory]>([
    ['the first one, of any number', rollout(9_000), NOTHING_SEEN],
    ['the first one, an emergency', E43, NOTHING_SEEN],
    ['the next one', R42, seen(R41)],
    ['one after a gap', rollout(1_041), seen(R41)],
    ['the newest one again', R42, seen(R42)],
    ['the newest one again, an emergency', E43, seen(R42, E43)],
    ['an emergency on the newest rollout', E43, seen(R42)],
    ['a second emergency on the same rollout', emergency(44, R42), seen(R42, E43)],
    ['an emergency on a rollout that was not seen', emergency(50, rollout(49)), seen(R42)],
    [
      'an emergency on a rollout that was not seen, after another emergency',
      emergency(50, rollout(49)),
      seen(R42, E43),
    ],
    ['a rollout that reconciles', rollout(44, { reconciles: [E43.digest] }), seen(R42, E43)],
    [
      'a later rollout that repeats what was reconciled',
      rollout(45, { reconciles: [someDigest('9'), E43.digest] }),
      seen(R42, E43),
    ],
  ])('is taken: %s', (_name, document, memory) => {
    expect(order(document, memory)).toBeUndefined();
  });

  it.each<[string, VerifiedDocument, Memory, string]>([
    [
      'it is older than what was seen',
      R41,
      seen(R42),
      'rollout_sequence: rollout 41 (`1a`) is older than rollout 42 (`2a`), which was seen before',
    ],
    [
      'it is the base of the emergency that was seen',
      R42,
      seen(E43),
      'rollout_sequence: rollout 42 (`2a`) is older than emergency 43 (`3e`), which was seen before',
    ],
    [
      'it has the number of another',
      rollout(42, { digest: digest(42, 'b') }),
      seen(R42),
      'rollout_sequence: rollout 42 (`2b`) has the number of rollout 42 (`2a`), which was seen before',
    ],
    [
      'it is an emergency with the number of a rollout',
      E43,
      seen(R42, rollout(43)),
      'rollout_sequence: emergency 43 (`3e`) has the number of rollout 43 (`3a`), which was seen before',
    ],
    [
      'it skips too far',
      rollout(1_043),
      seen(R42),
      'rollout_sequence: rollout 1043 (`3a`) is more than 1000 above 42, the newest seen before',
    ],
    [
      'it overtakes an emergency',
      rollout(44),
      seen(R42, E43),
      'emergency_unreconciled: rollout 44 (`4a`) would overtake emergency 43 (`3e`), which it does not list in `reconciles`',
    ],
    [
      'it reconciles another emergency than the newest',
      rollout(45, { reconciles: [E43.digest] }),
      seen(R42, E43, emergency(44, R42)),
      'emergency_unreconciled: rollout 45 (`5a`) would overtake emergency 44 (`4e`), which it does not list in `reconciles`',
    ],
    [
      'it is an emergency on an older rollout',
      emergency(43, R41),
      seen(R42),
      'rollout_sequence: emergency 43 (`3e`) stands on rollout 41 (`1a`), and rollout 42 (`2a`) came after that',
    ],
    [
      'it is an emergency on an older rollout than the emergency before',
      emergency(44, R41),
      seen(E43),
      'rollout_sequence: emergency 44 (`4e`) stands on rollout 41 (`1a`), and rollout 42 (`2a`) came after that',
    ],
    [
      'it is an emergency on another rollout of the same number',
      emergency(43, rollout(42, { digest: digest(42, 'b') })),
      seen(R42),
      'rollout_sequence: emergency 43 (`3e`) stands on rollout 42 (`2b`), which has the number of rollout 42 (`2a`), seen before',
    ],
  ])('is refused when %s', (_name, document, memory, expected) => {
    expect(order(document, memory)).toBe(expected);
  });

  it.each([R42, emergency(42, R41)])('is refused below the least sequence allowed', (document) => {
    const expected = 'rollout_sequence: sequence 42 is below the least one allowed, 43';
    expect(order(document, NOTHING_SEEN, 43)).toBe(expected);
    expect(order(document, seen(document), 43)).toBe(expected);
    expect(order(document, NOTHING_SEEN, 42)).toBeUndefined();
  });
});

describe('memory', () => {
  it('keeps the newest document and the newest rollout, which may be a base', () => {
    expect(seen(R42)).toEqual({ newest: R42, lastRollout: R42 });
    expect(seen(E43)).toEqual({ newest: E43, lastRollout: R42 });
    expect(seen(R41, E43)).toEqual({ newest: E43, lastRollout: R42 });
    const e50 = emergency(50, rollout(49));
    expect(seen(R42, E43, e50)).toEqual({ newest: e50, lastRollout: e50.base });
  });
});

describe('documents that are there at once', () => {
  const settle = (documents: readonly VerifiedDocument[], memory = NOTHING_SEEN) => {
    const { memory: after, refused } = takeInOrder(documents, memory, 1);
    const why = refused.map(({ document, problem }) => `${document.sequence}: ${problem.code}`);
    return [after.newest?.digest, ...why];
  };
  const inAnyOrder = (documents: readonly VerifiedDocument[], memory = NOTHING_SEEN) => {
    const outcomes = [documents, [...documents].reverse()].map((d) => settle(d, memory));
    expect(outcomes[1]).toEqual(outcomes[0]);
    return outcomes[0];
  };

  it('are taken from low to high', () => {
    expect(inAnyOrder([R42, E43])).toEqual([E43.digest]);
    expect(inAnyOrder([R41, R42, rollout(43)])).toEqual([rollout(43).digest]);
  });

  it('leave the emergency when a rollout would overtake it', () => {
    expect(inAnyOrder([E43, rollout(44)])).toEqual([E43.digest, '44: emergency_unreconciled']);
    const reconciling = rollout(44, { reconciles: [E43.digest] });
    expect(inAnyOrder([E43, reconciling])).toEqual([reconciling.digest]);
  });

  it('leave the rollout when an emergency stands on an older one', () => {
    const e45 = emergency(45, R42);
    expect(inAnyOrder([rollout(44), e45])).toEqual([rollout(44).digest, '45: rollout_sequence']);
  });

  it('are both refused when they have one number', () => {
    const two = [rollout(43), E43];
    const both = ['43: rollout_sequence', '43: rollout_sequence'];
    expect(inAnyOrder(two)).toEqual([undefined, ...both]);
    expect(inAnyOrder(two, seen(R42))).toEqual([R42.digest, ...both]);
  });

  it('leave the one of two with one number that was taken before', () => {
    const two = [rollout(43), E43];
    expect(inAnyOrder(two, seen(R42, E43))).toEqual([E43.digest, '43: rollout_sequence']);
    expect(inAnyOrder(two, seen(rollout(43)))).toEqual([
      rollout(43).digest,
      '43: rollout_sequence',
    ]);
  });

  it.each([
    ['the one with more approvals stays', ['bob', 'carol'], ['dan']],
    ['one of two with equally many stays, always the same', ['dan'], ['bob']],
  ])('are one when they are copies, and %s', (_which, stays, goes) => {
    const copies = [stays, goes].map((approvers) => ({ ...R42, approvers }));
    const emergencies = copies.map((base) => emergency(43, base));
    for (const [kept, lost] of [copies, emergencies]) {
      if (kept === undefined || lost === undefined) throw new Error('there are two of each');
      for (const documents of [
        [kept, lost],
        [lost, kept],
      ]) {
        const { memory, refused } = takeInOrder(documents, NOTHING_SEEN, 1);
        expect(memory.newest).toBe(kept);
        expect(refused).toEqual([]);
      }
    }
  });
});

/** A history as the command line writes it: `reconciles` repeats what was listed before. */
const histories = fc
  .array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 30 })), { minLength: 1, maxLength: 12 })
  .map((steps) => {
    const history: VerifiedDocument[] = [R42];
    let last = R42;
    let emergencies: readonly Digest[] = [];
    let sequence = 42;
    for (const [isEmergency, step] of steps) {
      sequence += step;
      if (isEmergency) {
        const next = emergency(sequence, last);
        emergencies = [...emergencies, next.digest];
        history.push(next);
      } else {
        last = rollout(sequence, { reconciles: emergencies });
        history.push(last);
      }
    }
    return history;
  });

describe('a history', () => {
  it('can be followed from any point to any later one, whatever was missed between', () => {
    fc.assert(
      fc.property(histories, fc.infiniteStream(fc.boolean()), (history, keep) => {
        let memory = NOTHING_SEEN;
        for (const document of history) {
          if (keep.next().value !== true) continue;
          expect(order(document, memory)).toBeUndefined();
          memory = remember(document, memory);
        }
      }),
    );
  });

  it('ends in the same document in whatever order its documents come', () => {
    const shuffled = histories.chain((history) =>
      fc.tuple(
        fc.constant(history),
        fc.shuffledSubarray(history, { minLength: history.length, maxLength: history.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([history, arriving]) => {
        let memory = NOTHING_SEEN;
        for (const document of arriving) {
          if (checkOrder(document, memory, 1) === undefined) memory = remember(document, memory);
        }
        expect(memory.newest).toBe(history.at(-1));
        expect(takeInOrder(arriving, NOTHING_SEEN, 1).memory.newest).toBe(history.at(-1));
      }),
    );
  });
});
