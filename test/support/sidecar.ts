/** The built program, `cedargate serve`, as a process. Run `npm run build` before. */
import { existsSync } from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { request } from './http-client.js';
import { freePorts } from './ports.js';
import { describe, type Program, startProgram } from './program.js';
import { waitFor } from './wait.js';

/** dist/cli.js of this checkout. */
export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface SidecarOptions {
  /** Flags after `serve`, without --listen and --admin: `['--service', 'shop/payments', ...]`. */
  readonly args: readonly string[];
  /** `--listen` values; default one free TCP port on loopback. Sockets as `unix:/path`. */
  readonly listen?: readonly string[];
  /** Admin port; default a free one. */
  readonly adminPort?: number;
  /** Added to the environment. CEDARGATE_* of the caller's own environment is never passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /**
   * `ready` (default): /readyz says 200. `listening`: every listener accepts connections (a sidecar
   * in enforce without a bundle never gets ready). `none`: return at once.
   */
  readonly until?: 'ready' | 'listening' | 'none';
  /** Default 20,000. */
  readonly timeoutMs?: number;
  /** The node to run it with; default the one that runs the tests. */
  readonly node?: string;
  /** The program to run; default CLI. */
  readonly cli?: string;
}

/** NDJSON lines (decisions, changes) are in `lines`; the program's own messages in `output()`. */
export interface Sidecar extends Program {
  readonly listen: readonly string[];
  /** Port of the first TCP listener; 0 when there is none. */
  readonly port: number;
  readonly adminPort: number;
  /** GET on the admin listener: `/status`, `/metrics`, `/readyz`, `/livez`. */
  admin(path: string): Promise<{ status: number; body: string }>;
  /** `/status` as JSON. */
  status(): Promise<Record<string, unknown>>;
  /** Value of a sample such as `cedargate_reloads_total{result="ok"}`; undefined when absent. */
  metric(sample: string): Promise<number | undefined>;
}

export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { cli = CLI } = options;
  if (!existsSync(cli)) throw new Error(`${cli} is missing: run \`npm run build\` first`);
  const [grpcPort, freeAdminPort] = (await freePorts(2)) as [number, number];
  const listen = options.listen ?? [`127.0.0.1:${grpcPort}`];
  const adminPort = options.adminPort ?? freeAdminPort;
  const args = [
    cli,
    'serve',
    ...listen.flatMap((address) => ['--listen', address]),
    '--admin',
    `127.0.0.1:${adminPort}`,
    ...options.args,
  ];
  const program = startProgram('cedargate', options.node ?? process.execPath, args, {
    env: { ...ownEnvironment(), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const admin = (path: string) =>
    request({ port: adminPort, path }).then(({ status, body }) => ({ status, body }));
  const tcp = listen.find((address) => !address.startsWith('unix:'));
  const sidecar: Sidecar = {
    ...program,
    listen,
    port: tcp === undefined ? 0 : Number(tcp.slice(tcp.lastIndexOf(':') + 1)),
    adminPort,
    admin,
    status: async () => JSON.parse((await admin('/status')).body) as Record<string, unknown>,
    metric: async (sample) => sampleOf((await admin('/metrics')).body, sample),
  };
  try {
    await started(sidecar, options);
  } catch (thrown) {
    await program.kill();
    throw thrown;
  }
  return sidecar;
}

async function started(sidecar: Sidecar, options: SidecarOptions): Promise<void> {
  const until = options.until ?? 'ready';
  if (until === 'none') return;
  let ended = false;
  await waitFor(
    `cedargate to be ${until}`,
    async () => {
      if (sidecar.exit() !== undefined) {
        ended = true;
        return true;
      }
      if (until === 'ready') return (await sidecar.admin('/readyz')).status === 200;
      const accepting = await Promise.all(sidecar.listen.map(accepts));
      return accepting.every(Boolean);
    },
    {
      timeoutMs: options.timeoutMs ?? 20_000,
      detail: () => describe('cedargate', sidecar.lines, sidecar.output()),
    },
  );
  if (ended) {
    await sidecar.ended;
    throw new Error(`cedargate ended with ${sidecar.exit()}\n${sidecar.output()}`);
  }
}

/** Whether something accepts connections on `host:port` or `unix:PATH`. */
export function accepts(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const colon = address.lastIndexOf(':');
    const socket = address.startsWith('unix:')
      ? net.connect(address.slice('unix:'.length))
      : net.connect(Number(address.slice(colon + 1)), address.slice(0, colon));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** The value of one sample in the Prometheus text format, given as it is printed there. */
export function sampleOf(metrics: string, sample: string): number | undefined {
  const line = metrics.split('\n').find((text) => text.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1).split(' ')[0]);
}

function ownEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('CEDARGATE_')),
  );
}
