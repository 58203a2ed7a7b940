/** Starts the client process and gives it work. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadResult, LoadTask } from './load.js';

export interface LoadProcess {
  /** Throws when a call failed: figures of a run with failures mean nothing. */
  run(task: LoadTask): Promise<LoadResult>;
  stop(): void;
}

export function startLoadProcess(): LoadProcess {
  const child = fork(fileURLToPath(new URL('./load.ts', import.meta.url)));
  process.once('exit', () => child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the client process ended with ${code}`);
  });
  ended.catch(() => {});
  return {
    async run(task) {
      const answered = once(child, 'message');
      child.send(task);
      const [result] = (await Promise.race([answered, ended])) as [LoadResult];
      if (result.failed > 0) {
        throw new Error(`${result.failed} of ${task.count} calls failed: ${result.failure}`);
      }
      return result;
    },
    stop: () => {
      child.kill();
    },
  };
}
