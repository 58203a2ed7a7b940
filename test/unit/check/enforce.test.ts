import { describe, expect, it } from 'vitest';
import { enforce } from '../../../src/check/enforce.js';
import { REASONS, type Reason } from '../../../src/check/reasons.js';
import type { Decision, Outcome } from '../../../src/check/types.js';

/** Written out by hand from formats.md section 6: the code must agree with this table, cell by cell. */
const TABLE: Record<Reason, [decision: Decision, inEnforce: Outcome, status: number | undefined]> =
  {
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
    destination_missing: ['error', 'fail', 503],
    destination_not_covered: ['error', 'fail', 503],
    deadline: ['error', 'fail', 503],
    internal_fault: ['error', 'fail', 503],
  };
const cells = Object.entries(TABLE) as [Reason, (typeof TABLE)[Reason]][];

describe('enforce, every cell', () => {
  it('has a row for every reason', () => {
    expect(cells.map(([reason]) => reason).sort()).toEqual(Object.keys(REASONS).sort());
  });

  it.each(cells)('shadow, %s: always allow', (reason, [decision, inEnforce]) => {
    expect(enforce(reason, 'shadow')).toEqual({
      decision,
      mode: 'shadow',
      outcome: 'allow',
      wouldDeny: inEnforce === 'deny',
    });
  });

  it.each(cells)('enforce, %s', (reason, [decision, outcome, status]) => {
    expect(enforce(reason, 'enforce')).toEqual({
      decision,
      mode: 'enforce',
      outcome,
      wouldDeny: false,
    });
    expect((REASONS[reason] as { status?: number }).status).toBe(status);
  });
});
