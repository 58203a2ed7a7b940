/**
 * The error rule: Cedar skips a policy that fails to evaluate, so an erroring `forbid` would
 * silently stop forbidding. Here it counts: satisfied forbid, else failed forbid, else satisfied
 * permit, else failed permit, else nothing applies.
 */
import type { Effect, Evaluation } from '../cedar/types.js';
import type { Reason } from './reasons.js';
import type { CheckError } from './types.js';

export interface Judgement {
  readonly reason: Reason;
  /** Determining policies, sorted; empty for errors, whose policies `errors` names. */
  readonly policies: readonly string[];
  readonly errors: readonly CheckError[];
}

export function judge(evaluation: Evaluation, effects: ReadonlyMap<string, Effect>): Judgement {
  if (evaluation.kind === 'failed') {
    const errors = [{ code: 'engine_refused', message: evaluation.message }];
    // A broken engine says nothing about the request: that is our fault, not the caller's.
    const reason = evaluation.fault ? 'internal_fault' : 'context_incomplete';
    return { reason, policies: [], errors };
  }
  const errors = evaluation.errored.map(({ policy, message }) => ({
    code: 'policy_evaluation',
    message,
    policy,
  }));
  const failed = (effect: Effect) =>
    evaluation.errored.some(({ policy }) => effects.get(policy) === effect);

  if (evaluation.engineDecision === 'deny' && evaluation.satisfied.length > 0) {
    return { reason: 'policy_forbid', policies: evaluation.satisfied, errors };
  }
  if (failed('forbid')) return { reason: 'policy_error', policies: [], errors };
  if (evaluation.engineDecision === 'allow') {
    return { reason: 'policy_permit', policies: evaluation.satisfied, errors };
  }
  if (failed('permit')) return { reason: 'policy_error', policies: [], errors };
  return { reason: 'no_permit', policies: [], errors };
}
