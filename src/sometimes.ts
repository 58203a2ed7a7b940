/** Warnings that could come with every request are told now and then. */
import { LOG_WARN_EVERY_MS } from './constants.js';

/** Lets a call through unless the last one was less than LOG_WARN_EVERY_MS ago. */
export function sometimes(
  now: () => number,
  act: (cause: string) => void,
): (cause: string) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (cause) => {
    const nowMs = now();
    // A clock that was set back must not silence it for as long.
    if (nowMs >= lastMs && nowMs - lastMs < LOG_WARN_EVERY_MS) return;
    lastMs = nowMs;
    act(cause);
  };
}
