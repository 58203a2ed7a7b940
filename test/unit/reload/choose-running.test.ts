import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/bundle/types.js';
import { type ErrorCode, problem } from '../../../src/errors.js';
import { chooseRunning } from '../../../src/reload/choose-running.js';
import type { RolloutMemory, Running } from '../../../src/reload/rollout-memory.js';
import { rolloutOf } from '../../../src/reload/rollout-memory.js';
import { failed, ok } from '../../../src/result.js';
import type { EmergencyPayload } from '../../../src/rollout/emergency-payload.js';
import type { BundleFacts } from '../../../src/rollout/fit.js';
import type { VerifiedDocument } from '../../../src/rollout/types.js';
import {
  ACTIVE,
  ROLLBACK,
  someDigest,
  verifiedEmergency,
  verifiedRollout,
} from '../../support/rollouts.js';

/** What ran before: under document 41, a bundle that document 42 does not name. */
const BEFORE = someDigest('d');
const before41 = verifiedRollout({ payload: { sequence: 41 } });

/** Names a route, so that a bundle without it does not fit. */
const SOURCE = { hold: '[{name: cards, match: {routes: [cards]}}]' };
type Kind = 'rollout' | 'emergency' | 'emergency that rolls back' | 'emergency that revokes';

/** Signing takes longer than everything else here. */
const made = new Map<string, VerifiedDocument>();
function newest(kind: Kind, revoked: readonly Digest[], rollback = true): VerifiedDocument {
  const key = JSON.stringify([kind, revoked, rollback]);
  const document = made.get(key) ?? make(kind, revoked, rollback);
  made.set(key, document);
  return document;
}

function make(kind: Kind, revoked: readonly Digest[], rollback: boolean): VerifiedDocument {
  const options = {
    source: SOURCE,
    approvals: 2,
    payload: {
      revoked: kind === 'rollout' ? [...revoked] : [],
      ...(rollback ? {} : { resolved: { ...verifiedRollout().resolved, rollback: null } }),
    },
  };
  const base = verifiedRollout(options);
  if (kind === 'rollout') return base;
  const revoke = kind === 'emergency that revokes' ? [ACTIVE, ...revoked] : [...revoked];
  const payload: Partial<EmergencyPayload> = {
    ...{ relax: [], revoke, rollback: kind === 'emergency that rolls back' },
    ...(kind === 'emergency' && revoked.length === 0 ? { relax: 'all' } : {}),
  };
  return verifiedEmergency({ base: base.bytes, payload });
}

const fits: BundleFacts = { routes: ['cards'], destinations: undefined };
const FACTS = {
  'it fits': fits,
  'a route is unknown': { routes: [], destinations: undefined },
  'its scope has another service': { routes: ['cards'], destinations: ['shop/cart'] },
  'its scope has the service': { routes: ['cards'], destinations: ['shop/cart', 'shop/orders'] },
} as const;
type There = keyof typeof FACTS | 'not there';

function supply(there: ReadonlyMap<Digest, There>) {
  const asked: Digest[] = [];
  const give = async (digest: Digest) => {
    asked.push(digest);
    const what = there.get(digest) ?? 'not there';
    return what === 'not there'
      ? failed(problem('bundle_not_on_shelf', `no \`${digest}\``))
      : ok<BundleFacts>(FACTS[what]);
  };
  return { give, asked };
}

const NAMES: Readonly<Record<string, string>> = {
  ...{ [ACTIVE]: 'active', [ROLLBACK]: 'rollback', [BEFORE]: 'before' },
};
/** `<document> <bundle>`: 41 and 42 are rollouts, 43 the emergency on 42. */
const outcomeOf = ({ document, bundle, absence }: Running) =>
  `${document.sequence} ${bundle === undefined ? absence : NAMES[bundle]}`;

interface Row {
  readonly kind: Kind;
  readonly active: There;
  readonly ran: 'yes' | 'revoked' | 'gone' | 'no';
  readonly rollback: There | 'none';
  readonly outcome: string;
  readonly lag: ErrorCode | undefined;
}

const MISSING = 'bundle_not_on_shelf';
const rows: Row[] = [];
/** One row for each `rollback`; `outcome` is that without, `back` that with one. */
function row(
  [kind, active, ran]: [Kind, There, Row['ran']],
  lag: ErrorCode | undefined,
  outcome: string,
  back = outcome,
  unfit = back,
) {
  const common = { kind, active, ran, lag };
  rows.push(
    { ...common, rollback: 'none', outcome },
    { ...common, rollback: 'not there', outcome },
    { ...common, rollback: 'it fits', outcome: back },
    { ...common, rollback: 'a route is unknown', outcome: unfit },
  );
}

const ALL_RAN = ['yes', 'revoked', 'gone', 'no'] as const;
const UNFIT = ['not there', 'a route is unknown', 'its scope has another service'] as const;
for (const ran of ALL_RAN) {
  // What is asked for is there and fits: everything else is the past.
  for (const active of ['it fits', 'its scope has the service'] as const) {
    row(['rollout', active, ran], undefined, '42 active');
    row(['emergency', active, ran], undefined, '43 active');
  }
}
for (const active of UNFIT) {
  const lag = active === 'not there' ? MISSING : 'rollout_misfit';
  row(['rollout', active, 'yes'], lag, '41 before');
  row(['rollout', active, 'revoked'], lag, '42 bundle_revoked', '42 rollback');
  row(['rollout', active, 'gone'], lag, '42 no_bundle');
  row(['rollout', active, 'no'], lag, '42 no_bundle');
  row(['emergency', active, 'yes'], lag, '43 before');
  row(['emergency', active, 'revoked'], lag, '43 bundle_revoked', '43 rollback');
  row(['emergency', active, 'gone'], lag, '43 no_bundle');
  row(['emergency', active, 'no'], lag, '43 no_bundle');
}

const ESCAPES = ['emergency that rolls back', 'emergency that revokes'] as const;

describe('what runs', () => {
  it.each(rows)(
    'for a(n) $kind, active: $active, ran before: $ran, rollback target: $rollback, is $outcome',
    async ({ kind, active, ran, rollback, outcome, lag }) => {
      const document = newest(kind, ran === 'revoked' ? [BEFORE] : [], rollback !== 'none');
      const there = new Map<Digest, There>([
        [ACTIVE, active],
        [ROLLBACK, rollback === 'none' ? 'not there' : rollback],
        [BEFORE, ran === 'gone' ? 'not there' : 'it fits'],
      ]);
      const running = { document: before41, bundle: BEFORE, absence: 'no_bundle' } as const;
      const memory: RolloutMemory = {
        newest: document,
        lastRollout: rolloutOf(document),
        running: ran === 'no' ? undefined : running,
      };
      const choice = await chooseRunning(memory, supply(there).give);
      expect(outcomeOf(choice.running)).toBe(outcome);
      expect(choice.lag?.code).toBe(lag);
    },
  );

  it.each(
    ESCAPES.flatMap((kind) =>
      (['it fits', 'a route is unknown'] as const).map((rollback) => ({ kind, rollback })),
    ),
  )('for an $kind is the rollback target, although $rollback', async ({ kind, rollback }) => {
    const document = newest(kind, []);
    const there = new Map<Digest, There>([
      [ACTIVE, 'it fits'],
      [ROLLBACK, rollback],
    ]);
    for (const running of [
      undefined,
      { document: before41, bundle: ACTIVE, absence: 'no_bundle' },
    ] as const) {
      const memory = { newest: document, lastRollout: rolloutOf(document), running };
      const choice = await chooseRunning(memory, supply(there).give);
      expect([outcomeOf(choice.running), choice.lag]).toEqual(['43 rollback', undefined]);
    }
  });

  it('is not a rollback target of another scope, in no emergency', async () => {
    for (const kind of ESCAPES) {
      const document = newest(kind, []);
      const there = new Map<Digest, There>([[ROLLBACK, 'its scope has another service']]);
      const memory = { newest: document, lastRollout: rolloutOf(document), running: undefined };
      const choice = await chooseRunning(memory, supply(there).give);
      expect(choice.lag?.code).toBe('rollout_misfit');
      expect(choice.running.bundle).toBeUndefined();
    }
  });

  it('goes on with the bundle that should go while the rollback target is missing, unless revoked', async () => {
    const running = { document: before41, bundle: ACTIVE, absence: 'no_bundle' } as const;
    const there = new Map<Digest, There>([[ACTIVE, 'it fits']]);
    const outcomes: string[] = [];
    for (const kind of ESCAPES) {
      const document = newest(kind, []);
      const memory = { newest: document, lastRollout: rolloutOf(document), running };
      const choice = await chooseRunning(memory, supply(there).give);
      outcomes.push(outcomeOf(choice.running));
      expect(choice.lag?.code).toBe(MISSING);
    }
    expect(outcomes).toEqual(['43 active', '43 bundle_revoked']);
  });

  it('is nothing when everything is revoked, and no revoked bundle is asked for', async () => {
    const document = newest('emergency that revokes', [ROLLBACK]);
    const there = new Map<Digest, There>([
      [ACTIVE, 'it fits'],
      [ROLLBACK, 'it fits'],
    ]);
    const running = { document: before41, bundle: ROLLBACK, absence: 'no_bundle' } as const;
    for (const ran of [running, undefined]) {
      const { give, asked } = supply(there);
      const memory = { newest: document, lastRollout: rolloutOf(document), running: ran };
      const choice = await chooseRunning(memory, give);
      expect(outcomeOf(choice.running)).toBe('43 bundle_revoked');
      expect(choice.lag?.code).toBe('bundle_revoked');
      expect(asked).toEqual([]);
    }
  });

  it.each(['enforce', 'hold', 'exceptions', 'blocks'])(
    'is looked through for routes in %s',
    async (field) => {
      const timed =
        'ticket: CHG-1, owner: o, reason: r, from: 2026-11-20T00:00:00Z, until: 2026-11-25T00:00:00Z';
      const more = field === 'exceptions' || field === 'blocks' ? `, ${timed}` : '';
      const source = {
        enforce: '[]',
        [field]: `[{name: e, match: {routes: [cards]}${more}}]`,
      };
      const document = verifiedRollout({ source, approvals: 2 });
      const memory = { newest: document, lastRollout: document, running: undefined };
      const there = new Map<Digest, There>([[ACTIVE, 'a route is unknown']]);
      const { lag } = await chooseRunning(memory, supply(there).give);
      expect(lag).toMatchObject({
        code: 'rollout_misfit',
        message: '`e` names the route `cards`, which the bundle does not have',
        file: 'orders 42 (source)',
        line: expect.any(Number),
      });
    },
  );
});
