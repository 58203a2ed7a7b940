/** Work on the thread that answers requests, in steps of a few milliseconds between which it answers. */
import { setImmediate as turn } from 'node:timers/promises';
import { STEP_MS } from './constants.js';

export interface StepOptions {
  /** A clock that never goes back, milliseconds. */
  readonly nowMs?: () => number;
  /** Resolves once others have had their turn. */
  readonly turn?: () => Promise<unknown>;
}

/** Takes one piece after the other; one that is longer than a step is a step of its own. */
export async function inSteps(pieces: Iterable<unknown>, options: StepOptions = {}): Promise<void> {
  const nowMs = options.nowMs ?? (() => performance.now());
  await (options.turn ?? turn)();
  let endMs = nowMs() + STEP_MS;
  for (const _ of pieces) {
    if (nowMs() < endMs) continue;
    await (options.turn ?? turn)();
    endMs = nowMs() + STEP_MS;
  }
}
