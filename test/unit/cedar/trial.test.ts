import { describe, expect, it } from 'vitest';
import { createTriedEvaluator } from '../../../src/cedar/trial.js';
import type { CedarProgram } from '../../../src/cedar/types.js';
import { ENGINE_SLOTS_MAX } from '../../../src/constants.js';
import { lines, programOf, request } from './support.js';

describe('a program that is loaded on trial', () => {
  it('answers', () => {
    const tried = createTriedEvaluator(programOf({}));
    if (!tried.ok) throw new Error(lines(tried).join('\n'));
    expect(tried.value.evaluate(request())).toMatchObject({ satisfied: ['all'] });
    tried.value.release();
  });

  /** What is said to be the schema for requests is not the one that the engine has. */
  function broken(): CedarProgram {
    const program = programOf({});
    const actions = new Map(
      [...program.schema.actions].map(([name, shape]) => [`X${name}`, shape]),
    );
    return { ...program, schema: { ...program.schema, actions } };
  }

  it('is refused when a question fails, and gives its place in the engine back', () => {
    for (let n = 0; n <= ENGINE_SLOTS_MAX; n += 1) {
      expect(lines(createTriedEvaluator(broken()))).toEqual([
        expect.stringContaining(' engine_failure '),
      ]);
    }
  });

  it('is asked about as many actions as wanted', () => {
    const tried = createTriedEvaluator(broken(), 0);
    expect(tried.ok).toBe(true);
    if (tried.ok) tried.value.release();
  });
});
