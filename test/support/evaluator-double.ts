/** An evaluator that only counts: for tests of what surrounds the engine. */
import type { CedarProgram, CreateEvaluator } from '../../src/cedar/types.js';
import { ok } from '../../src/result.js';

/** `live` holds the programs that were loaded and not given back. */
export function countingEvaluators(): { create: CreateEvaluator; live: Set<CedarProgram> } {
  const live = new Set<CedarProgram>();
  return {
    live,
    create: (program) => {
      live.add(program);
      return ok({
        effects: new Map(),
        schema: program.schema,
        evaluate: () => ({ kind: 'failed', message: 'a double decides nothing' }),
        release: () => void live.delete(program),
      });
    },
  };
}
