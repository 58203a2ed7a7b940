/** An `Io` in memory: what a command wrote, and the exit code it set. */
import { Readable } from 'node:stream';
import type { Io } from '../../src/commands/output.js';

export interface MemoryIo extends Io {
  readonly written: { stdout: string; stderr: string };
}

export function memoryIo(
  options: { env?: Io['env']; stdin?: string; columns?: number } = {},
): MemoryIo {
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
    colour: false,
  });
  return {
    stdin: Readable.from([options.stdin ?? '']),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    env: options.env ?? {},
    columns: options.columns ?? 100,
    exitCode: 0,
    written,
  };
}
