/**
 * How the evaluators of a process that answers requests are made. All of them share one memory, of
 * answers and of sets of policies: what one was asked, no other need be asked again as long as it would
 * be asked the same, be it the next version of a bundle or a candidate. Candidates are in an engine of
 * their own, so that one that breaks it, or fills it, is felt by no answer.
 */
import { engineBeside } from '../cedar/engine.js';
import { EvaluationMemory } from '../cedar/evaluation-memory.js';
import type { EvaluatorOptions } from '../cedar/evaluator.js';
import { knownSets } from '../cedar/policy-sets.js';
import { createTriedEvaluator } from '../cedar/trial.js';
import type { CreateEvaluator } from '../cedar/types.js';

export interface ServingEvaluators {
  /** Of what decides. */
  readonly createEvaluator: CreateEvaluator;
  readonly createCandidate: CreateEvaluator;
}

/** One action is enough: the bundle was tried in another thread, and this one has requests to answer. */
const ACTIONS_TRIED = 1;

/** `lookups` counts those for bundles that decide. */
export function createServingEvaluators(
  options: Pick<EvaluatorOptions, 'lookups' | 'once'> = {},
): ServingEvaluators {
  const memory = new EvaluationMemory();
  const { lookups } = options;
  const shared = { memory, known: knownSets(), once: options.once };
  return {
    createEvaluator: (program) => {
      return createTriedEvaluator(program, ACTIONS_TRIED, { ...shared, lookups });
    },
    createCandidate: (program) => {
      return createTriedEvaluator(program, ACTIONS_TRIED, { ...shared, engine: engineBeside() });
    },
  };
}
