// A loading thread that takes all memory it can get.
import { parentPort } from 'node:worker_threads';

parentPort.once('message', () => {
  const kept = [];
  for (;;) kept.push(new Array(1_000_000).fill({}));
});
