/** An evaluator that only counts: for tests of what surrounds the engine. */
import type { CreateEvaluator } from '../../src/cedar/types.js';
import { ok } from '../../src/result.js';

/** `live` holds the programs that were loaded and not given back. */
export function countingEvaluators(): { create: CreateEvaluator; live: Set<unknown> } {
  const live = new Set<unknown>();
  return {
    live,
    create: (program) => {
      live.add(program);
      return ok({
        schema: program.schema,
        evaluate: () => ({ kind: 'failed', message: 'a double decides nothing' }),
        release: () => void live.delete(program),
      });
    },
  };
}
