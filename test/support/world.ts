/**
 * The smallest whole installation: workload certificates, an upstream, cedargate, and a real Envoy
 * with one of the two shipped profiles moved to free ports. One `startWorld` a suite.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CertificateAuthority, createCa, type Leaf } from './certs.js';
import { type Envoy, type EnvoyConfig, readEnvoyConfig, startEnvoy } from './envoy.js';
import { type Answer, type ClientTls, type RequestOptions, request } from './http-client.js';
import { type Load, type LoadOptions, startLoad } from './load.js';
import { freePorts } from './ports.js';
import { type Sidecar, type SidecarOptions, startSidecar } from './sidecar.js';
import { startUpstream, type Upstream, type UpstreamOptions } from './upstream.js';
import { waitFor } from './wait.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BUNDLES = fileURLToPath(new URL('../envoy/bundles/', import.meta.url));
/** As in envoy.yaml: Envoy listens, the application, cedargate, the endpoint for a take-over. */
const PORT = { listener: 10_000, upstream: 8_080, first: 9_191, second: 9_192 } as const;

export const PROFILES = {
  observe: join(ROOT, 'envoy.yaml'),
  enforcing: join(ROOT, 'deploy/envoy/enforcing.yaml'),
} as const;
export type Profile = keyof typeof PROFILES;

/** A list with the one filter that reads tokens, to be put into a profile. */
export const JWT_AUTHN = join(ROOT, 'deploy/envoy/jwt-authn.yaml');

/** Callers with an ordinary workload certificate. */
export const CALLERS = {
  orders: 'spiffe://example.org/ns/shop/sa/orders',
  batch: 'spiffe://example.org/ns/shop/sa/batch',
} as const;
export type Caller = keyof typeof CALLERS;

export interface WorldOptions {
  readonly profile: Profile;
  /** Of the plain directory; not with `approved`. */
  readonly mode?: 'shadow' | 'enforce';
  /** A folder under test/envoy/bundles; it is copied, so a test may change `world.bundleDir`. */
  readonly bundle?: string;
  /** Puts the bundle's files into `dir`, which does not exist yet. Default: plain files. */
  readonly placeBundle?: (files: Record<string, string>, dir: string) => void | Promise<void>;
  /**
   * Puts what is approved into `dir`, which exists, and returns the flags that serve it, in place of
   * --bundle and --mode.
   */
  readonly approved?: (dir: string) => readonly string[];
  /** Flags of cedargate after those that say what it serves, and --service shop/payments. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly upstream?: UpstreamOptions;
  /** Talk to cedargate over a Unix socket instead of the two TCP endpoints. */
  readonly unixSocket?: boolean;
  /** Last changes to the profile before Envoy starts. */
  readonly edit?: (config: EnvoyConfig, world: { readonly dir: string }) => void;
}

export interface World {
  /** Temporary, removed by `stop`. Certificates are in `<dir>/certs`. */
  readonly dir: string;
  readonly bundleDir: string;
  readonly ca: CertificateAuthority;
  readonly envoy: Envoy;
  readonly upstream: Upstream;
  /** The first cedargate; tests may end it and start others. */
  readonly sidecar: Sidecar;
  /** Port of Envoy's mTLS listener. */
  readonly port: number;
  /** `host:port` of the two endpoints, or twice the Unix socket. */
  readonly endpoints: readonly [string, string];
  /** What a caller presents: one of CALLERS, a certificate of its own, or nothing. */
  tls(caller: Caller | Leaf | 'nobody'): ClientTls;
  /** A request through Envoy. */
  send(caller: Caller | Leaf | 'nobody', options?: Partial<RequestOptions>): Promise<Answer>;
  /** Steady load through Envoy as a caller; `stop` of the world does not end it. */
  load(caller: Caller, options?: Partial<LoadOptions>): Load;
  /** Another cedargate with the same bundle and flags. It is stopped with the world. */
  startSidecar(options?: Partial<SidecarOptions>): Promise<Sidecar>;
  /** The decision line of cedargate that an answer's stamp names. */
  decision(answer: Answer): Promise<Readonly<Record<string, unknown>>>;
  stop(): Promise<void>;
}

export async function startWorld(options: WorldOptions): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'cedargate-world-'));
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of stops.reverse()) await end();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    return await build(options, dir, stops, stop);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

async function build(
  options: WorldOptions,
  dir: string,
  stops: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<World> {
  const ca = createCa(join(dir, 'certs'));
  ca.spiffe('payments', 'spiffe://example.org/ns/shop/sa/payments');
  const leaves = {
    orders: ca.spiffe('orders', CALLERS.orders),
    batch: ca.spiffe('batch', CALLERS.batch),
  };
  const bundleDir = join(dir, 'bundle');
  const served = options.approved?.(dir) ?? (await placeDirectory(options, bundleDir));
  const upstream = await startUpstream(options.upstream);
  stops.push(() => upstream.close());

  const socket = `unix:${join(dir, 'authz.sock')}`;
  const [first, second] = (await freePorts(2)) as [number, number];
  const endpoints: [string, string] =
    options.unixSocket === true ? [socket, socket] : [`127.0.0.1:${first}`, `127.0.0.1:${second}`];
  const sidecars: Sidecar[] = [];
  const start = async (changes: Partial<SidecarOptions> = {}): Promise<Sidecar> => {
    const sidecar = await startSidecar({
      listen: [endpoints[0]],
      args: [...['--service', 'shop/payments', ...served], ...(options.args ?? [])],
      ...(options.env === undefined ? {} : { env: options.env }),
      ...changes,
    });
    sidecars.push(sidecar);
    stops.push(() => sidecar.kill());
    return sidecar;
  };
  // Before Envoy: its first health check then finds cedargate, and readiness waits for that check.
  const sidecar = await start();

  const { config, port } = await readEnvoyConfig(PROFILES[options.profile], {
    ports: { [PORT.upstream]: upstream.port, [PORT.first]: first, [PORT.second]: second },
    paths: { 'certs/': `${join(dir, 'certs')}/` },
  });
  if (options.unixSocket === true) useUnixSocket(config, socket.slice('unix:'.length));
  options.edit?.(config, { dir });
  const envoy = await startEnvoy(config);
  stops.push(() => envoy.stop());

  const tls = (caller: Caller | Leaf | 'nobody'): ClientTls => {
    if (caller === 'nobody') return { ca: ca.cert };
    return { ca: ca.cert, leaf: typeof caller === 'string' ? leaves[caller] : caller };
  };
  return {
    dir,
    bundleDir,
    ca,
    envoy,
    upstream,
    sidecar,
    port: port(PORT.listener),
    endpoints,
    tls,
    send: (caller, changes = {}) =>
      request({ port: port(PORT.listener), tls: tls(caller), ...changes }),
    load: (caller, changes = {}) =>
      startLoad({ port: port(PORT.listener), tls: tls(caller), ...changes }),
    startSidecar: start,
    decision: (answer) => decisionOf(answer, sidecars),
    stop,
  };
}

/** A plain directory, and the flags that serve it. */
async function placeDirectory(
  { bundle = 'http', placeBundle = writeFiles, mode = 'shadow' }: WorldOptions,
  dir: string,
): Promise<readonly string[]> {
  await placeBundle(readFiles(join(BUNDLES, bundle)), dir);
  const unsigned = mode === 'enforce' ? ['--allow-unsigned'] : [];
  return ['--bundle', dir, '--mode', mode, ...unsigned];
}

/** The `cedargate` cluster of a profile. */
export function cedargateCluster(config: EnvoyConfig): EnvoyConfig {
  return config.static_resources.clusters.find(
    (cluster: { name: string }) => cluster.name === 'cedargate',
  );
}

/** The HTTP connection manager of a profile's one listener. */
export function connectionManager(config: EnvoyConfig): EnvoyConfig {
  return config.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
}

/** The ext_authz filter of a profile. */
export function extAuthz(config: EnvoyConfig): EnvoyConfig {
  return connectionManager(config).http_filters.find(
    (filter: { name: string }) => filter.name === 'envoy.filters.http.ext_authz',
  ).typed_config;
}

/** As the comment in envoy.yaml says: one pipe in place of both endpoints. */
function useUnixSocket(config: EnvoyConfig, path: string): void {
  cedargateCluster(config).load_assignment.endpoints[0].lb_endpoints = [
    { endpoint: { address: { pipe: { path } } } },
  ];
}

function readFiles(dir: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8')]),
  );
}

function writeFiles(files: Record<string, string>, dir: string): void {
  mkdirSync(dir);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
}

function decisionOf(answer: Answer, sidecars: readonly Sidecar[]) {
  const id = answer.headers['x-cedargate-decision-id'];
  return waitFor(`the decision line of ${id}`, () =>
    sidecars
      .flatMap((sidecar) => sidecar.lines)
      .find((line) => line.type === 'decision' && line.decision_id === id),
  );
}
