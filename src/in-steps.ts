/** Work on the thread that answers requests, in steps of a millisecond between which it answers. */
import { setImmediate as turn } from 'node:timers/promises';
import { STEP_MS, STEP_SHARE } from './constants.js';

export interface StepOptions {
  /** A clock that never goes back, milliseconds. */
  readonly nowMs?: () => number;
  /** Resolves once others have had their turn. */
  readonly turn?: () => Promise<unknown>;
}

/**
 * Takes one piece after the other; one that is longer than a step is a step of its own. Where others
 * take long, a step does too: else the work would never come to its end on a busy machine.
 */
export async function inSteps(pieces: Iterable<unknown>, options: StepOptions = {}): Promise<void> {
  const nowMs = options.nowMs ?? (() => performance.now());
  const begin = async () => {
    const fromMs = nowMs();
    await (options.turn ?? turn)();
    const toMs = nowMs();
    return toMs + Math.max(STEP_MS, STEP_SHARE * (toMs - fromMs));
  };
  let endMs = await begin();
  for (const _ of pieces) {
    if (nowMs() >= endMs) endMs = await begin();
  }
}
