/**
 * How commands speak: data on stdout, messages on stderr, colour only where someone looks.
 * Commands get an `Io` and never touch `process`, so that tests can run them in memory.
 */
import { styleText } from 'node:util';
import { formatProblem, type Problem } from '../errors.js';
import { EXIT, type ExitCode, exitCodeOf } from './exit-codes.js';

export interface Sink {
  write(text: string): void;
  readonly colour: boolean;
}

export interface Io {
  readonly stdin: NodeJS.ReadableStream;
  /** Data: what a pipe should carry on. */
  readonly stdout: Sink;
  /** Messages for people. */
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Width of the help texts in characters. */
  readonly columns: number;
  /** What the process will end with. Commands set it; 0 until one does. */
  exitCode: ExitCode;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** A line (or several) of data on stdout. */
export function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}

/** One JSON document on stdout, for `--json`. */
export function printJson(io: Io, value: unknown): void {
  print(io, JSON.stringify(value, undefined, 2));
}

/** A message on stderr. */
export function note(io: Io, text: string): void {
  io.stderr.write(`${text}\n`);
}

/** Every problem on stderr, in people's form; the exit code follows from the first. */
export function fail(io: Io, problems: readonly [Problem, ...Problem[]]): void {
  note(io, problems.map((p) => styleProblem(io.stderr, p)).join('\n\n'));
  io.exitCode = exitCodeOf(problems);
}

/** A fault of the program itself: the cause for whoever has to mend it, and exit code 1. */
export function crash(io: Io, thrown: unknown): void {
  const cause = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  note(io, `${style(io.stderr, 'red', 'error:')} cedargate failed: ${cause}`);
  io.exitCode = EXIT.couldNot;
}

/** `text` in a style, or as it is where colour is off. */
export function style(sink: Sink, name: Style, text: string): string {
  // The decision about colour is ours (colourOf): newer Nodes would look at process.stdout.
  return sink.colour ? styleText(name, text, { validateStream: false }) : text;
}

/** Columns padded to their widest cell, two spaces apart; no trailing spaces. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * Whether to colour a stream. FORCE_COLOR (not `0`) wins, then NO_COLOR (not empty), then whether
 * it is a terminal that can.
 */
export function colourOf(
  env: Readonly<Record<string, string | undefined>>,
  isTty: boolean | undefined,
): boolean {
  const forced = env.FORCE_COLOR;
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
  if ((env.NO_COLOR ?? '') !== '') return false;
  return isTty === true && env.TERM !== 'dumb';
}

function styleProblem(sink: Sink, p: Problem): string {
  return `${style(sink, 'red', 'error:')} ${formatProblem(p)}`;
}
