/** Waiting for a condition with a deadline, where there is no event to await. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Default 30,000: generous, for two cores with four busy test files. */
  readonly timeoutMs?: number;
  /** Default 20. */
  readonly everyMs?: number;
  /** What to say besides `what` when the deadline passes: logs, the last answer. */
  readonly detail?: () => string;
}

/**
 * Polls until `condition` gives something other than undefined, false or null, and returns it.
 * Throws `timed out waiting for <what>` with the details. An exception of the condition counts as
 * "not yet" and is named when the deadline passes.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = Date.now() + (options.timeoutMs ?? 30_000);
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) {
        return value as NonNullable<Exclude<T, false>>;
      }
      last = undefined;
    } catch (thrown) {
      last = thrown;
    }
    if (Date.now() > deadline) {
      const cause = last === undefined ? '' : `: ${String(last)}`;
      const detail = options.detail === undefined ? '' : `\n${options.detail()}`;
      throw new Error(`timed out waiting for ${what}${cause}${detail}`);
    }
    await sleep(options.everyMs ?? 20);
  }
}
