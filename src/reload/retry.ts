/** When a load that said nothing of what is on disk is tried again: ever more rarely. */
import { RELOAD_RETRY_MAX_MS, RELOAD_RETRY_MS } from '../constants.js';
import type { ErrorCode } from '../errors.js';

/** The same bytes may do better next time. */
const INCONCLUSIVE: ReadonlySet<ErrorCode> = new Set([
  'bundle_unreadable',
  'bundle_changing',
  'rollout_unreadable',
  // A clock that is wrong may be set right.
  'rollout_expired',
  'engine_failure',
  'load_timeout',
]);

export interface Retry {
  /** A load ended like this; `again`: as the one before. */
  refused(codes: readonly ErrorCode[], again: boolean): void;
  taken(): void;
  isDue(): boolean;
}

/** `now`: milliseconds since the epoch. */
export function createRetry(now: () => number): Retry {
  let delayMs = RELOAD_RETRY_MS;
  let fromMs = 0;
  let atMs = Number.POSITIVE_INFINITY;
  return {
    refused(codes, again) {
      delayMs = again ? Math.min(delayMs * 2, RELOAD_RETRY_MAX_MS) : RELOAD_RETRY_MS;
      const worthwhile = codes.some((code) => INCONCLUSIVE.has(code));
      fromMs = now();
      atMs = worthwhile ? fromMs + delayMs : Number.POSITIVE_INFINITY;
    },
    taken() {
      atMs = Number.POSITIVE_INFINITY;
    },
    // A clock that was set back would have it wait until it has caught up, which may be a day.
    isDue: () => now() >= atMs || (now() < fromMs && atMs !== Number.POSITIVE_INFINITY),
  };
}
