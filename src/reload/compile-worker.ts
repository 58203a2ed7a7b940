/**
 * Runs in a thread of its own, started by bundle-loader.ts: reads and compiles one directory, and
 * ends. A bundle that crashes the engine costs this thread only.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadBundleDirectory } from '../bundle/load.js';
import type { LoadRequest, ThreadData } from './bundle-loader.js';
import { warmUp } from './warm-up.js';

const port = parentPort;
if (port === null) throw new Error('compile-worker.ts runs in a worker thread only');
// What throws here is a bug or a broken engine: it ends the thread, and the other side says so.
port.once('message', async ({ directory, environment }: LoadRequest) => {
  port.postMessage(await loadBundleDirectory(directory, { environment }));
});
if ((workerData as ThreadData).spare) warmUp();
