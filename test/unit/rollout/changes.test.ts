import { describe, expect, it } from 'vitest';
import { changesBetween } from '../../../src/rollout/changes.js';
import {
  ACTIVE,
  makeRollout,
  ROLLBACK,
  type RolloutOptions,
  rolloutPayload,
  someDigest,
  verifiedEmergency,
  verifiedRollout,
} from '../../support/rollouts.js';

const READS = '{name: reads, match: {access: read}}';
const PROBES = '{name: probes, match: {actions: [GET, HEAD]}}';
const BLOCK =
  '{name: scraper, ticket: INC-5, owner: team-sre, reason: scrapes, match: {callers: ["spiffe://example.org/ns/a/sa/b"]}, from: 2026-11-20T00:00:00Z, until: 2026-11-22T00:00:00Z}';

function changes(before: RolloutOptions, after: RolloutOptions) {
  return changesBetween(verifiedRollout(before), verifiedRollout(after));
}

describe('what a document changes', () => {
  it('is nothing when only ticket and sequence differ', () => {
    expect(changes({}, { payload: { sequence: 43 } })).toEqual([]);
  });

  it('is everything in the first document', () => {
    const all = changesBetween(undefined, verifiedRollout());
    expect(all.map(({ what, ...rest }) => [what, 'name' in rest ? rest.name : null])).toEqual([
      ['bundle', null],
      ['rollback', null],
      ['destination', 'shop/orders'],
      ['enforce', 'probes'],
      ['enforce', 'reads'],
    ]);
  });

  it('is another bundle by its digest, with the one to go back to', () => {
    const { resolved } = rolloutPayload();
    const active = { name: 'orders', version: '2026.11.4', digest: someDigest('d') };
    const after = {
      source: { bundle: 'orders@2026.11.4' },
      payload: { resolved: { ...resolved, active, rollback: resolved.active } },
    };
    expect(changes({}, after)).toEqual([
      { what: 'bundle', from: { ...resolved.active }, to: active },
      { what: 'rollback', from: resolved.rollback, to: resolved.active },
    ]);
  });

  it.each([
    ['added', `[${READS}]`, `[${READS}, ${PROBES}]`, 'probes', []],
    ['removed', `[${READS}, ${PROBES}]`, `[${READS}]`, 'probes', []],
    ['changed', `[${READS}]`, '[{name: reads, match: {access: write}}]', 'reads', ['match']],
  ])('is a slice that was %s', (_change, before, after, name, fields) => {
    const found = changes(
      { source: { enforce: before }, approvals: 2 },
      { source: { enforce: after }, approvals: 2 },
    );
    expect(found).toEqual([expect.objectContaining({ what: 'enforce', name, fields })]);
  });

  it('is not the order in which values, keys or slices are written', () => {
    const found = changes(
      { source: { enforce: `[${READS}, {name: p, match: {actions: [GET, HEAD], access: read}}]` } },
      { source: { enforce: `[{name: p, match: {access: read, actions: [HEAD, GET]}}, ${READS}]` } },
    );
    expect(found).toEqual([]);
  });

  it('is a block with its times, and another end of it', () => {
    const later = BLOCK.replace('2026-11-22', '2026-11-23');
    const [added] = changes({}, { source: { blocks: `[${BLOCK}]` } });
    expect(added).toMatchObject({
      what: 'block',
      name: 'scraper',
      from: null,
      to: { ticket: 'INC-5', until: '2026-11-22T00:00:00.000Z' },
    });
    const [changed] = changes(
      { source: { blocks: `[${BLOCK}]` } },
      { source: { blocks: `[${later}]` } },
    );
    expect(changed).toMatchObject({ what: 'block', fields: ['until'] });
  });

  it('is an exception that now stands above a forbid', () => {
    const exception = BLOCK.replace('scraper', 'grant');
    const wider = exception.replace('}, from', '}, overrideForbid: true, from');
    const found = changes(
      { source: { exceptions: `[${exception}]` } },
      { source: { exceptions: `[${wider}]` }, approvals: 2 },
    );
    expect(found).toEqual([
      expect.objectContaining({ what: 'exception', name: 'grant', fields: ['overrideForbid'] }),
    ]);
  });

  it('is what a destination answers on a fault, a review and an owner', () => {
    const found = changes(
      {},
      {
        source: {
          destinations: '[{service: shop/orders, onFault: deny}]',
          change:
            '{type: normal, ticket: CHG-2, owner: team-b, reason: other, reviewBy: 2027-03-01}',
        },
      },
    );
    expect(found).toEqual([
      expect.objectContaining({ what: 'destination', name: 'shop/orders', fields: ['onFault'] }),
      { what: 'owner', from: 'team-orders', to: 'team-b' },
      { what: 'reviewBy', from: '2027-02-22', to: '2027-03-01' },
    ]);
  });

  it('is a seed that moves callers, and a revocation that is taken back', () => {
    const revoked = [someDigest('e')];
    const found = changes({ payload: { revoked } }, { payload: { seed: 'x' } });
    expect(found).toEqual([
      { what: 'unrevoked', digest: someDigest('e') },
      expect.objectContaining({ what: 'seed', to: 'x' }),
    ]);
  });
});

describe('an emergency', () => {
  const base = makeRollout();

  it('changes what follows from its delta, and says the delta', () => {
    const emergency = verifiedEmergency({
      base,
      payload: { relax: ['reads'], rollback: true, revoke: [ACTIVE] },
    });
    expect(changesBetween(verifiedRollout(), emergency)).toEqual([
      expect.objectContaining({
        what: 'bundle',
        to: expect.objectContaining({ digest: ROLLBACK }),
      }),
      expect.objectContaining({ what: 'enforce', name: 'reads', to: null }),
      { what: 'revoked', digest: ACTIVE },
      {
        what: 'emergency',
        ticket: 'INC-7',
        relax: ['reads'],
        rollback: true,
        blocks: [],
        revoke: [ACTIVE],
        reconcileBy: '2026-11-22T03:00:00.000Z',
      },
    ]);
  });

  it('is changed back by a rollout that takes it over and enforces again', () => {
    const emergency = verifiedEmergency({ base });
    const reconciles = [emergency.digest];
    const after = verifiedRollout({ payload: { sequence: 44, reconciles } });
    expect(changesBetween(emergency, after)).toEqual([
      expect.objectContaining({ what: 'enforce', name: 'probes', from: null }),
      expect.objectContaining({ what: 'enforce', name: 'reads', from: null }),
      { what: 'reconciled', digest: emergency.digest },
    ]);
  });
});
