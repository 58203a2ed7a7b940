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
  const { engineDecision, satisfied, errored } = evaluation;
  const errors = errored.length === 0 ? NOTHING : errored.map(errorOf);
  if (engineDecision === 'deny' && satisfied.length > 0) {
    return { reason: 'policy_forbid', policies: satisfied, errors };
  }
  if (hasFailed('forbid', errored, effects)) {
    return { reason: 'policy_error', policies: NOTHING, errors };
  }
  if (engineDecision === 'allow') return { reason: 'policy_permit', policies: satisfied, errors };
  if (hasFailed('permit', errored, effects)) {
    return { reason: 'policy_error', policies: NOTHING, errors };
  }
  return { reason: 'no_permit', policies: NOTHING, errors };
}

const NOTHING: readonly never[] = [];

type Errored = Extract<Evaluation, { kind: 'answered' }>['errored'];

function errorOf({ policy, message }: Errored[number]): CheckError {
  return { code: 'policy_evaluation', message, policy };
}

function hasFailed(effect: Effect, errored: Errored, effects: ReadonlyMap<string, Effect>) {
  return errored.some(({ policy }) => effects.get(policy) === effect);
}
