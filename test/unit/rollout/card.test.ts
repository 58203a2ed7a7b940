import { describe, expect, it } from 'vitest';
import { type Before, type CardInput, makeCard } from '../../../src/rollout/card.js';
import type { VerifiedDocument } from '../../../src/rollout/types.js';
import { examineRollout } from '../../../src/rollout/verify.js';
import { resultValue } from '../../support/result.js';
import {
  ACTIVE,
  BY,
  CANDIDATE,
  makeRollout,
  ROLLBACK,
  type RolloutOptions,
  rolloutPayload,
  rolloutTrust,
  someDigest,
  verifiedEmergency,
  verifiedRollout,
} from '../../support/rollouts.js';

function cardOf(options: RolloutOptions, more: Partial<CardInput> = {}) {
  const trust = more.trust ?? BY.trust;
  const by = { ...BY, trust };
  const rollout = resultValue(examineRollout(makeRollout(options), 'r.json', by));
  return makeCard({
    file: 'r.json',
    examined: { kind: 'rollout', rollout },
    before: { kind: 'nothing' },
    overtakenBy: undefined,
    trust,
    bundle: () => ({ file: null, why: 'gone' }),
    environments: undefined,
    elsewhere: [],
    evidence: undefined,
    nowMs: Date.parse('2026-11-21T00:00:00Z'),
    ...more,
  });
}

const follows = (document: VerifiedDocument): Partial<CardInput> => ({
  before: { kind: 'document', document, approved: true } satisfies Before,
});
const NOTHING = verifiedRollout({ source: { enforce: '[]' } });

function means(source: NonNullable<RolloutOptions['source']>, before = NOTHING) {
  return cardOf({ source, approvals: 0 }, follows(before)).means;
}

describe('a card says what is enforced', () => {
  it('in one sentence where there is one slice', () => {
    const enforce = '[{name: reads, match: {actions: [GET]}}]';
    expect(means({ enforce })).toEqual([
      'From now on GET requests of all callers to shop/orders are enforced with orders@2026.11.3; everything else stays in shadow.',
    ]);
  });

  it('without a rest where it is everything', () => {
    expect(means({ enforce: '[{name: all, match: {}}]' })).toEqual([
      'From now on all requests of all callers to shop/orders are enforced with orders@2026.11.3.',
    ]);
  });

  it('one by one where there are more, and which were there before', () => {
    const before = verifiedRollout({ source: { enforce: '[{name: a, match: {access: read}}]' } });
    const enforce = '[{name: a, match: {access: read}}, {name: b, match: {routes: [x]}}]';
    expect(means({ enforce }, before)).toEqual([
      'As before, reading requests of all callers to shop/orders are enforced with orders@2026.11.3 (slice `a`).',
      'From now on all requests of all callers to shop/orders on route x are enforced with orders@2026.11.3 (slice `b`).',
      'Everything else stays in shadow.',
    ]);
  });

  it('and that nothing is, any more', () => {
    const [never] = means({ enforce: '[]' });
    expect(never).toMatch(/^Nothing is enforced: requests to shop\/orders are decided by orders@/);
    const [anyMore] = means({ enforce: '[]' }, verifiedRollout());
    expect(anyMore).toMatch(/^From now on nothing is enforced/);
  });

  it('with holds, blocks, exceptions, the candidate and faults', () => {
    const entry =
      'ticket: INC-5, owner: team-sre, reason: abuse, match: {callers: [anonymous]}, from: 2026-11-20T00:00:00Z, until: 2026-11-22T00:00:00Z';
    const said = means({
      candidate: 'orders@2026.11.4',
      destinations: '[{service: shop/orders, onFault: allow}]',
      hold: '[{name: partners, match: {trustDomains: [partner.example]}}]',
      blocks: `[{name: scraper, ${entry}}]`,
      exceptions: `[{name: pass, overrideForbid: true, ${entry}}]`,
    });
    const span = 'From 2026-11-20T00:00:00.000Z until 2026-11-22T00:00:00.000Z';
    expect(said).toEqual(
      expect.arrayContaining([
        'Whatever is enforced, all requests of callers of trust domain partner.example to shop/orders stay in shadow (hold `partners`).',
        `${span}, all requests of anonymous to shop/orders are denied, in shadow too (block \`scraper\`, INC-5, team-sre: abuse).`,
        `${span}, all requests of anonymous to shop/orders are let through where the policies deny them, also where a forbid applies (exception \`pass\`, INC-5, team-sre: abuse).`,
        'orders@2026.11.4 is decided beside it on every request, and never enforced.',
        'Where cedargate cannot decide, requests to shop/orders that are enforced are let through.',
      ]),
    );
  });

  it('that a bundle stops, and once only', () => {
    const revoked = { payload: { revoked: [someDigest('d')] } };
    expect(cardOf(revoked, follows(NOTHING)).means.at(-1)).toBe(
      `The bundle \`${someDigest('d')}\` is revoked: it stops at once, wherever it runs.`,
    );
    const again = cardOf(revoked, follows(verifiedRollout(revoked))).means;
    expect(again.join()).not.toContain('revoked');
  });

  it('that no bundle runs', () => {
    const { means: said } = cardOf({ payload: { revoked: [ACTIVE, ROLLBACK] } });
    expect(said[0]).toMatch(/^No bundle runs/);
  });
});

describe('a card of an emergency', () => {
  const emergency = verifiedEmergency({ payload: { rollback: true, revoke: [CANDIDATE] } });
  const card = cardOf(
    {},
    { examined: { kind: 'emergency', emergency }, ...follows(emergency.base) },
  );

  it('says what it does, by whom, and that nobody approved it', () => {
    expect(card.means[0]).toBe(
      `This is an emergency, signed by one person: it puts everything that is enforced back into shadow, goes back to the bundle before and revokes ${CANDIDATE}, until a later document takes it over, which is due by 2026-11-22T03:00:00.000Z.`,
    );
    expect(card).toMatchObject({
      status: 'emergency',
      author: { id: 'erin' },
      ticket: { id: 'INC-7' },
      reason: null,
      impact: null,
      approvals: [],
      needed: [],
      reconcileBy: '2026-11-22T03:00:00.000Z',
      bundles: { active: { digest: ROLLBACK } },
    });
  });

  it('is left by a document that takes it over', () => {
    expect(card.back.map(({ argv }) => argv.slice(0, 8).join(' '))).toEqual([
      'cedargate promote orders --environment production --bundle orders@2026.11.2 --reconcile',
    ]);
  });
});

describe('a card tells approvals', () => {
  it('that count as facts, and of the others why they do not', () => {
    const { approvals } = cardOf({
      approvals: ['bob', 'ada2', 'mallory'],
      statement: { comment: 'fine' },
    });
    const told = approvals.map(({ person, counts, comment, signedAt, why }) => {
      return [person?.id ?? null, counts, comment, signedAt === null, why];
    });
    expect(told).toHaveLength(3);
    expect(told).toEqual(
      expect.arrayContaining([
        ['bob', true, 'fine', false, null],
        ['ada', false, null, true, '`ada` is the author, and never approves'],
        [null, false, null, true, expect.stringContaining('verifies with no key')],
      ]),
    );
  });

  it('that are needed, of whom, as a whole and by destination', () => {
    const source = { destinations: '[{service: shop/payments}]' };
    const { needed, impact, status } = cardOf({ source, approvals: ['bob'] });
    expect(status).toBe('waiting');
    expect(impact).toEqual({ impact: 'high', because: ['`shop/payments` is of high impact'] });
    expect(needed).toEqual([
      { destination: null, people: 2, got: 1, missing: 1, from: ['carol', 'dan'] },
      { destination: 'shop/payments', people: 2, got: 1, missing: 1, from: ['carol', 'dan'] },
    ]);
  });

  it('and asks nobody once they are enough', () => {
    expect(cardOf({}).needed).toEqual([
      { destination: null, people: 1, got: 1, missing: 0, from: [] },
    ]);
    expect(cardOf({}).status).toBe('approved');
  });
});

describe('a card names', () => {
  it('the destinations that begin to be enforced', () => {
    const destinations = '[{service: shop/orders}, {service: shop/carts}]';
    const enforce = '[{name: reads, match: {access: read, destinations: [shop/carts]}}]';
    const more = { source: { destinations, enforce } };
    expect(cardOf(more, follows(NOTHING)).firstEnforced).toEqual(['shop/carts']);
    expect(cardOf(more, follows(verifiedRollout(more))).firstEnforced).toEqual([]);
    expect(cardOf({ source: { enforce: '[]' } }).firstEnforced).toEqual([]);
  });

  it('where the ticket is, as trust.yaml says', () => {
    const trust = rolloutTrust({ limits: '{ticketUrl: "https://t.example/{ticket}"}' });
    const change = '{type: normal, ticket: a/b c, owner: t, reason: r, reviewBy: 2027-02-22}';
    expect(cardOf({ source: { change } }, { trust }).ticket).toEqual({
      id: 'a/b c',
      url: 'https://t.example/a%2Fb%20c',
    });
    expect(cardOf({}).ticket.url).toBeNull();
  });

  it('whether it has expired', () => {
    const end = Date.parse('2027-03-24T00:00:00.000Z');
    expect([end - 1, end].map((nowMs) => cardOf({}, { nowMs }).expired)).toEqual([false, true]);
  });

  it('no changes where the document before is not known, and why', () => {
    const card = cardOf({}, { before: { kind: 'unknown', why: 'it is lost' } });
    expect([card.changes, card.notCompared]).toEqual([null, 'it is lost']);
  });

  it('the comparison of bundles where both are at hand', () => {
    const older = { ...rolloutPayload().resolved.active, digest: someDigest('f') };
    const before = verifiedRollout({
      payload: { resolved: { active: older, candidate: null, rollback: null } },
    });
    const diffs = (gone: string) =>
      cardOf(
        {},
        {
          ...follows(before),
          bundle: (digest) => ({ file: digest === gone ? null : `${digest}.tar.gz`, why: null }),
        },
      )
        .check.filter(({ argv }) => argv[2] === 'diff')
        .map(({ argv }) => argv.slice(3));
    expect(diffs('')).toEqual([[`${older.digest}.tar.gz`, `${ACTIVE}.tar.gz`]]);
    expect([diffs(ACTIVE), diffs(older.digest)]).toEqual([[], []]);
  });
});

describe('the way back', () => {
  const back = (options: RolloutOptions, before: VerifiedDocument) =>
    cardOf(options, follows(before)).back.map(({ argv }) => argv.slice(1).join(' '));
  const tail = '--ticket CHG-1041 --reason back from 42 --key KEY';

  it('of another bundle is a rollback', () => {
    const { resolved } = rolloutPayload();
    const other = { ...resolved, active: { ...resolved.active, digest: ROLLBACK } };
    const before = verifiedRollout({ payload: { resolved: other } });
    expect(back({}, before)).toEqual([`rollback orders --environment production ${tail}`]);
  });

  it('of what is enforced is relaxing it, by slice where something was before', () => {
    expect(back({}, NOTHING)).toEqual([`relax orders --environment production ${tail}`]);
    const one = verifiedRollout({ source: { enforce: '[{name: reads, match: {access: read}}]' } });
    expect(back({}, one)).toEqual([`relax orders --environment production --slice probes ${tail}`]);
  });

  it('of anything else is what stops enforcing, or the bundle before', () => {
    expect(back({}, verifiedRollout())).toEqual([`relax orders --environment production ${tail}`]);
    expect(back({ source: { enforce: '[]' } }, NOTHING)).toEqual([
      `rollback orders --environment production ${tail}`,
    ]);
  });
});
