/** PROPERTY_RUNS: how often each fast-check property runs (default 100), for `make verify`. */
import fc from 'fast-check';

const runs = Number(process.env.PROPERTY_RUNS ?? 0);

/** By how much properties with a number of runs of their own multiply it. */
export const PROPERTY_FACTOR = runs > 0 ? runs / 100 : 1;

if (runs > 0) fc.configureGlobal({ numRuns: runs });
