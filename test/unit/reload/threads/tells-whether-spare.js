// Answers at once, and says whether it was started before its load came.
import { parentPort, workerData } from 'node:worker_threads';

parentPort.once('message', () => {
  parentPort.postMessage({ result: { ok: false }, spare: workerData.spare });
});
