/** PROPERTY_RUNS: how often each fast-check property runs (default 100), for `make verify`. */
import fc from 'fast-check';

const runs = Number(process.env.PROPERTY_RUNS ?? 0);

/** By how much properties with a number of runs of their own multiply it. */
export const PROPERTY_FACTOR = runs > 0 ? runs / 100 : 1;

if (runs > 0) fc.configureGlobal({ numRuns: runs });

/**
 * Of cases that are slow one by one: all in `make verify`, else every third from a random one on.
 */
export function thirdOf<T>(cases: Iterable<T>): T[] {
  const step = PROPERTY_FACTOR > 1 ? 1 : 3;
  const first = Math.floor(Math.random() * step);
  return [...cases].filter((_, index) => index % step === first);
}
