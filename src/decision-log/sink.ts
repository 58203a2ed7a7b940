/**
 * Where log lines go: bytes in, how many of them were taken out. A sink never blocks the event
 * loop on a slow reader and never keeps the process from ending.
 *
 * Not pino's own destination (SonicBoom), on measurement: it writes to a pipe from a thread, and a
 * process whose reader stalls then cannot exit until the reader goes on (Node joins the thread).
 * It also costs 6 us a line. Node's own stream waits for the pipe without a thread.
 */
import { fstatSync, write as fsWrite } from 'node:fs';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';

/**
 * Writes `bytes` and calls back once, with how many of them were taken and the error that stopped
 * it, if any. The queue calls it again only after that, and leaves `bytes` alone until then.
 */
export type Sink = (bytes: Uint8Array, done: SinkDone) => void;
export type SinkDone = (error: Error | undefined, written: number) => void;

/** Pipes, sockets and terminals, as `process.stdout` presents them. */
function streamSink(stream: Writable): Sink {
  // Every failure also reaches the callback of its write; unheard, the event would end the process.
  stream.on('error', () => {});
  return (bytes, done) => {
    stream.write(bytes, (error) => {
      if (error) done(error, 0);
      else done(undefined, bytes.length);
    });
  };
}

/**
 * Files and devices. `process.stdout` would write these synchronously, and take a short write on a
 * full disk for a whole one.
 */
function fileSink(fd: number): Sink {
  return (bytes, done) => {
    fsWrite(fd, bytes, 0, bytes.length, null, (error, written) =>
      done(error ?? undefined, written),
    );
  };
}

const STDOUT_FD = 1;

/** The sink that suits what stdout is. */
export function stdoutSink(): Sink {
  const stat = fstatSync(STDOUT_FD);
  const streams = stat.isFIFO() || stat.isSocket() || isatty(STDOUT_FD);
  return streams ? streamSink(process.stdout) : fileSink(STDOUT_FD);
}
