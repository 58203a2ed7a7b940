import { describe, expect, it } from 'vitest';
import { enforce } from '../../../src/check/enforce.js';
import { REASONS, type Reason } from '../../../src/check/reasons.js';
import { type Pass, type Standing, unsliced } from '../../../src/check/slices.js';
import type { Decision, Mode, OnFault, Outcome } from '../../../src/check/types.js';

type Row = [decision: Decision, inEnforce: Outcome, status: number | undefined];

/** Written out by hand from formats.md section 6: the code must agree with this table, cell by cell. */
const TABLE: Record<Exclude<Reason, 'exception' | 'blocked'>, Row> = {
  policy_permit: ['allow', 'allow', undefined],
  policy_forbid: ['deny', 'deny', 403],
  no_permit: ['deny', 'deny', 403],
  identity_rejected: ['error', 'deny', 403],
  action_unknown: ['error', 'deny', 403],
  context_incomplete: ['error', 'deny', 403],
  header_duplicate: ['error', 'deny', 403],
  policy_error: ['error', 'deny', 403],
  request_undecodable: ['error', 'deny', 400],
  request_too_large: ['error', 'deny', 400],
  path_rejected: ['error', 'deny', 400],
  no_bundle: ['error', 'fail', 503],
  bundle_revoked: ['error', 'fail', 503],
  destination_missing: ['error', 'fail', 503],
  destination_not_covered: ['error', 'fail', 503],
  deadline: ['error', 'fail', 503],
  overload: ['error', 'fail', 503],
  internal_fault: ['error', 'fail', 503],
};
const cells = Object.entries(TABLE) as [keyof typeof TABLE, Row][];

const WEAK: Pass = { name: 'refunds', overrideForbid: false };
const STRONG: Pass = { name: 'refunds', overrideForbid: true };
const within = (mode: Mode): Standing => ({ mode, slice: 'reads', blocked: false });

describe('enforce, every cell', () => {
  it('has a row for every reason but those that override a decision', () => {
    expect([...Object.keys(TABLE), 'exception', 'blocked'].sort()).toEqual(
      Object.keys(REASONS).sort(),
    );
  });

  it.each(cells)('shadow, %s: always allow', (reason, [decision, inEnforce]) => {
    expect(enforce(reason, within('shadow'), 'fail', undefined)).toEqual({
      decision,
      reason,
      mode: 'shadow',
      outcome: 'allow',
      wouldDeny: inEnforce === 'deny',
      slice: 'reads',
      exception: undefined,
    });
  });

  it.each(cells)('enforce, %s', (reason, [decision, outcome, status]) => {
    expect(enforce(reason, within('enforce'), 'fail', undefined)).toEqual({
      decision,
      reason,
      mode: 'enforce',
      outcome,
      wouldDeny: false,
      slice: 'reads',
      exception: undefined,
    });
    expect((REASONS[reason] as { status?: number }).status).toBe(status);
  });

  it.each(['shadow', 'enforce'] as const)('in no slice, mode %s: no slice is named', (mode) => {
    expect(enforce('policy_permit', unsliced(mode), 'fail', undefined)).toMatchObject({
      mode,
      slice: undefined,
    });
  });
});

/** Reasons that an exception turns into an allow, by what the exception says of forbids. */
const EXCEPTED: [Pass | undefined, ...Reason[]][] = [
  [undefined],
  [WEAK, 'no_permit'],
  [STRONG, 'no_permit', 'policy_forbid'],
];

describe.each(EXCEPTED)('enforce with the exception %o', (pass, ...excepted) => {
  it.each(cells)('shadow, %s: the reason stays, and nothing would be denied', (reason, row) => {
    const speaks = excepted.includes(reason);
    expect(enforce(reason, within('shadow'), 'fail', pass)).toMatchObject({
      decision: row[0],
      reason,
      outcome: 'allow',
      wouldDeny: !speaks && row[1] === 'deny',
      exception: speaks ? 'refunds' : undefined,
    });
  });

  it.each(cells)('enforce, %s', (reason, [decision, outcome]) => {
    const speaks = excepted.includes(reason);
    expect(enforce(reason, within('enforce'), 'fail', pass)).toMatchObject({
      decision,
      reason: speaks ? 'exception' : reason,
      outcome: speaks ? 'allow' : outcome,
      wouldDeny: false,
      exception: speaks ? 'refunds' : undefined,
    });
  });
});

describe.each(['shadow', 'enforce'] as const)('a blocked request in mode %s', (mode) => {
  const passes = [undefined, WEAK, STRONG];
  const all = cells.flatMap(([reason]) => passes.map((pass) => [reason, pass] as const));

  it.each(all)('%s, exception %o: is denied', (reason, pass) => {
    const standing = { mode, slice: 'abuse', blocked: true };
    expect(enforce(reason, standing, 'allow', pass)).toEqual({
      decision: 'deny',
      reason: 'blocked',
      mode,
      outcome: 'deny',
      wouldDeny: false,
      slice: 'abuse',
      exception: undefined,
    });
  });
});

describe.each(['fail', 'allow', 'deny'] as const)('onFault: %s', (onFault: OnFault) => {
  it.each(cells)('%s: is answered where nobody can decide, and nowhere else', (reason, row) => {
    const { outcome, wouldDeny } = enforce(reason, within('enforce'), onFault, undefined);
    expect(outcome).toBe(row[1] === 'fail' ? onFault : row[1]);
    expect(wouldDeny).toBe(false);
    const shadow = enforce(reason, within('shadow'), onFault, undefined);
    expect(shadow).toMatchObject({ outcome: 'allow', wouldDeny: row[1] === 'deny' });
  });
});

it('what overrides a decision leads where formats.md says', () => {
  expect(REASONS.exception).toMatchObject({ decision: 'deny', enforced: 'allow' });
  expect(REASONS.blocked).toMatchObject({ decision: 'deny', enforced: 'deny', status: 403 });
});
