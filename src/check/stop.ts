/**
 * How a step of the hot path says that a request cannot be decided by policy: a reason of the
 * registry and the rule that was broken. Steps return it; nothing on the hot path throws it.
 */
import type { Reason } from './reasons.js';
import type { CheckError } from './types.js';

/** A class, so that no record whose keys come from outside can be taken for one. */
export class Stop {
  constructor(
    readonly reason: Reason,
    readonly error: CheckError,
  ) {}
}

export function stop(reason: Reason, code: string, message: string, field?: string): Stop {
  return new Stop(reason, field === undefined ? { code, message } : { code, message, field });
}
