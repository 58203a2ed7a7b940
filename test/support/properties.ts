/** PROPERTY_RUNS: how often each fast-check property runs (default 100), for `make verify`. */
import fc from 'fast-check';

const runs = Number(process.env.PROPERTY_RUNS ?? 0);
if (runs > 0) fc.configureGlobal({ numRuns: runs });
