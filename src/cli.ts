#!/usr/bin/env node
/** The program: the only place that knows the process and ends it. */
import { EXIT } from './commands/exit-codes.js';
import { colourOf, type Io, type Sink } from './commands/output.js';
import { run } from './commands/program.js';

const HELP_COLUMNS_DEFAULT = 100;

let outputFailed = false;
const stdout = sink(process.stdout);
const stderr = sink(process.stderr);
const io: Io = {
  stdin: process.stdin,
  stdout,
  stderr,
  env: process.env,
  columns: process.stdout.columns ?? HELP_COLUMNS_DEFAULT,
  exitCode: 0,
};

await run(process.argv.slice(2), io);
// What commands printed goes out first. The decision log is not theirs: `serve` has waited for it as
// long as it may, and a reader that stalls must not keep a stopped sidecar alive.
await Promise.all([stdout.written(), stderr.written()]);
process.exit(outputFailed && io.exitCode === EXIT.done ? EXIT.couldNot : io.exitCode);

function sink(stream: NodeJS.WriteStream): Sink & { written: () => Promise<void> } {
  // A reader that has gone (`| head`) is no fault of ours; a full disk is a reason to end with 1.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') outputFailed = true;
  });
  let last = Promise.resolve();
  return {
    write: (text) => {
      last = new Promise((resolve) => stream.write(text, () => resolve()));
    },
    written: () => last,
    colour: colourOf(process.env, stream.isTTY),
  };
}
