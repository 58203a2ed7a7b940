import { describe, expect, it } from 'vitest';
import { approvedState } from '../../../src/rollout/effective.js';
import {
  ACTIVE,
  CANDIDATE,
  type EmergencyOptions,
  makeRollout,
  ROLLBACK,
  type RolloutOptions,
  rolloutPayload,
  verifiedEmergency,
  verifiedRollout,
} from '../../support/rollouts.js';

const NO_WAY_BACK = {
  payload: { resolved: { ...rolloutPayload().resolved, rollback: null } },
};

function stateOf(options: RolloutOptions, emergency?: EmergencyOptions['payload']) {
  const document =
    emergency === undefined
      ? verifiedRollout(options)
      : verifiedEmergency({ base: makeRollout(options), payload: emergency });
  return approvedState(document);
}

/** Digests of what may run: active, fallback, candidate. */
function bundlesOf(options: RolloutOptions, emergency?: EmergencyOptions['payload']) {
  const { active, fallback, candidate } = stateOf(options, emergency);
  return [active?.digest, fallback?.digest, candidate?.digest];
}

const QUIET = { relax: [] } as const;
const revoking = (...revoked: `sha256:${string}`[]) => ({ payload: { revoked } });
const WITH_CANDIDATE = { source: { candidate: 'orders@2026.11.4' } };

describe('the approved state of a rollout', () => {
  it('lets nothing through beyond its own end, also not under an emergency', () => {
    const entry = (name: string, until: string) =>
      `{name: ${name}, ticket: CHG-1, owner: o, reason: r, match: {access: read}, from: ${FROM}, until: ${until}}`;
    const [FROM, END] = ['2027-03-20T00:00:00Z', '2027-03-24T00:00:00Z'];
    const exceptions = `[${entry('early', '2027-03-21T00:00:00Z')}, ${entry('late', '2027-03-29T00:00:00Z')}]`;
    for (const emergency of [undefined, { ...QUIET, rollback: true }]) {
      const state = stateOf({ source: { exceptions } }, emergency);
      expect(state.expiresAtMs).toBe(Date.parse(END));
      expect(state.exceptions).toMatchObject([
        { name: 'early', untilMs: Date.parse('2027-03-21T00:00:00Z') },
        { name: 'late', untilMs: Date.parse(END) },
      ]);
    }
  });

  it('is what its source and its payload say', () => {
    const document = verifiedRollout({
      source: {
        hold: '[{name: partners, match: {callers: ["spiffe://partner.example/**"]}}]',
        candidate: 'orders@2026.11.4',
      },
    });
    const { source, resolved } = document;
    expect(approvedState(document)).toEqual({
      name: 'orders',
      environment: 'production',
      sequence: 42,
      digest: document.digest,
      author: 'ada',
      approvers: ['bob'],
      ticket: 'CHG-1041',
      issuedAtMs: document.issuedAtMs,
      expiresAtMs: document.expiresAtMs,
      reviewByMs: Date.UTC(2027, 1, 22),
      destinations: source.destinations,
      active: resolved.active,
      fallback: resolved.rollback,
      candidate: resolved.candidate,
      revoked: new Set(),
      enforce: source.enforce,
      hold: source.hold,
      exceptions: [],
      blocks: [],
      seed: document.seed,
      emergency: undefined,
    });
  });

  it.each<[string, RolloutOptions, (string | undefined)[]]>([
    ['all are there', WITH_CANDIDATE, [ACTIVE, ROLLBACK, CANDIDATE]],
    ['there is nothing to go back to', NO_WAY_BACK, [ACTIVE, undefined, undefined]],
    ['the active one is revoked', revoking(ACTIVE), [ROLLBACK, undefined, undefined]],
    ['the rollback target is revoked', revoking(ROLLBACK), [ACTIVE, undefined, undefined]],
    ['both are revoked', revoking(ACTIVE, ROLLBACK), [undefined, undefined, undefined]],
    [
      'the candidate is revoked',
      { ...WITH_CANDIDATE, ...revoking(CANDIDATE) },
      [ACTIVE, ROLLBACK, undefined],
    ],
  ])('runs no revoked bundle: %s', (_name, options, expected) => {
    expect(bundlesOf(options)).toEqual(expected);
  });
});

describe('the approved state of an emergency', () => {
  it('is that of its base but for the delta, and says whose it is', () => {
    const document = verifiedEmergency({ payload: { relax: ['reads'] } });
    expect(approvedState(document)).toEqual({
      ...approvedState(document.base),
      sequence: 43,
      digest: document.digest,
      author: 'erin',
      approvers: [],
      ticket: 'INC-7',
      issuedAtMs: document.issuedAtMs,
      enforce: [{ name: 'probes', match: { actions: ['GET', 'HEAD'] } }],
      emergency: {
        digest: document.digest,
        author: 'erin',
        ticket: 'INC-7',
        issuedAtMs: document.issuedAtMs,
        reconcileByMs: document.reconcileByMs,
      },
    });
  });

  it('enforces nothing when all is relaxed', () => {
    expect(stateOf({}, { relax: 'all' }).enforce).toEqual([]);
  });

  it('relaxes nothing that it does not name', () => {
    const { enforce } = stateOf({}, { relax: [], rollback: true });
    expect(enforce.map(({ name }) => name)).toEqual(['reads', 'probes']);
  });

  it('adds its blocks to those of the base', () => {
    const block = (name: string) => ({
      ...{ name, ticket: 'INC-7', owner: 'team-orders', reason: 'abuse' },
      match: { callers: ['anonymous'] },
      ...{ from: '2026-11-21T03:00:00Z', until: '2026-11-21T07:00:00Z' },
    });
    const base = { source: { blocks: JSON.stringify([block('old')]) } };
    const { blocks } = stateOf(base, { relax: [], blocks: [block('new')] });
    expect(blocks.map(({ name }) => name)).toEqual(['old', 'new']);
  });

  it('adds what it revokes to what was revoked', () => {
    const { revoked } = stateOf(revoking(CANDIDATE), { ...QUIET, revoke: [ACTIVE] });
    expect(revoked).toEqual(new Set([CANDIDATE, ACTIVE]));
  });

  it.each<[string, RolloutOptions, EmergencyOptions['payload'], (string | undefined)[]]>([
    ['rolls back', {}, { ...QUIET, rollback: true }, [ROLLBACK, undefined, undefined]],
    [
      'keeps the candidate when it rolls back',
      WITH_CANDIDATE,
      { ...QUIET, rollback: true },
      [ROLLBACK, undefined, CANDIDATE],
    ],
    [
      'revokes the active one',
      {},
      { ...QUIET, revoke: [ACTIVE] },
      [ROLLBACK, undefined, undefined],
    ],
    [
      'revokes the active one and goes back',
      {},
      { ...QUIET, rollback: true, revoke: [ACTIVE] },
      [ROLLBACK, undefined, undefined],
    ],
    ['revokes the way back', {}, { ...QUIET, revoke: [ROLLBACK] }, [ACTIVE, undefined, undefined]],
    [
      'revokes all there is',
      NO_WAY_BACK,
      { ...QUIET, revoke: [ACTIVE] },
      [undefined, undefined, undefined],
    ],
    [
      'revokes the candidate',
      WITH_CANDIDATE,
      { ...QUIET, revoke: [CANDIDATE] },
      [ACTIVE, ROLLBACK, undefined],
    ],
  ])('%s', (_name, base, payload, expected) => {
    expect(bundlesOf(base, payload)).toEqual(expected);
  });
});
