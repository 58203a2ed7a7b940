/**
 * How often each exception has spoken for a denied request since this process began, in shadow too:
 * one that nobody uses can go, and one that is used wants a permit before it ends.
 */
import type { CheckRecord } from '../check/types.js';
import { EXCEPTION_USES_MAX } from '../constants.js';

export interface ExceptionUse {
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface ExceptionUses {
  /** Whether this is the first use of an exception; does nothing where none was used. */
  add(record: Pick<CheckRecord, 'exception' | 'regime'>, nowMs: number): boolean;
  /** Undefined = unused. One that is extended, or renewed under its name, goes on counting. */
  of(rollout: string, exception: string): ExceptionUse | undefined;
}

export function createExceptionUses(): ExceptionUses {
  const uses = new Map<string, { count: number; firstMs: number; lastMs: number }>();
  // Names hold no slash.
  const keyOf = (rollout: string, exception: string) => `${rollout}/${exception}`;
  return {
    add({ exception, regime: { rollout } }, nowMs) {
      if (exception === undefined || rollout === undefined) return false;
      const key = keyOf(rollout.name, exception);
      const use = uses.get(key);
      if (use !== undefined) {
        use.count += 1;
        use.lastMs = nowMs;
        return false;
      }
      // Names come from documents, which can be replaced for ever.
      if (uses.size >= EXCEPTION_USES_MAX) uses.delete(uses.keys().next().value as string);
      uses.set(key, { count: 1, firstMs: nowMs, lastMs: nowMs });
      return true;
    },
    of: (rollout, exception) => uses.get(keyOf(rollout, exception)),
  };
}
