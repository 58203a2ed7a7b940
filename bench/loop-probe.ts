/**
 * Loaded into a server before its own code: how long its event loop stood still at most, from one turn
 * of a timer to the next. On SIGUSR2 it writes that to file descriptor 3, as JSON, and begins anew.
 *
 * The time that the thread waited for a processor is told apart: on a machine that others use as well
 * it says nothing about the server.
 */
import { readFileSync, writeSync } from 'node:fs';

/** How exact it is. */
const EVERY_MS = 1;
/** Nanoseconds on a processor, nanoseconds of waiting for one, of the main thread. */
const SCHEDULED = `/proc/self/task/${process.pid}/schedstat`;

const waitedMs = () => Number(readFileSync(SCHEDULED, 'latin1').split(' ')[1]) / 1e6;

let longest = { wallMs: 0, ownMs: 0 };
let last = { atMs: performance.now(), waitedMs: waitedMs() };
setInterval(() => {
  const now = { atMs: performance.now(), waitedMs: waitedMs() };
  const wallMs = now.atMs - last.atMs;
  const ownMs = wallMs - (now.waitedMs - last.waitedMs);
  longest = {
    wallMs: Math.max(longest.wallMs, wallMs),
    ownMs: Math.max(longest.ownMs, ownMs),
  };
  last = now;
}, EVERY_MS).unref();

process.on('SIGUSR2', () => {
  writeSync(3, `${JSON.stringify(longest)}\n`);
  longest = { wallMs: 0, ownMs: 0 };
});
