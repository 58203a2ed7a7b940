/**
 * The only way from a decision to an outcome. Every answer to Envoy passes here, errors and faults
 * included, so that shadow is total: nothing that reaches this process in time is denied in shadow.
 * test/unit/check/enforce.test.ts holds every cell.
 */
import { REASONS, type Reason } from './reasons.js';
import type { Decision, Mode, Outcome } from './types.js';

export interface Verdict {
  readonly decision: Decision;
  readonly mode: Mode;
  readonly outcome: Outcome;
  /** Enforce would have answered deny; reasons that lead to `fail` never count. */
  readonly wouldDeny: boolean;
}

export function enforce(reason: Reason, mode: Mode): Verdict {
  const { decision, enforced } = REASONS[reason];
  switch (mode) {
    case 'shadow':
      return { decision, mode, outcome: 'allow', wouldDeny: enforced === 'deny' };
    case 'enforce':
      return { decision, mode, outcome: enforced, wouldDeny: false };
  }
}
