/** Asks both sides one question, through the hot path of production from the bytes on. */
import type { CompiledBundle } from '../../bundle/types.js';
import type { CreateEvaluator, Evaluator } from '../../cedar/types.js';
import { check } from '../../check/check.js';
import { soleGeneration } from '../../check/regime.js';
import type { CheckRecord, Decision } from '../../check/types.js';
import type { Result } from '../../result.js';
import { encodeCheckRequest } from '../check-request.js';
import { checkSettings, DEFAULT_CLAIM_NAMES } from '../settings.js';
import type { AskedRequest } from './requests.js';
import type { Answer } from './types.js';

export interface Answered {
  readonly decision: Decision;
  readonly answer: Answer;
}

export interface BothAnswers {
  readonly a: Answered;
  readonly b: Answered;
}

/** Runs `work` with both bundles loaded, and unloads them afterwards. */
export function withBoth<T>(
  bundles: { readonly a: CompiledBundle; readonly b: CompiledBundle },
  createEvaluator: CreateEvaluator,
  work: (evaluators: { readonly a: Evaluator; readonly b: Evaluator }) => T,
): Result<T> {
  const a = createEvaluator(bundles.a.program);
  if (!a.ok) return a;
  try {
    const b = createEvaluator(bundles.b.program);
    if (!b.ok) return b;
    try {
      return { ok: true, value: work({ a: a.value, b: b.value }) };
    } finally {
      b.value.release();
    }
  } finally {
    a.value.release();
  }
}

export type Ask = (request: AskedRequest, destination: string) => BothAnswers;

export function askerOf(
  bundles: { readonly a: CompiledBundle; readonly b: CompiledBundle },
  evaluators: { readonly a: Evaluator; readonly b: Evaluator },
  environment: string | undefined,
): Ask {
  const generation = (name: 'a' | 'b') => {
    const active = { bundle: bundles[name], evaluator: evaluators[name], loadedAtMs: 0 };
    return soleGeneration(1, { mode: 'enforce', stamp: 'diff', active });
  };
  const sides = { a: generation('a'), b: generation('b') };
  return ({ sketch, nowMs }, destination) => {
    const message = encodeCheckRequest(sketch, DEFAULT_CLAIM_NAMES.payload);
    const settings = checkSettings(destination, environment);
    const call = { message, deadlineMs: Number.POSITIVE_INFINITY, nowMs, decisionId: 'diff' };
    return {
      a: answered(check(call, sides.a, settings).record),
      b: answered(check(call, sides.b, settings).record),
    };
  };
}

function answered({ decision, reason, policies, errors }: CheckRecord): Answered {
  const texts = errors.map(({ code, policy, field, message }) => {
    const where = policy ?? field;
    return `${where === undefined ? '' : `\`${where}\`: `}${message} [${code}]`;
  });
  return { decision, answer: { reason, policies, errors: texts } };
}
