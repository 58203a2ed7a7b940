// Loaded into a measured server before it begins: how late its event loop is. On SIGUSR2 it writes what
// was seen since the last time, milliseconds, to the file that BENCH_LOOP_DELAY names.
const { monitorEventLoopDelay } = require('node:perf_hooks');
const { isMainThread } = require('node:worker_threads');
const { renameSync, writeFileSync } = require('node:fs');

const EVERY_MS = 10;

if (isMainThread) {
  const file = process.env.BENCH_LOOP_DELAY;
  const seen = monitorEventLoopDelay({ resolution: EVERY_MS });
  seen.enable();
  process.on('SIGUSR2', () => {
    // What is recorded is the time between two timers.
    const late = (ns) => Math.max(0, ns / 1e6 - EVERY_MS);
    const found = { p99Ms: late(seen.percentile(99)), maxMs: late(seen.max) };
    seen.reset();
    writeFileSync(`${file}.new`, JSON.stringify(found));
    renameSync(`${file}.new`, file);
  });
}
