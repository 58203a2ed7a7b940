/**
 * The only way from a decision to an outcome. Every answer to Envoy passes here, errors and faults
 * included, so that shadow is total: of what reaches this process in time, nothing but a block is
 * denied in shadow. test/unit/check/enforce.test.ts holds every cell.
 */
import { REASONS, type Reason } from './reasons.js';
import type { Pass, Standing } from './slices.js';
import type { Decision, Mode, OnFault, Outcome } from './types.js';

export interface Verdict {
  readonly decision: Decision;
  /** Why the decision came out so, or what overrode it. */
  readonly reason: Reason;
  readonly mode: Mode;
  readonly outcome: Outcome;
  /** Enforce would have answered deny; reasons that lead to `fail` never count. */
  readonly wouldDeny: boolean;
  /** Name of what the request is in: a block, a hold or an enforced slice. */
  readonly slice: string | undefined;
  /** The live exception that speaks for a denied request, in shadow too. */
  readonly exception: string | undefined;
}

/** `pass` is looked at for a decision `deny` only; `onFault` is the answer where nobody can decide. */
export function enforce(
  judged: Reason,
  { mode, slice, blocked }: Standing,
  onFault: OnFault,
  pass: Pass | undefined,
): Verdict {
  if (blocked) {
    const stands = { mode, slice, exception: undefined, wouldDeny: false } as const;
    return { decision: 'deny', reason: 'blocked', outcome: 'deny', ...stands };
  }
  const { decision, enforced } = REASONS[judged];
  const excepted = pass !== undefined && decision === 'deny' && isOver(pass, judged);
  const exception = excepted ? pass.name : undefined;
  if (mode === 'shadow') {
    const wouldDeny = enforced === 'deny' && !excepted;
    return { decision, reason: judged, mode, outcome: 'allow', wouldDeny, slice, exception };
  }
  const reason = excepted ? 'exception' : judged;
  const told = REASONS[reason].enforced;
  const outcome = told === 'fail' ? onFault : told;
  return { decision, reason, mode, outcome, wouldDeny: false, slice, exception };
}

function isOver(pass: Pass, judged: Reason): boolean {
  return pass.overrideForbid || judged !== 'policy_forbid';
}
