import { describe, expect, it } from 'vitest';
import type { ActiveBundle } from '../../../src/check/types.js';
import {
  createGeneration,
  createGenerationBeforeFirst,
  createRolloutGeneration,
} from '../../../src/reload/generation.js';
import { approvedState } from '../../support/approved-states.js';
import { regime } from '../../support/check-records.js';
import { slice } from '../../support/traits.js';

const active = {
  ...regime().active,
  bundle: { ...regime().active?.bundle, program: { entities: [] } },
} as unknown as ActiveBundle;

const rollouts = (state = approvedState(), bundle: ActiveBundle | undefined = active) =>
  createRolloutGeneration({ number: 3, parts: [{ state, active: bundle }], clockFloorMs: 100 });

describe('a generation', () => {
  it('of one bundle rules every destination in one mode', () => {
    const { destinations, otherwise } = createGeneration({ number: 1, mode: 'enforce', active });
    expect(destinations.size).toBe(0);
    expect(otherwise).toMatchObject({
      ...{ mode: 'enforce', onFault: 'fail', absence: 'no_bundle', rollout: undefined },
      stamp: '2026.11.3+0123456789ab.unsigned',
    });
  });

  it.each([
    [false, 'enforce'],
    [true, 'shadow'],
  ])('before the first rollout fails everything, unless told to allow it: %s', (allow, mode) => {
    expect(createGenerationBeforeFirst(1, { allow })).toMatchObject({
      otherwise: { mode, absence: 'no_bundle', onFault: 'fail', stamp: 'none', active: undefined },
    });
  });

  it('of rollouts says version, digest and sequence in its stamps', () => {
    expect(rollouts().destinations.get('shop/payments')).toMatchObject({
      stamp: '2026.11.3+0123456789ab.r42',
      mode: 'shadow',
      rollout: { name: 'payments', sequence: 42, ticket: 'CHG-1041' },
    });
    const none = createRolloutGeneration({
      ...{ number: 3, clockFloorMs: 0 },
      parts: [{ state: approvedState(), active: undefined }],
    });
    expect(none.destinations.get('shop/payments')?.stamp).toBe('none.r42');
  });

  it('of one rollout differs by what its destinations say of themselves, and only by that', () => {
    const services = ['a/a', 'a/b', 'a/c', 'a/d'];
    const [first, second, third, fourth] = services as [string, string, string, string];
    const destinations = [
      { service: first, onFault: 'fail', requireLog: false },
      { service: second, onFault: 'fail', requireLog: true },
      { service: third, onFault: 'deny', requireLog: true },
      { service: fourth, onFault: 'fail', requireLog: true },
    ] as const;
    const of = rollouts(approvedState({ destinations })).destinations;
    const said = services.map((name) => [of.get(name)?.onFault, of.get(name)?.requireLog]);
    expect(said).toEqual([
      ['fail', false],
      ['fail', true],
      ['deny', true],
      ['fail', true],
    ]);
    expect(of.get(fourth)).toBe(of.get(second));
    expect(new Set([...of.values()].map(({ rollout }) => rollout)).size).toBe(1);
    expect(rollouts().otherwise.requireLog).toBe(false);
  });

  it('knows why a bundle is missing', () => {
    const absenceOf = (changes: Parameters<typeof approvedState>[0]) =>
      createRolloutGeneration({
        ...{ number: 1, clockFloorMs: 0 },
        parts: [{ state: approvedState(changes), active: undefined }],
      }).destinations.get('shop/payments')?.absence;
    expect(absenceOf({})).toBe('no_bundle');
    expect(absenceOf({ active: undefined })).toBe('bundle_revoked');
    expect(absenceOf({ active: undefined, fallback: approvedState().active })).toBe('no_bundle');
  });

  it('has no clock before the newest issuedAt that was verified', () => {
    const floorOf = (issuedAtMs: number) =>
      rollouts(approvedState({ issuedAtMs })).destinations.get('shop/payments')?.rollout
        ?.clockFloorMs;
    expect(floorOf(50)).toBe(100);
    expect(floorOf(150)).toBe(150);
  });

  it('enforces what no rollout covers as soon as a slice enforces anything', () => {
    expect(rollouts().otherwise).toMatchObject({
      ...{ mode: 'shadow', absence: 'destination_not_covered', stamp: 'none' },
    });
    const enforcing = rollouts(approvedState({ enforce: [slice('all')] }));
    expect(enforcing.otherwise.mode).toBe('enforce');
  });

  it('is not made of two rollouts for one destination', () => {
    const part = { state: approvedState(), active };
    expect(() =>
      createRolloutGeneration({ number: 1, clockFloorMs: 0, parts: [part, part] }),
    ).toThrow('two rollouts cover shop/payments');
  });
});
