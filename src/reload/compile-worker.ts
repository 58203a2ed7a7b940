/**
 * Runs in a thread of its own, started by bundle-loader.ts: loads one bundle, and ends. A bundle that crashes the engine costs this thread only.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadTask, ThreadData } from './bundle-loader.js';
import { loadCandidate } from './load-candidates.js';
import { loadRollouts } from './load-rollouts.js';
import { packCandidate, packRollouts, packSource } from './pack-bundles.js';
import { loadSource } from './source.js';
import { warmUp } from './warm-up.js';

const port = parentPort;
if (port === null) throw new Error('compile-worker.ts runs in a worker thread only');
// What throws here is a bug or a broken engine: it ends the thread, and the other side says so.
port.once('message', async (task: LoadTask) => {
  port.postMessage(await answerTo(task));
});
if ((workerData as ThreadData).spare) warmUp();

async function answerTo(task: LoadTask): Promise<unknown> {
  if (task.kind === 'rollouts') return packRollouts(await loadRollouts(task.request));
  if (task.kind === 'candidate') return packCandidate(await loadCandidate(task.request));
  const { source, ...options } = task.request;
  return packSource(await loadSource(source, options));
}
