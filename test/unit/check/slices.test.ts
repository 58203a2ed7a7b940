import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Traits } from '../../../src/check/match.js';
import type { Clock, SliceSources } from '../../../src/check/slices.js';
import type { Match } from '../../../src/rollout/types.js';
import {
  block,
  callerOf,
  exception,
  ORDERS,
  PARTNER,
  REPORTS,
  slice,
  slices,
  traits,
} from '../../support/traits.js';

const at = (presentMs: number, latestMs = presentMs): Clock => ({ presentMs, latestMs });
const LIVE = at(1_500);

function standing(sources: Partial<SliceSources>, changes: Partial<Traits> = {}, clock = LIVE) {
  return slices(sources).standing(traits(changes), clock);
}

describe('where a request stands', () => {
  const [enforce, hold] = [[slice('reads', { access: 'read' })], [slice('partners')]];
  const blocks = [block()];

  it.each<[string, Partial<SliceSources>, object]>([
    ['in nothing', {}, { mode: 'shadow', slice: undefined, blocked: false }],
    ['enforced', { enforce }, { mode: 'enforce', slice: 'reads', blocked: false }],
    ['held', { hold }, { mode: 'shadow', slice: 'partners', blocked: false }],
    ['held and enforced', { enforce, hold }, { mode: 'shadow', slice: 'partners', blocked: false }],
    ['blocked', { blocks }, { mode: 'shadow', slice: 'abuse', blocked: true }],
    [
      'blocked and enforced',
      { blocks, enforce },
      { mode: 'enforce', slice: 'abuse', blocked: true },
    ],
    ['blocked and held', { blocks, hold }, { mode: 'shadow', slice: 'abuse', blocked: true }],
    ['in all', { blocks, hold, enforce }, { mode: 'shadow', slice: 'abuse', blocked: true }],
  ])('%s', (_, sources, expected) => {
    expect(standing(sources)).toEqual(expected);
  });

  it('names the first by name of several, whatever way they are found', () => {
    const mine = slice('b-mine', { callers: [ORDERS] });
    const [early, late] = [slice('a-reads', { access: 'read' }), slice('c-all')];
    expect(standing({ enforce: [late, mine] }).slice).toBe('b-mine');
    expect(standing({ enforce: [late, early, mine] }).slice).toBe('a-reads');
    const one = slice('d-one', { callers: [REPORTS, ORDERS] });
    expect(standing({ enforce: [one, mine] }).slice).toBe('b-mine');
  });
});

it('an entry that lists callers takes unreadable identities as well when it says so', () => {
  const match: Match = { callers: [REPORTS], unidentified: true };
  const nobody = { caller: undefined };
  expect(standing({ enforce: [slice('s', match)] }, nobody).mode).toBe('enforce');
  expect(standing({ blocks: [block({ match })] }, nobody).blocked).toBe(true);
  expect(standing({ enforce: [slice('s', { callers: [REPORTS] })] }, nobody).mode).toBe('shadow');
});

describe('what cannot be read', () => {
  const unreadable = { route: undefined, pathReadable: false };
  const match: Match = { routes: ['charge'] };

  it('is on every route of a block and an enforced slice, and on none of a hold or exception', () => {
    expect(standing({ enforce: [slice('s', match)] }, unreadable).mode).toBe('enforce');
    expect(standing({ blocks: [block({ match })] }, unreadable).blocked).toBe(true);
    expect(standing({ hold: [slice('h', match)] }, unreadable).slice).toBeUndefined();
    const excepting = slices({ exceptions: [exception({ match })] });
    expect(excepting.pass(traits(unreadable), false, LIVE)).toBeUndefined();
    expect(excepting.pass(traits({ route: 'charge' }), false, LIVE)?.name).toBe('refunds');
  });

  it('is the same for routes and tenants without a bundle', () => {
    for (const of of [match, { tenants: ['none'] }]) {
      const none = { tenants: undefined };
      expect(standing({ ...none, enforce: [slice('s', of)] }).mode).toBe('enforce');
      expect(standing({ ...none, blocks: [block({ match: of })] }).blocked).toBe(true);
      expect(standing({ ...none, hold: [slice('h', of)] }).slice).toBeUndefined();
      const excepting = slices({ ...none, exceptions: [exception({ match: of })] });
      expect(excepting.pass(traits(), false, LIVE)).toBeUndefined();
    }
  });
});

describe('the clock', () => {
  it.each([
    [at(999), false],
    [at(1_000), true],
    [at(1_999), true],
    [at(2_000), false],
    // A clock that was ahead for a while ends no block.
    [at(1_500, 3_000), true],
  ])('of a block: %j', (clock, blocked) => {
    expect(standing({ blocks: [block()] }, {}, clock).blocked).toBe(blocked);
  });

  it.each([
    [at(999), false],
    [at(1_000), true],
    [at(1_999), true],
    [at(2_000), false],
    // It begins by the present clock, and a clock that is set back brings none back.
    [at(999, 1_500), false],
    [at(1_500, 2_000), false],
    [at(1_500, 1_999), true],
  ])('of an exception: %j', (clock, live) => {
    const pass = slices({ exceptions: [exception()] }).pass(traits(), false, clock);
    expect(pass !== undefined).toBe(live);
  });
});

describe('exceptions', () => {
  const weak = exception({ name: 'a-weak' });
  const strong = exception({ name: 'b-strong', overrideForbid: true });

  it('speak for what nobody permits, the first by name', () => {
    expect(slices({ exceptions: [strong, weak] }).pass(traits(), false, LIVE)).toMatchObject({
      name: 'a-weak',
    });
  });

  it('speak for what is forbidden only when they say so', () => {
    expect(slices({ exceptions: [weak] }).pass(traits(), true, LIVE)).toBeUndefined();
    expect(slices({ exceptions: [strong, weak] }).pass(traits(), true, LIVE)).toMatchObject({
      name: 'b-strong',
    });
  });

  it('of other callers say nothing, however many there are', () => {
    const others = Array.from({ length: 1_000 }, (_, i) =>
      exception({ name: `e${i}`, match: { callers: [`spiffe://example.org/ns/n/sa/s${i}`] } }),
    );
    const mine = exception({ name: 'zz', match: { callers: [ORDERS] } });
    expect(slices({ exceptions: others }).pass(traits(), false, LIVE)).toBeUndefined();
    expect(slices({ exceptions: [...others, mine] }).pass(traits(), false, LIVE)?.name).toBe('zz');
  });
});

const some = <T>(...values: T[]) => fc.subarray(values, { minLength: 1 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const matches = fc
  .record({
    callers: maybe(some(ORDERS, REPORTS, 'anonymous', 'spiffe://partner.example/**')),
    namespaces: maybe(some('shop', 'finance')),
    tenants: maybe(some('red', 'blue')),
    destinations: maybe(some('shop/payments', 'shop/orders')),
    routes: maybe(some('refund', 'charge')),
    actions: maybe(some('GET', 'POST')),
    access: maybe(fc.constantFrom('read' as const, 'write' as const)),
    unidentified: maybe(fc.constant(true as const)),
  })
  .map((match) => {
    const given = Object.entries(match).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given) as Match;
  });
const widths = maybe(fc.integer({ min: 1, max: 99 }));
const requests = fc
  .record({
    caller: fc.constantFrom(ORDERS, REPORTS, PARTNER, 'anonymous', undefined).map(callerOf),
    action: fc.constantFrom('GET', 'POST', 'DELETE', undefined),
    access: fc.constantFrom('read' as const, 'write' as const, undefined),
    destination: fc.constantFrom('shop/payments', 'shop/orders'),
    route: fc.constantFrom('refund', 'charge', undefined),
    pathReadable: fc.boolean(),
  })
  .map(traits);
const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const lists = fc.uniqueArray(fc.record({ name: names, match: matches }), {
  selector: ({ name }) => name,
  maxLength: 5,
});
const documents = fc.record({
  enforce: lists.chain((list) =>
    fc.tuple(...list.map(() => widths)).map((percents) =>
      list.map(({ name, match }, i) => {
        const percent = percents[i];
        return { name, match: percent === undefined ? match : { ...match, percent } };
      }),
    ),
  ),
  hold: lists,
  exceptions: lists.map((list) => list.map((one) => exception(one))),
  blocks: lists.map((list) => list.map((one) => block(one))),
});
const bundles = fc.constantFrom({}, { tenants: undefined });

describe('whatever the rollout and the request', () => {
  const check = <T extends unknown[]>(property: fc.IProperty<T>, numRuns = 500) => {
    fc.assert(property, { numRuns });
  };

  it('the order of entries means nothing', () => {
    check(
      fc.property(documents, requests, bundles, fc.boolean(), (document, request, rest, forbid) => {
        const reversed = {
          enforce: [...document.enforce].reverse(),
          hold: [...document.hold].reverse(),
          exceptions: [...document.exceptions].reverse(),
          blocks: [...document.blocks].reverse(),
        };
        const [one, two] = [slices({ ...document, ...rest }), slices({ ...reversed, ...rest })];
        expect(two.standing(request, LIVE)).toEqual(one.standing(request, LIVE));
        expect(two.pass(request, forbid, LIVE)).toEqual(one.pass(request, forbid, LIVE));
      }),
    );
  });

  it('what was asked before means nothing: what is remembered is of such requests alone', () => {
    const asked = fc.array(requests, { minLength: 20, maxLength: 40 });
    check(
      fc.property(documents, asked, bundles, fc.boolean(), (document, all, rest, forbid) => {
        const shared = slices({ ...document, ...rest });
        for (const request of all) {
          const fresh = slices({ ...document, ...rest });
          expect(shared.standing(request, LIVE)).toEqual(fresh.standing(request, LIVE));
          expect(shared.pass(request, forbid, LIVE)).toEqual(fresh.pass(request, forbid, LIVE));
        }
      }),
      100,
    );
  });

  it('nobody escapes `enforce: [{match: {}}]` unless held', () => {
    check(
      fc.property(documents, requests, bundles, (document, request, rest) => {
        const enforce = [...document.enforce, slice('all')];
        const { mode } = slices({ ...document, ...rest, enforce }).standing(request, LIVE);
        const only = { enforce: [], blocks: [], exceptions: [] };
        const held = slices({ ...document, ...rest, ...only }).standing(request, LIVE);
        expect(mode).toBe(held.slice === undefined ? 'enforce' : 'shadow');
      }),
    );
  });

  it('`why` says of every entry, key by key, what `standing` and `pass` go by', () => {
    const clocks = fc.constantFrom(at(500), LIVE, at(1_500, 3_000), at(2_500));
    const whole = fc.tuple(documents, requests, bundles, clocks);
    check(
      fc.property(whole, fc.boolean(), ([document, request, rest, clock], forbidden) => {
        const strong = exception({
          name: 'strong',
          match: { access: 'read' },
          overrideForbid: true,
        });
        const exceptions = [...document.exceptions, strong];
        const rollout = slices({ ...document, ...rest, exceptions });
        const entries = rollout.why(request, clock);
        const those = (list: string) =>
          entries.filter((entry) => entry.list === list && entry.takes && entry.live);
        const [block, held, enforced] = ['blocks', 'hold', 'enforce'].map((list) => those(list)[0]);
        const enforcing = held === undefined && enforced !== undefined;
        expect(rollout.standing(request, clock)).toEqual({
          mode: enforcing ? 'enforce' : 'shadow',
          slice: (block ?? held ?? enforced)?.source.name,
          blocked: block !== undefined,
        });
        const over = those('exceptions').find(({ source }) => !forbidden || source === strong);
        expect(rollout.pass(request, forbidden, clock)?.name).toBe(over?.source.name);
        const all = Object.values(document).flat();
        expect(entries).toHaveLength(all.length + 1);
        for (const { source, keys, takes, list } of entries) {
          expect(keys.map(({ key }) => key).filter((key) => !(key in source.match))).toEqual([]);
          const unknown = list === 'enforce' || list === 'blocks' ? ['yes', 'unknown'] : ['yes'];
          expect(takes).toBe(keys.every(({ answer }) => unknown.includes(answer)));
        }
      }),
    );
  });

  it('a hold beats every enforced slice, and a block beats every hold', () => {
    check(
      fc.property(documents, requests, bundles, (document, request, rest) => {
        const hold = [...document.hold, slice('all')];
        const held = slices({ ...document, ...rest, hold, blocks: [] });
        expect(held.standing(request, LIVE)).toMatchObject({ mode: 'shadow', blocked: false });
        const blocks = [...document.blocks, block({ name: 'all' })];
        const blocked = slices({ ...document, ...rest, hold, blocks });
        expect(blocked.standing(request, LIVE)).toMatchObject({ blocked: true });
      }),
    );
  });

  it('a wider percentage keeps everybody inside', () => {
    check(
      fc.property(matches, requests, fc.integer({ min: 1, max: 98 }), (match, request, percent) => {
        const wide = slices({ enforce: [slice('s', { ...match, percent: percent + 1 })] });
        const narrow = slices({ enforce: [slice('s', { ...match, percent })] });
        if (narrow.standing(request, LIVE).mode === 'shadow') return;
        expect(wide.standing(request, LIVE).mode).toBe('enforce');
      }),
    );
  });

  it('what can be read less is enforced and blocked no less, and held and excepted no more', () => {
    check(
      fc.property(documents, requests, fc.boolean(), (document, request, alsoAction) => {
        const rollout = slices({ ...document, hold: [] });
        const unknown = alsoAction ? { action: undefined, access: undefined } : {};
        const garbled = { ...request, ...unknown, route: undefined, pathReadable: false };
        const [clear, dark] = [rollout.standing(request, LIVE), rollout.standing(garbled, LIVE)];
        if (clear.mode === 'enforce') expect(dark.mode).toBe('enforce');
        if (clear.blocked) expect(dark.blocked).toBe(true);
        if (rollout.pass(garbled, false, LIVE) !== undefined) {
          expect(rollout.pass(request, false, LIVE)).toBeDefined();
        }
      }),
    );
  });
});
