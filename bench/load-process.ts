/** Starts the client process and gives it work. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LoadResult, LoadTask } from './load.js';
import type { MeasuredServer } from './servers.js';

export type LoadTarget = Pick<MeasuredServer, 'port' | 'ended'>;

/** A server that crashed is known to have ended only a moment after its calls failed. */
const ENDS_MS_MAX = 1_000;

export interface LoadProcess {
  /** Throws when a call failed, or the server ended: such figures mean nothing. */
  run(server: LoadTarget, task: Omit<LoadTask, 'port'>): Promise<LoadResult>;
  stop(): void;
}

export function startLoadProcess(): LoadProcess {
  const file = fileURLToPath(new URL('./load.ts', import.meta.url));
  // As the bench itself runs; who else starts it may compile TypeScript in other ways.
  const child = fork(file, { execArgv: ['--import', 'tsx'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the client process ended with ${code}`);
  });
  ended.catch(() => {});
  return {
    async run(server, task) {
      const answered = once(child, 'message');
      child.send({ ...task, port: server.port } satisfies LoadTask);
      const [result] = (await Promise.race([answered, ended])) as [LoadResult];
      if (result.failed > 0) {
        await Promise.race([server.ended, sleep(ENDS_MS_MAX)]);
        throw new Error(`${result.failed} of ${task.count} calls failed: ${result.failure}`);
      }
      return result;
    },
    stop: () => {
      child.kill();
    },
  };
}
