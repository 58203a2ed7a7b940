/** Loads a program and asks it something: what would crash in the data plane crashes here first. */
import { messageOf, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { createEvaluator, type EvaluatorOptions, type LoadedEvaluator } from './evaluator.js';
import type { PackedProgram } from './packed-policies.js';
import type {
  ActionShape,
  CedarProgram,
  CedarRequest,
  CedarValue,
  EntityData,
  Evaluator,
} from './types.js';

/**
 * An evaluator that has answered a question for each of the first `actionsMax` actions. It is warm
 * as well: the first question of a process takes a hundred times as long as the next.
 */
export function createTriedEvaluator(
  program: CedarProgram | PackedProgram,
  actionsMax = Number.POSITIVE_INFINITY,
  options: EvaluatorOptions = {},
): Result<Evaluator> {
  const loaded = createEvaluator(program, options);
  if (!loaded.ok) return loaded;
  const tried = tryActions(loaded.value, actionsMax);
  if (tried.ok) return loaded;
  loaded.value.release();
  return tried;
}

function tryActions(evaluator: LoadedEvaluator, actionsMax: number): Result<void> {
  try {
    const requests = [...evaluator.schema.actions].flatMap(trialRequest).slice(0, actionsMax);
    for (const request of requests) {
      const answer = evaluator.ask(request);
      if (answer.kind === 'failed') return failed(problem('engine_failure', answer.message));
    }
    return ok(undefined);
  } catch (thrown) {
    return failed(problem('engine_failure', messageOf(thrown)));
  }
}

/** None for an action that applies to nothing. */
function trialRequest([action, shape]: [string, ActionShape]): CedarRequest[] {
  const [principal] = shape.principalTypes;
  const [resource] = shape.resourceTypes;
  if (principal === undefined || resource === undefined) return [];
  const context: Record<string, CedarValue> = {};
  if (shape.context.path) context.path = '/';
  if (shape.context.environment) context.environment = 'trial';
  if (shape.context.grpc !== undefined) {
    context.grpc = Object.fromEntries([...shape.context.grpc].map((field) => [field, 'x']));
  }
  return [
    {
      principal: trialEntity(principal),
      action,
      resource: trialEntity(resource),
      ancestors: [],
      context,
    },
  ];
}

function trialEntity(type: string): EntityData {
  return { uid: { type, id: 'trial' }, attrs: {}, parents: [] };
}
