/**
 * A real Envoy: finding one, starting it with a configuration whose ports and paths were made free,
 * reading its statistics and access log.
 *
 * Which Envoy: `ENVOY=/path` when set, else `envoy` on the PATH, else the wheel that `make envoy`
 * installed under `.cache/`. Suites that need one are made with `describeWithEnvoy` (suites.ts).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { request } from './http-client.js';
import { freePorts } from './ports.js';
import { describe, type LogLine, type Program, startProgram } from './program.js';
import { waitFor } from './wait.js';

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));
/** The version that scripts/envoy/requirements.txt pins. */
export const ENVOY_VERSION = '1.40.0';
/** How the reason begins when there is none. In CI the reporter makes that a failure. */
export const NO_ENVOY = 'no Envoy';

export type FoundEnvoy = { readonly path: string } | { readonly missing: string };

/** Where Envoy is, or why there is none: a reason that the closing lines of a test run can show. */
export function findEnvoy(): FoundEnvoy {
  const given = process.env.ENVOY;
  if (given !== undefined && given !== '') {
    return existsSync(given)
      ? { path: given }
      : { missing: `${NO_ENVOY}: ENVOY=${given} does not exist` };
  }
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .map((dir) => join(dir, 'envoy'))
    .find((file) => existsSync(file));
  if (onPath !== undefined) return { path: onPath };
  const installed = join(CACHE, `envoy-${ENVOY_VERSION}`, 'envoy', '_bin', 'envoy');
  if (existsSync(installed)) return { path: installed };
  const why = join(CACHE, 'envoy.failed');
  const cause = existsSync(why)
    ? readFileSync(why, 'utf8').trim()
    : 'run `make envoy`, or give ENVOY=/path';
  return { missing: `${NO_ENVOY}: ${cause}` };
}

/** The path of Envoy; throws when there is none. */
export function requireEnvoy(): string {
  const found = findEnvoy();
  if ('missing' in found) throw new Error(found.missing);
  return found.path;
}

/** An Envoy bootstrap as plain data. Loose on purpose: tests change single fields deep inside. */
// biome-ignore lint/suspicious/noExplicitAny: the schema is Envoy's, and Envoy checks it
export type EnvoyConfig = any;

export interface Rewrite {
  /**
   * Port in the file -> port to use. Ports that are not named get free ones, so that several
   * Envoys and tests can run at the same time; port 0 stays.
   */
  readonly ports?: Readonly<Record<number, number>>;
  /** Prefix of any string in the file -> what to put in its place: certificate and socket paths. */
  readonly paths?: Readonly<Record<string, string>>;
}

export interface Rewritten {
  readonly config: EnvoyConfig;
  /** Port in the file -> port in `config`. */
  readonly port: (inFile: number) => number;
}

/** Reads an Envoy YAML file of this repository and moves it to free ports and other paths. */
export async function readEnvoyConfig(file: string, rewrite: Rewrite = {}): Promise<Rewritten> {
  return rewriteConfig(parse(readFileSync(file, 'utf8')), rewrite);
}

/** The same for a configuration that is already data. The argument is left as it is. */
export async function rewriteConfig(
  config: EnvoyConfig,
  rewrite: Rewrite = {},
): Promise<Rewritten> {
  const ports = new Map(
    Object.entries(rewrite.ports ?? {}).map(([from, to]) => [Number(from), to]),
  );
  const unnamed = [...portsIn(config)].filter((port) => port !== 0 && !ports.has(port));
  const free = await freePorts(unnamed.length);
  unnamed.forEach((port, i) => {
    ports.set(port, free[i] as number);
  });
  const paths = Object.entries(rewrite.paths ?? {});
  return {
    config: mapValues(config, (key, value) => {
      if (key === 'port_value' && typeof value === 'number') return ports.get(value) ?? value;
      if (typeof value !== 'string') return value;
      const hit = paths.find(([prefix]) => value.startsWith(prefix));
      return hit === undefined ? value : `${hit[1]}${value.slice(hit[0].length)}`;
    }),
    port: (inFile) => {
      const port = ports.get(inFile);
      if (port === undefined) throw new Error(`no port ${inFile} in the Envoy configuration`);
      return port;
    },
  };
}

export interface Envoy {
  readonly adminPort: number;
  /** JSON access log lines on Envoy's stdout, in order. */
  readonly accessLog: readonly LogLine[];
  /** The first access log line, past or future, that satisfies `wanted`. */
  waitForAccessLog: Program['waitForLine'];
  /** All statistics; absent ones read as 0 through `stat`. */
  stats(): Promise<Map<string, number>>;
  /** One counter or gauge by its full name, 0 when Envoy does not have it (yet). */
  stat(name: string): Promise<number>;
  /** GET or POST on the admin interface. */
  admin(path: string, method?: 'GET' | 'POST'): Promise<{ status: number; body: string }>;
  /** Envoy's own log. */
  output(): string;
  readonly pid: number;
  exit: Program['exit'];
  /** Ends it at once (SIGTERM, then SIGKILL) and removes its temporary files. */
  stop(): Promise<void>;
}

export interface EnvoyOptions {
  /** Default `warning`. */
  readonly logLevel?: string;
  /** Worker threads. Default 2. */
  readonly concurrency?: number;
  /** Where relative paths of the configuration begin; default the current directory. */
  readonly cwd?: string;
}

/** Starts Envoy and waits until its listeners and clusters are up. The admin block may be absent. */
export async function startEnvoy(config: EnvoyConfig, options: EnvoyOptions = {}): Promise<Envoy> {
  const dir = mkdtempSync(join(tmpdir(), 'cedargate-envoy-'));
  const { config: bootstrap, adminPort } = await withAdmin(config);
  const file = join(dir, 'envoy.yaml');
  writeFileSync(file, stringify(bootstrap));
  const args = ['-c', file, '--disable-hot-restart', '--log-level', options.logLevel ?? 'warning'];
  // Access log lines are buffered for ten seconds unless Envoy is told otherwise.
  args.push('--file-flush-interval-msec', '20', '--concurrency', String(options.concurrency ?? 2));
  const program = startProgram('envoy', requireEnvoy(), args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const admin: Envoy['admin'] = (path, method = 'GET') =>
    request({ port: adminPort, path, method }).then(({ status, body }) => ({ status, body }));
  const envoy: Envoy = {
    adminPort,
    accessLog: program.lines,
    waitForAccessLog: program.waitForLine,
    stats: async () => parseStats((await admin('/stats')).body),
    stat: async (name) => parseStats((await admin('/stats')).body).get(name) ?? 0,
    admin,
    output: program.output,
    pid: program.pid,
    exit: program.exit,
    stop: async () => {
      await program.stop('SIGTERM', 2_000);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  const ready = waitFor('Envoy', async () => (await admin('/ready')).status === 200, {
    timeoutMs: 20_000,
    detail: () => describe('envoy', program.lines, program.output()),
  });
  const ended = program.ended.then((code) => {
    throw new Error(`Envoy ended with ${code}\n${program.output()}`);
  });
  ended.catch(() => undefined);
  try {
    await Promise.race([ready, ended]);
  } catch (thrown) {
    ready.catch(() => undefined);
    await envoy.stop();
    throw thrown;
  }
  return envoy;
}

/** What `envoy --mode validate` says of a configuration: undefined when it is valid, else its log. */
export function validateConfig(config: EnvoyConfig, cwd?: string): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'cedargate-envoy-'));
  try {
    const file = join(dir, 'envoy.yaml');
    writeFileSync(file, stringify(config));
    execFileSync(requireEnvoy(), ['--mode', 'validate', '-c', file, '--log-level', 'warning'], {
      stdio: 'pipe',
      ...(cwd === undefined ? {} : { cwd }),
    });
    return undefined;
  } catch (thrown) {
    const { stdout, stderr, message } = thrown as Error & { stdout?: Buffer; stderr?: Buffer };
    return `${message}\n${stdout ?? ''}${stderr ?? ''}`;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function withAdmin(config: EnvoyConfig): Promise<{ config: EnvoyConfig; adminPort: number }> {
  const address = config.admin?.address?.socket_address;
  if (address?.port_value > 0) return { config, adminPort: address.port_value };
  const [adminPort] = (await freePorts(1)) as [number];
  const admin = {
    address: { socket_address: { address: '127.0.0.1', port_value: adminPort } },
  };
  return { config: { ...config, admin }, adminPort };
}

/** `name: value` lines; histograms and text values are left out. */
function parseStats(text: string): Map<string, number> {
  const stats = new Map<string, number>();
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(': ');
    const value = Number(line.slice(colon + 2));
    if (colon > 0 && Number.isFinite(value)) stats.set(line.slice(0, colon), value);
  }
  return stats;
}

function portsIn(value: unknown): Set<number> {
  const ports = new Set<number>();
  mapValues(value, (key, inner) => {
    if (key === 'port_value' && typeof inner === 'number') ports.add(inner);
    return inner;
  });
  return ports;
}

/** A copy in which every leaf went through `change`. */
function mapValues(
  value: unknown,
  change: (key: string, value: unknown) => unknown,
  key = '',
): unknown {
  if (Array.isArray(value)) return value.map((item) => mapValues(item, change, key));
  if (typeof value !== 'object' || value === null) return change(key, value);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, mapValues(inner, change, name)]),
  );
}
