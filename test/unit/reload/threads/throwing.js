// A loading thread that dies.
import { parentPort } from 'node:worker_threads';

parentPort.once('message', () => {
  process.stdout.write('this must not reach the standard output of the process\n');
  throw new Error('unreachable executed');
});
