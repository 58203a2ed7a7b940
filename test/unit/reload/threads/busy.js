// A loading thread that never ends what it does.
import { parentPort } from 'node:worker_threads';

parentPort.once('message', () => {
  for (;;);
});
