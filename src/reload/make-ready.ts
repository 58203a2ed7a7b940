/**
 * Before a program decides, it is given what the one before it was asked about: in steps, while the
 * one before goes on answering. Otherwise every caller's first request after a change would wait for
 * its policies to be parsed, all of them at the same moment: a second of CPU for 200 callers with 50
 * policies each.
 */
import type { Evaluator } from '../cedar/types.js';
import { READY_MS_MAX } from '../constants.js';
import { inSteps, type StepOptions } from '../in-steps.js';

export type MakeReady = (next: Evaluator, before: Evaluator | undefined) => Promise<void>;

/** Never rejects. */
export function readyInSteps(options: StepOptions = {}): MakeReady {
  const nowMs = options.nowMs ?? (() => performance.now());
  return async (next, before) => {
    if (before?.askers === undefined || next.prepare === undefined) return;
    const pieces = next.prepare(before.askers());
    const endMs = nowMs() + READY_MS_MAX;
    await inSteps(
      until(pieces, () => nowMs() >= endMs),
      options,
    );
  };
}

function* until(pieces: Iterable<void>, ends: () => boolean): Generator<void> {
  for (const piece of pieces) {
    yield piece;
    if (ends()) return;
  }
}
