#!/usr/bin/env node
/** The program: the only place that knows the process and ends it. */
import { colourOf, type Io, type Sink } from './commands/output.js';
import { run } from './commands/program.js';

const HELP_COLUMNS_DEFAULT = 100;
/** How long the end of the process waits for whoever reads its output, milliseconds. */
const FLUSH_MS_MAX = 1_000;

const io: Io = {
  stdin: process.stdin,
  stdout: sink(process.stdout),
  stderr: sink(process.stderr),
  env: process.env,
  columns: process.stdout.columns ?? HELP_COLUMNS_DEFAULT,
  exitCode: 0,
};

await run(process.argv.slice(2), io);
// What is still in a pipe goes out first, unless nobody reads it any more; then the process ends
// whatever is still open.
await Promise.all([process.stdout, process.stderr].map(flush));
process.exit(io.exitCode);

function sink(stream: NodeJS.WriteStream): Sink {
  // A reader that has gone (`| head`) is no fault of ours and must not end the process.
  stream.on('error', () => undefined);
  return { write: (text) => stream.write(text), colour: colourOf(process.env, stream.isTTY) };
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, FLUSH_MS_MAX);
    stream.write('', () => resolve());
  });
}
