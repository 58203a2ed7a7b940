/** Starts what is measured, each as a process of its own: the no-op server and `cedargate serve`. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { LOADER_OPTIONS } from '../src/analysis/request-message.js';
import { SERVER_OPTIONS } from '../src/server/grpc.js';
import type { StatusDocument } from '../src/telemetry/status.js';
import { freePorts } from '../test/support/ports.js';
import { accepts, CLI } from '../test/support/sidecar.js';
import { waitFor } from '../test/support/wait.js';
import { countDecisions, NOTHING, type Tally, totalOf } from './decision-lines.js';
import type { NoopSettings } from './noop-server.js';
import { RUNTIME_ENVIRONMENT } from './runtime.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** Below the checkout, so that the compiled server finds node_modules. */
const COMPILED = join(ROOT, '.cache', 'bench');

const LOG_ARRIVES_MS_MAX = 30_000;

/** How long an event loop stood still, milliseconds. */
export interface Stall {
  readonly wallMs: number;
  /** Without the time that it waited for a processor. */
  readonly ownMs: number;
}

export interface MeasuredServer {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** What the decision log has said so far; nothing for a server without one. */
  decisions(): Tally;
  /** Waits until the log has lines for this many checks. Throws when they do not come. */
  logged(checks: number): Promise<void>;
  /** A sample of /metrics, or the sum of all whose names begin so; 0 where there are none. */
  sample(name: string): Promise<number>;
  /** How often the answer was known, and how often it was looked for, since the start. */
  lookups(): Promise<{ readonly known: number; readonly all: number }>;
  /** Rejects, with what it printed, when the process ends before it is stopped. */
  readonly ended: Promise<never>;
  stop(): Promise<void>;
}

export interface MeasuredSidecar extends MeasuredServer {
  /** The version of the bundle that decides. */
  version(): Promise<string | undefined>;
  /** Since the last look; never for a server that was started without the probe. */
  longestStall(): Promise<Stall>;
}

type Environment = Readonly<Record<string, string>>;

export async function startNoop(
  environment: Environment = RUNTIME_ENVIRONMENT,
): Promise<MeasuredServer> {
  const settings: NoopSettings = { loaderOptions: LOADER_OPTIONS, serverOptions: SERVER_OPTIONS };
  const child = launchNode([compiled('noop-server'), JSON.stringify(settings)], environment);
  const ended = endOf('the no-op server', child);
  const [first] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
  return {
    name: 'no-op',
    pid: child.pid as number,
    port: Number(first.toString()),
    decisions: () => NOTHING,
    logged: async () => {},
    sample: async () => 0,
    lookups: async () => ({ known: 0, all: 0 }),
    ended,
    stop: () => stop(child),
  };
}

export type SidecarSettings =
  /** The directory. */
  | { readonly bundle: string; readonly probed?: boolean }
  /** What stands in its place. `everyLine`: every decision is logged. */
  | { readonly flags: readonly string[]; readonly everyLine: boolean };

/** Mode shadow, every decision logged to a pipe that is read, counted and thrown away. */
export async function startCedargate(
  settings: SidecarSettings,
  environment: Environment = RUNTIME_ENVIRONMENT,
): Promise<MeasuredSidecar> {
  const { flags, everyLine } =
    'flags' in settings
      ? settings
      : { flags: ['--environment', 'bench', '--bundle', settings.bundle], everyLine: true };
  const [port, admin] = (await freePorts(2)) as [number, number];
  const args = ['serve', '--listen', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${admin}`];
  args.push('--service', 'shop/payments', ...flags);
  // Its event loop is watched.
  const probed = 'probed' in settings && settings.probed === true;
  const probe = probed ? ['--import', compiled('loop-probe')] : [];
  const child = launchNode([...probe, CLI, ...args], environment);
  const decisions = countDecisions(child.stdout);
  const ready = waitFor('cedargate', () => accepts(`127.0.0.1:${port}`), {
    timeoutMs: 60_000,
    everyMs: 5,
  });
  ready.catch(() => {});
  const ended = endOf('cedargate', child);
  await Promise.race([ready, ended]);
  return {
    name: 'cedargate',
    pid: child.pid as number,
    port,
    decisions,
    sample: (name) => sampleAt(admin, name),
    lookups: () => lookupsAt(admin),
    version: () => versionAt(admin),
    longestStall: () => longestStall(child),
    logged: async (checks) => {
      if (everyLine) await linesArrive(decisions, checks);
    },
    ended,
    stop: () => stop(child),
  };
}

async function versionAt(admin: number): Promise<string | undefined> {
  const status = await (await fetch(`http://127.0.0.1:${admin}/status`)).json();
  return (status as StatusDocument).bundle?.version;
}

async function longestStall(child: Child): Promise<Stall> {
  const answered = once(child.stdio[3] as Readable, 'data');
  child.kill('SIGUSR2');
  const [answer] = (await answered) as [Buffer];
  return JSON.parse(answer.toString()) as Stall;
}

/** Waits for the decision lines of so many checks. */
export async function linesArrive(decisions: () => Tally, checks: number): Promise<void> {
  await waitFor(`${checks} decision lines`, () => totalOf(decisions()) >= checks, {
    timeoutMs: LOG_ARRIVES_MS_MAX,
    everyMs: 5,
    detail: () => `${totalOf(decisions())} came`,
  });
}

async function sampleAt(admin: number, name: string): Promise<number> {
  const body = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  const lines = body.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

async function lookupsAt(admin: number) {
  const [known, all] = await Promise.all([
    sampleAt(admin, 'cedargate_cache_requests_total{result="hit"}'),
    sampleAt(admin, 'cedargate_cache_requests_total{'),
  ]);
  if (all === 0) throw new Error('/metrics has no lookups');
  return { known, all };
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** What is kept of the messages of a process, for the report of its end. */
const MESSAGE_CHARS_MAX = 10_000;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function launchNode(args: readonly string[], environment: Environment): Child {
  const extra = process.env.BENCH_NODE_OPTIONS?.split(' ') ?? [];
  return launch(process.execPath, [...extra, ...args], environment);
}

/** Ended with this process at the latest. `environment` is added to what is kept of our own. */
export function launch(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Child {
  const child = spawn(program, args, {
    // The last one is for the probe.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), ...environment },
  }) as Child;
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

const RUNTIME_SETTINGS = [
  ...Object.keys(RUNTIME_ENVIRONMENT),
  'GOMAXPROCS',
  'GOGC',
  'GOMEMLIMIT',
  'GODEBUG',
];

/** Settings of the caller's own environment must not change what is measured. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => {
    return !name.startsWith('CEDARGATE_') && !RUNTIME_SETTINGS.includes(name);
  });
  // Nobody is waiting for a successor.
  return { ...Object.fromEntries(kept), CEDARGATE_DRAIN_MS: '0' };
}

/** Rejects with what the process printed when it ends by itself. */
export function endOf(name: string, child: Child): Promise<never> {
  let messages = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    messages = `${messages}${text}`.slice(-MESSAGE_CHARS_MAX);
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    throw new Error(`${name} ended with ${signal ?? code}\n${messages}`);
  });
  ended.catch(() => {});
  return ended;
}

export async function stop(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(timer);
}

/** To JavaScript as cedargate is: a loader in the process would cost it memory and time. */
function compiled(name: 'noop-server' | 'loop-probe'): string {
  const source = readFileSync(fileURLToPath(new URL(`./${name}.ts`, import.meta.url)), 'utf8');
  const { code } = transformSync(source, { loader: 'ts', target: 'node20.19' });
  mkdirSync(COMPILED, { recursive: true });
  const file = join(COMPILED, `${name}.mjs`);
  writeFileSync(file, code);
  return file;
}
