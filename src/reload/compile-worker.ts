/**
 * Runs in a thread of its own, started by bundle-loader.ts: loads one bundle, and ends. A bundle that
 * crashes the engine costs this thread only.
 */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadTask, ThreadData } from './bundle-loader.js';
import { perform } from './load-task.js';
import { warmUp } from './warm-up.js';

/** A quarter of what the other gets: with less a load could take longer than it may. */
const NICE = 6;

const port = parentPort;
if (port === null) throw new Error('compile-worker.ts runs in a worker thread only');
// What throws here is a bug or a broken engine: it ends the thread, and the other side says so.
port.once('message', async (task: LoadTask) => {
  port.postMessage(await perform(task));
});
const { spare, serving } = workerData as ThreadData;
if (serving) giveWay();
if (spare) warmUp();

/**
 * To the thread that answers, where there are fewer processors than threads: Linux has a priority for
 * each thread. This one still gets a quarter of a processor that both want.
 */
function giveWay(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, NICE);
  } catch {
    // Elsewhere it takes its share.
  }
}
