/**
 * Runs in a thread of its own, started by bundle-loader.ts: loads one bundle, and ends. A bundle that crashes the engine costs this thread only.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadRequest, ThreadData } from './bundle-loader.js';
import { loadSource } from './source.js';
import { warmUp } from './warm-up.js';

const port = parentPort;
if (port === null) throw new Error('compile-worker.ts runs in a worker thread only');
// What throws here is a bug or a broken engine: it ends the thread, and the other side says so.
port.once('message', async ({ source, ...options }: LoadRequest) => {
  port.postMessage(await loadSource(source, options));
});
if ((workerData as ThreadData).spare) warmUp();
