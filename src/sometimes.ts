/** Warnings that could come with every request are told now and then. */
import { LOG_WARN_EVERY_MS } from './constants.js';

/** Lets a call through unless the last one was less than LOG_WARN_EVERY_MS ago. */
export function sometimes(
  now: () => number,
  act: (cause: string) => void,
): (cause: string) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (cause) => {
    if (now() - lastMs < LOG_WARN_EVERY_MS) return;
    lastMs = now();
    act(cause);
  };
}
