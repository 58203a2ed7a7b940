/** A child process whose output is kept: what Envoy and the sidecar have in common. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type WaitOptions, waitFor } from './wait.js';

/** A line of NDJSON on stdout. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface Program {
  readonly pid: number;
  /** Every JSON object printed on stdout, one a line, in order. */
  readonly lines: readonly LogLine[];
  /** Everything else: stdout lines that are no JSON object, and stderr. */
  output(): string;
  /** The first line, past or future, that satisfies `wanted`; from index `from` on (default 0). */
  waitForLine(
    wanted: (line: LogLine) => boolean,
    options?: WaitOptions & { readonly from?: number },
  ): Promise<LogLine>;
  /** Undefined while it runs, then its exit code, or the signal that ended it. */
  exit(): number | NodeJS.Signals | undefined;
  /** Resolves with that once it has ended and its output was read to the end. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Sends a signal (default SIGTERM), waits, and sends SIGKILL after `graceMs` (default 15,000). */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<number | NodeJS.Signals>;
  /** SIGKILL, and waits. */
  kill(): Promise<void>;
  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void;
  /** Reads no more of its stdout. */
  stall(): void;
  /** Reads its stdout again. */
  read(): void;
}

const STOP_GRACE_MS = 15_000;
const OUTPUT_CHARS_MAX = 200_000;

/** Children that still run when the test process ends are killed with it. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program. It is the caller's to stop. */
export function startProgram(
  name: string,
  command: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env'> = {},
): Program {
  const child = spawn(command, [...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const lines: LogLine[] = [];
  let output = '';
  const note = (text: string) => {
    output = `${output}${text}`.slice(-OUTPUT_CHARS_MAX);
  };
  const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  reader.on('line', (line) => {
    const parsed = parseLine(line);
    if (parsed === undefined) note(`${line}\n`);
    else lines.push(parsed);
  });
  child.stderr?.setEncoding('utf8').on('data', note);

  let exit: number | NodeJS.Signals | undefined;
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('error', (thrown) => {
      note(`${name} could not be started: ${thrown.message}\n`);
      running.delete(child);
      exit = 127;
      resolve(127);
    });
    child.once('exit', (code, signal) => {
      exit = code ?? signal ?? 0;
    });
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal ?? 0);
    });
  });

  const program: Program = {
    pid: child.pid ?? -1,
    lines,
    output: () => output,
    waitForLine: (wanted, wait = {}) =>
      waitFor(
        `a line of ${name}`,
        () => {
          const found = lines.slice(wait.from ?? 0).find(wanted);
          if (found === undefined && exit !== undefined) {
            throw new Error(`${name} has ended with ${exit}`);
          }
          return found;
        },
        { detail: () => describe(name, lines, output), ...wait },
      ),
    exit: () => exit,
    ended,
    stop: async (signal = 'SIGTERM', graceMs = STOP_GRACE_MS) => {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      const code = await ended;
      clearTimeout(timer);
      return code;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    signal: (signal) => {
      child.kill(signal);
    },
    stall: () => {
      reader.pause();
    },
    read: () => {
      reader.resume();
    },
  };
  return program;
}

/** The last lines of a program, for failure messages. */
export function describe(name: string, lines: readonly LogLine[], output: string): string {
  const tail = lines.slice(-5).map((line) => JSON.stringify(line));
  return [`--- ${name}: last output`, output.slice(-4_000), ...tail].join('\n');
}

function parseLine(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}
