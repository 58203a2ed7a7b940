import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { problem } from '../../../src/errors.js';
import {
  type Accepted,
  type AcceptRules,
  acceptDocuments,
  type JudgedFile,
} from '../../../src/reload/accept-documents.js';
import type { Memories, RolloutMemory } from '../../../src/reload/rollout-memory.js';
import { rolloutNameOf, rolloutOf } from '../../../src/reload/rollout-memory.js';
import { failed, ok } from '../../../src/result.js';
import type {
  VerifiedDocument,
  VerifiedEmergency,
  VerifiedRollout,
} from '../../../src/rollout/types.js';
import { type RolloutOptions, verifiedEmergency, verifiedRollout } from '../../support/rollouts.js';

const NOW = Date.parse('2026-11-25T00:00:00Z');
const AFTER_EXPIRY = Date.parse('2027-04-01T00:00:00Z');
const rules: AcceptRules = {
  ...{ minSequence: 0, service: undefined, refuseExpired: false, nowMs: NOW },
};

interface Changes extends RolloutOptions {
  readonly name?: string;
  readonly services?: readonly string[];
}

function options(sequence: number, changes: Changes = {}): RolloutOptions {
  const { name = 'orders', services = ['shop/orders'], payload, source, ...rest } = changes;
  const destinations = `[${services.map((service) => `{service: ${service}}`).join(', ')}]`;
  return {
    ...rest,
    source: { name, destinations, ...source },
    payload: { sequence, ...payload },
  };
}
const rollout = (sequence: number, changes: Changes = {}): VerifiedRollout =>
  verifiedRollout(options(sequence, changes));

function emergencyOn(base: VerifiedRollout, payload: object = {}): VerifiedEmergency {
  return verifiedEmergency({ base: base.bytes, payload });
}

const judged = (file: string, document: VerifiedDocument): JudgedFile => ({
  file,
  result: ok(document),
});
/** Files called 0.json, 1.json... */
const files = (...documents: readonly VerifiedDocument[]): JudgedFile[] =>
  documents.map((document, i) => judged(`${i}.json`, document));

/** Each of these was taken before, and runs. */
function seen(...documents: readonly VerifiedDocument[]): Memories {
  return new Map(
    documents.map((document): [string, RolloutMemory] => [
      rolloutNameOf(document),
      {
        newest: document,
        lastRollout: rolloutOf(document),
        running: {
          document,
          bundle: rolloutOf(document).resolved.active.digest,
          absence: 'no_bundle',
        },
      },
    ]),
  );
}
const NOTHING: Memories = new Map();

const sequences = ({ memories }: Accepted) =>
  Object.fromEntries([...memories].map(([name, { newest }]) => [name, newest.sequence]));
const refusals = ({ refusals: all }: Accepted) =>
  all.map(({ file, problems: [{ code }] }) => `${file} ${code}`).sort();

describe('documents that are mounted', () => {
  it('are taken in the order of their numbers, and the newest counts', () => {
    const [first, second] = [rollout(1), rollout(2)];
    const accepted = acceptDocuments(files(second, first), NOTHING, rules);
    expect(accepted.memories.get('orders')).toEqual({
      ...{ newest: second, lastRollout: second, running: undefined },
    });
    expect(accepted.refusals).toEqual([]);
  });

  it('of one rollout with one number are both refused, with what was there going on', () => {
    const [a, b] = [rollout(5, { payload: { seed: '0'.repeat(32) } }), rollout(5)];
    const before = seen(rollout(4));
    const accepted = acceptDocuments(files(a, b), before, rules);
    expect(accepted.memories).toEqual(before);
    expect(refusals(accepted)).toEqual(['0.json rollout_sequence', '1.json rollout_sequence']);
    expect(acceptDocuments(files(a, b), NOTHING, rules).memories.size).toBe(0);
  });

  it('leave the one that runs alone when another one has its number', () => {
    const [a, b] = [rollout(5, { payload: { seed: '0'.repeat(32) } }), rollout(5)];
    const accepted = acceptDocuments(files(a, b), seen(a), rules);
    expect(accepted.memories.get('orders')?.newest).toBe(a);
    expect(refusals(accepted)).toEqual(['1.json rollout_sequence']);
  });

  it('keep what runs when the same one is mounted again, and when one follows', () => {
    const [first, second] = [rollout(5), rollout(6)];
    const before = seen(first);
    expect(acceptDocuments(files(first), before, rules).memories).toEqual(before);
    const { memories } = acceptDocuments(files(second), before, rules);
    expect(memories.get('orders')).toEqual({
      ...before.get('orders'),
      newest: second,
      lastRollout: second,
    });
  });

  it('do not go back: an older one alone is refused', () => {
    const before = seen(rollout(5));
    const accepted = acceptDocuments(files(rollout(4)), before, rules);
    expect(accepted.memories).toEqual(before);
    expect(refusals(accepted)).toEqual(['0.json rollout_sequence']);
  });

  it('may lie beside their history, of which nothing is said', () => {
    const history = [rollout(3), rollout(4), rollout(5)];
    const accepted = acceptDocuments(files(...history), seen(rollout(5)), rules);
    expect(accepted.refusals).toEqual([]);
    expect(sequences(accepted)).toEqual({ orders: 5 });
    const next = acceptDocuments(files(...history, rollout(6)), seen(rollout(5)), rules);
    expect([sequences(next), next.refusals]).toEqual([{ orders: 6 }, []]);
  });

  it('stay below --min-sequence at the price of being refused, but for history', () => {
    const least = { ...rules, minSequence: 5 };
    const low = acceptDocuments(files(rollout(4)), NOTHING, least);
    expect([sequences(low), refusals(low)]).toEqual([{}, ['0.json rollout_sequence']]);
    const high = acceptDocuments(files(rollout(4), rollout(5)), NOTHING, least);
    expect([sequences(high), refusals(high)]).toEqual([{ orders: 5 }, []]);
  });

  it('are held against it also where a former process took them: nothing below runs', () => {
    const least = { ...rules, minSequence: 5 };
    const before = seen(rollout(4));
    for (const mounted of [[], files(rollout(4))]) {
      const accepted = acceptDocuments(mounted, before, least);
      expect([sequences(accepted), [...accepted.below.keys()]]).toEqual([{}, ['orders']]);
    }
    // What ran before goes on under a newer one that waits for its bundle.
    const next = acceptDocuments(files(rollout(5)), before, least);
    expect([sequences(next), next.below.size]).toEqual([{ orders: 5 }, 0]);
    expect(next.memories.get('orders')?.running).toBe(before.get('orders')?.running);
    expect(acceptDocuments([], seen(rollout(5)), least).below.size).toBe(0);
  });

  it('do not jump far ahead', () => {
    const accepted = acceptDocuments(files(rollout(1_006)), seen(rollout(5)), rules);
    expect(refusals(accepted)).toEqual(['0.json rollout_sequence']);
    expect(sequences(acceptDocuments(files(rollout(1_005)), seen(rollout(5)), rules))).toEqual({
      orders: 1_005,
    });
  });

  it('of another service are refused, and those of several that have ours are not', () => {
    const ours = { ...rules, service: 'shop/orders' };
    const foreign = acceptDocuments(files(rollout(1, { services: ['shop/cart'] })), NOTHING, ours);
    expect([sequences(foreign), refusals(foreign)]).toEqual([{}, ['0.json rollout_not_ours']]);
    const shared = rollout(1, { services: ['shop/cart', 'shop/orders'] });
    expect(sequences(acceptDocuments(files(shared), NOTHING, ours))).toEqual({ orders: 1 });
    expect(sequences(acceptDocuments(files(shared), NOTHING, rules))).toEqual({ orders: 1 });
  });

  it('that have expired are taken, unless trust says otherwise, and the running one stays anyway', () => {
    const late = { ...rules, nowMs: AFTER_EXPIRY };
    const strict = { ...late, refuseExpired: true };
    const [first, second] = [rollout(1), rollout(2)];
    expect(sequences(acceptDocuments(files(first), NOTHING, late))).toEqual({ orders: 1 });
    const refused = acceptDocuments(files(first), NOTHING, strict);
    expect([sequences(refused), refusals(refused)]).toEqual([{}, ['0.json rollout_expired']]);
    const known = acceptDocuments(files(first), seen(first), strict);
    expect([sequences(known), known.refusals]).toEqual([{ orders: 1 }, []]);
    expect(sequences(acceptDocuments(files(second), seen(first), strict))).toEqual({ orders: 1 });
  });

  it('leave the others alone when one of them is bad, and name its file', () => {
    const bad: JudgedFile = {
      file: 'bad.json',
      result: failed(problem('rollout_invalid', 'it is wrong', { file: 'bad.json' })),
    };
    const accepted = acceptDocuments([bad, judged('good.json', rollout(1))], NOTHING, rules);
    expect([sequences(accepted), refusals(accepted)]).toEqual([
      { orders: 1 },
      ['bad.json rollout_invalid'],
    ]);
  });
});

describe('an emergency', () => {
  it('is overtaken by nothing but what reconciles it', () => {
    const emergency = emergencyOn(rollout(5));
    const before = seen(emergency);
    const refused = acceptDocuments(files(rollout(7)), before, rules);
    expect(refusals(refused)).toEqual(['0.json emergency_unreconciled']);
    expect(refused.memories).toEqual(before);
    const over = rollout(7, { payload: { reconciles: [emergency.digest] } });
    expect(sequences(acceptDocuments(files(over), before, rules))).toEqual({ orders: 7 });
  });

  it('on an older base is refused, and so is one on another document with the same number', () => {
    const emergency = emergencyOn(rollout(4), { sequence: 6 });
    const older = acceptDocuments(files(emergency), seen(rollout(5)), rules);
    expect([sequences(older), refusals(older)]).toEqual([
      { orders: 5 },
      ['0.json rollout_sequence'],
    ]);
    const twin = emergencyOn(rollout(5, { payload: { seed: '0'.repeat(32) } }));
    expect(refusals(acceptDocuments(files(twin), seen(rollout(5)), rules))).toEqual([
      '0.json rollout_sequence',
    ]);
  });

  it('stands beside its base, stays when only the base is mounted, and brings its base along', () => {
    const base = rollout(5);
    const emergency = emergencyOn(base);
    const both = acceptDocuments(files(emergency, base), NOTHING, rules);
    expect([sequences(both), both.refusals]).toEqual([{ orders: 6 }, []]);
    const back = acceptDocuments(files(base), seen(emergency), rules);
    expect([sequences(back), refusals(back)]).toEqual([{ orders: 6 }, ['0.json rollout_sequence']]);
    const alone = acceptDocuments(files(emergency), NOTHING, rules).memories.get('orders');
    expect(alone?.lastRollout.digest).toBe(base.digest);
  });

  it('covers what its base covers', () => {
    const emergency = emergencyOn(rollout(1, { services: ['shop/cart'] }));
    const accepted = acceptDocuments(files(emergency), NOTHING, {
      ...rules,
      service: 'shop/orders',
    });
    expect(refusals(accepted)).toEqual(['0.json rollout_not_ours']);
  });
});

describe('several rollouts', () => {
  const a = (sequence: number, ...services: string[]) => rollout(sequence, { name: 'a', services });
  const b = (sequence: number, ...services: string[]) => rollout(sequence, { name: 'b', services });
  const c = (sequence: number, ...services: string[]) => rollout(sequence, { name: 'c', services });

  it('that cover one destination are both refused, and what runs is unharmed', () => {
    const mounted = files(a(2, 's/x'), b(1, 's/y', 's/x'));
    const fresh = acceptDocuments(mounted, NOTHING, rules);
    expect([sequences(fresh), refusals(fresh)]).toEqual([
      {},
      ['0.json rollout_conflict', '1.json rollout_conflict'],
    ]);
    expect(fresh.refusals[0]?.problems[0].message).toBe(
      'rollout `a` covers `s/x`, and so does `b`',
    );
    const before = seen(a(1, 's/x'));
    expect(acceptDocuments(mounted, before, rules).memories).toEqual(before);
    // Each is told once, however many destinations they share.
    const twice = acceptDocuments(files(a(2, 's/x', 's/y'), b(1, 's/y', 's/x')), NOTHING, rules);
    expect(refusals(twice)).toEqual(['0.json rollout_conflict', '1.json rollout_conflict']);
  });

  it('go on by themselves, however the others fare', () => {
    const mounted = files(a(2, 's/x'), b(1, 's/x'), c(3, 's/z'));
    expect(sequences(acceptDocuments(mounted, NOTHING, rules))).toEqual({ c: 3 });
  });

  it('go on when they are no longer mounted, until another one has their destination', () => {
    const before = seen(a(1, 's/x', 's/y'), b(1, 's/z'));
    expect(sequences(acceptDocuments([], before, rules))).toEqual({ a: 1, b: 1 });
    expect(sequences(acceptDocuments(files(c(1, 's/w')), before, rules))).toEqual({
      ...{ a: 1, b: 1, c: 1 },
    });
    expect(sequences(acceptDocuments(files(c(1, 's/y')), before, rules))).toEqual({ b: 1, c: 1 });
  });

  it('are not replaced by an older document under another name, which would be a replay', () => {
    const issued = (issuedAt: string) => ({ payload: { issuedAt } });
    const ruler = rollout(9, {
      name: 'a',
      services: ['s/x'],
      ...issued('2026-11-20T10:00:00.000Z'),
    });
    const before = seen(ruler);
    const old = rollout(50, {
      name: 'b',
      services: ['s/x'],
      ...issued('2026-11-20T09:59:59.999Z'),
    });
    const replayed = acceptDocuments(files(old), before, rules);
    expect(replayed.memories).toEqual(before);
    expect(refusals(replayed)).toEqual(['0.json rollout_sequence']);
    // Elsewhere it does no harm, and as young as the ruler's it is a hand-over.
    const elsewhere = rollout(50, {
      name: 'b',
      services: ['s/w'],
      ...issued('2026-11-20T09:00:00.000Z'),
    });
    expect(sequences(acceptDocuments(files(elsewhere), before, rules))).toEqual({ a: 9, b: 50 });
    const young = rollout(1, {
      name: 'b',
      services: ['s/x'],
      ...issued('2026-11-20T10:00:00.000Z'),
    });
    expect(sequences(acceptDocuments(files(young), before, rules))).toEqual({ b: 1 });
    // Nor by a rollout that is known elsewhere, which goes on there.
    const known = seen(ruler, rollout(49, { name: 'b', services: ['s/w'] }));
    const taking = acceptDocuments(
      files(rollout(49, { name: 'b', services: ['s/w'] }), old),
      known,
      rules,
    );
    expect(taking.memories).toEqual(known);
    expect(refusals(taking)).toEqual(['1.json rollout_sequence']);
    // Both mounted is a conflict, however old they are.
    const both = acceptDocuments(files(ruler, old), before, rules);
    expect(both.memories).toEqual(before);
    expect(refusals(both)).toEqual(['0.json rollout_conflict', '1.json rollout_conflict']);
  });

  it('may move to other destinations', () => {
    const accepted = acceptDocuments(files(a(2, 's/y')), seen(a(1, 's/x')), rules);
    expect(sequences(accepted)).toEqual({ a: 2 });
  });

  it('never end with one destination twice, also when one falls back to what another has taken over', () => {
    // a moves to s/y, where c is, and so it stays at s/x, which b has taken meanwhile.
    const before = seen(a(1, 's/x'));
    const accepted = acceptDocuments(files(a(2, 's/y'), b(1, 's/x'), c(1, 's/y')), before, rules);
    expect(accepted.memories).toEqual(before);
    expect(refusals(accepted)).toEqual([
      ...['0.json rollout_conflict', '1.json rollout_conflict', '2.json rollout_conflict'],
    ]);
  });

  it('may hand a destination over in one step', () => {
    const before = seen(a(1, 's/x', 's/y'), b(1, 's/z'));
    const mounted = files(a(2, 's/x'), b(2, 's/z', 's/y'));
    expect(sequences(acceptDocuments(mounted, before, rules))).toEqual({ a: 2, b: 2 });
  });
});

describe('the order of files', () => {
  const base = rollout(5);
  const emergency = emergencyOn(base);
  const services = [['shop/orders'], ['s/x'], ['s/x', 's/y'], ['s/y'], ['s/z']];
  const pool: readonly JudgedFile[] = [
    ...[base, emergency, rollout(3), rollout(6), rollout(2_000)],
    rollout(5, { payload: { seed: '0'.repeat(32) } }),
    rollout(7, { payload: { reconciles: [emergency.digest] } }),
    ...['a', 'b', 'c', 'd'].flatMap((name, i) =>
      [1, 2].map((sequence) =>
        rollout(sequence, { name, services: services[(i + sequence) % 5] ?? [] }),
      ),
    ),
  ].map((document, i) => judged(`${i}.json`, document));
  const before = seen(rollout(4), rollout(1, { name: 'a', services: ['s/y'] }));

  it('never matters', () => {
    const indices = fc.subarray([...pool.keys()], { minLength: 1 });
    const orders = indices.chain((some) =>
      fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length })),
    );
    fc.assert(
      fc.property(orders, fc.boolean(), (both, knows) => {
        const [one, other] = both.map((order) => {
          const mounted = order.map((i) => pool[i] as JudgedFile);
          return acceptDocuments(mounted, knows ? before : NOTHING, rules);
        });
        expect(other?.memories).toEqual(one?.memories);
        const told = (accepted: Accepted | undefined) =>
          accepted?.refusals.map(({ file, problems }) => `${file} ${problems[0].message}`).sort();
        expect(told(other)).toEqual(told(one));
        const covered = [...(one?.memories.values() ?? [])].flatMap(({ newest }) =>
          rolloutOf(newest).source.destinations.map(({ service }) => service),
        );
        expect(new Set(covered).size).toBe(covered.length);
      }),
    );
  });

  it('nor does it which of two copies of a document comes first', () => {
    const options = { source: {}, payload: { sequence: 9 } };
    const copies = [
      verifiedRollout({ ...options, approvals: 1 }),
      verifiedRollout({ ...options, approvals: 2 }),
    ];
    for (const order of [copies, copies.toReversed()]) {
      const { memories, refusals: all } = acceptDocuments(files(...order), NOTHING, rules);
      expect(all).toEqual([]);
      expect(rolloutOf(memories.get('orders')?.newest as VerifiedDocument).approvers).toEqual([
        ...['bob', 'carol'],
      ]);
    }
  });
});
