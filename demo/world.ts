/**
 * Everything that runs in the demo: certificates, an upstream, a policy volume, cedargate, and one
 * Envoy with two listeners, one for each shipped profile. In the second act a cedargate and an Envoy
 * of the environment `test` join them. `stop` ends and removes all of it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CertificateAuthority, createCa, type Leaf } from '../test/support/certs.js';
import { type EnvoyConfig, readEnvoyConfig, startEnvoy } from '../test/support/envoy.js';
import { type ClientTls, request } from '../test/support/http-client.js';
import { createKubeletVolume, type KubeletVolume } from '../test/support/kubelet-volume.js';
import { type Load, startLoad } from '../test/support/load.js';
import { freePorts } from '../test/support/ports.js';
import type { LogLine } from '../test/support/program.js';
import { type Sidecar, startSidecar } from '../test/support/sidecar.js';
import { startUpstream, type Upstream } from '../test/support/upstream.js';
import { waitFor } from '../test/support/wait.js';
import type { CallRow } from './table.js';
import type { Policies } from './versions.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
export const POLICIES = join(ROOT, 'policies');
/** The ports that envoy.yaml and deploy/envoy/enforcing.yaml name. */
const IN_FILE = { listener: 10_000, upstream: 8_080, cedargate: 9_191 } as const;
const SERVICE = 'shop/payments';
/** Generous, for machines that do other work. */
const DECIDED_MS_MAX = 30_000;

const PROFILES = {
  observe: 'envoy.yaml',
  enforcing: 'deploy/envoy/enforcing.yaml',
} as const;

/** Of Envoy: the two profiles in production, and the second one in the environment `test`. */
export type Listener = 'observe' | 'enforcing' | 'testing';
export type Environment = 'production' | 'test';
export type Mode = 'shadow' | 'enforce';
export type Caller = 'orders' | 'batch' | 'partner' | `client-${number}`;

export interface Call {
  readonly caller: Caller;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A call as it was seen from both ends. */
export interface SeenCall {
  readonly row: CallRow;
  /** Its line in the decision log; undefined when the answer bears no decision id. */
  readonly line: LogLine | undefined;
}

export class World {
  /** Temporary: certificates, the policy volume, the log. Removed by `stop`. */
  readonly dir = mkdtempSync(join(tmpdir(), 'cedargate-demo-'));
  readonly certs = join(this.dir, 'certs');
  readonly volume: KubeletVolume = createKubeletVolume(join(this.dir, 'policies'));
  /** Decision and change lines of every cedargate that ran, oldest first. */
  readonly lines = (): LogLine[] => this.#sidecars.flatMap((sidecar) => sidecar.lines);

  readonly #stops: (() => Promise<unknown>)[] = [];
  readonly #sidecars: Sidecar[] = [];
  #authority: CertificateAuthority | undefined;
  #leaves = new Map<Caller, Leaf>();
  #listeners: Record<Listener, number> = { observe: 0, enforcing: 0, testing: 0 };
  #cedargates: Record<Environment, CedargatePorts> = {
    production: { grpc: 0, admin: 0 },
    test: { grpc: 0, admin: 0 },
  };
  #upstream: Upstream | undefined;
  #stopped = false;

  /** Certificates, policies, upstream, cedargate in shadow, Envoy, in this order. */
  async start(policies: Policies): Promise<void> {
    const ca = createCa(this.certs);
    this.#authority = ca;
    this.certify('orders', 'batch');
    // The DNS name is for curl; callers inside a mesh look at the URI.
    ca.leaf('payments', { uris: [spiffeId('payments')], dns: ['localhost'] });
    await this.volume.write(policies);
    this.#upstream = await startUpstream();
    this.#defer(() => this.#upstream?.close() ?? Promise.resolve());

    const [observe = 0, enforcing = 0, testing = 0, ...rest] = await freePorts(7);
    const [grpc = 0, admin = 0, testGrpc = 0, testAdmin = 0] = rest;
    this.#listeners = { observe, enforcing, testing };
    this.#cedargates = { production: { grpc, admin }, test: { grpc: testGrpc, admin: testAdmin } };
    await this.startSidecar('shadow');
    await this.#startEnvoy('production', ['observe', 'enforcing']);
  }

  /** Certificates for more callers. */
  certify(...callers: readonly Caller[]): void {
    for (const caller of callers) {
      this.#leaves.set(caller, this.#ca.spiffe(caller, spiffeId(caller)));
    }
  }

  get #ca(): CertificateAuthority {
    if (this.#authority === undefined) throw new Error('there is no certificate authority yet');
    return this.#authority;
  }

  get sidecar(): Sidecar {
    const last = this.#sidecars.at(-1);
    if (last === undefined) throw new Error('no cedargate was started');
    return last;
  }

  /** The last one that was started there. */
  sidecarIn(environment: Environment): Sidecar {
    const { admin } = this.#cedargates[environment];
    const found = this.#sidecars.findLast(({ adminPort }) => adminPort === admin);
    if (found === undefined) throw new Error(`no cedargate was started in ${environment}`);
    return found;
  }

  get upstream(): Upstream {
    if (this.#upstream === undefined) throw new Error('the upstream was not started');
    return this.#upstream;
  }

  port(listener: Listener): number {
    return this.#listeners[listener];
  }

  adminPort(environment: Environment): number {
    return this.#cedargates[environment].admin;
  }

  /** A cedargate on the address that Envoy knows; the one before must have ended. */
  startSidecar(mode: Mode): Promise<Sidecar> {
    const unsigned = mode === 'enforce' ? ['--allow-unsigned'] : [];
    const flags = ['--bundle', this.volume.directory, '--mode', mode, ...unsigned];
    return this.#startSidecar('production', flags);
  }

  /** A cedargate that enforces a signed bundle, and in `test` an Envoy in front of it. */
  async startSigned(environment: Environment, flags: readonly string[]): Promise<Sidecar> {
    const sidecar = await this.#startSidecar(environment, [...flags, '--mode', 'enforce']);
    if (environment === 'test') await this.#startEnvoy('test', ['testing']);
    return sidecar;
  }

  /** A cedargate in production that serves approved rollouts; the one before must have ended. */
  startApproved(flags: readonly string[]): Promise<Sidecar> {
    return this.#startSidecar('production', flags);
  }

  /** One request through Envoy, joined with its decision line by the id in its stamp. */
  async call(call: Call, listener: Listener): Promise<SeenCall> {
    const { caller, method, path, headers = {} } = call;
    const port = this.port(listener);
    const answer = await request({ port, method, path, headers, tls: this.#tls(caller) });
    const id = answer.headers['x-cedargate-decision-id'];
    const line =
      id === undefined
        ? undefined
        : await waitFor(`the log line of decision ${id}`, () =>
            this.lines().find((l) => l.type === 'decision' && l.decision_id === id),
          );
    const row: CallRow = {
      caller,
      method,
      path,
      decision: String(line?.decision ?? '-'),
      mode: String(line?.mode ?? '-'),
      outcome: String(line?.outcome ?? '-'),
      status: answer.status,
      version: String(answer.headers['x-cedargate-policy-version'] ?? '-'),
    };
    return { row, line };
  }

  /**
   * Waits until cedargate decides what comes through a listener. The first answer of a process that
   * has just started can come too late for Envoy when the machine is busy.
   */
  async decided(call: Call, listener: Listener): Promise<void> {
    await waitFor(
      `a decision behind the listener ${listener}`,
      async () => (await this.call(call, listener)).line !== undefined,
      { timeoutMs: DECIDED_MS_MAX },
    );
  }

  /** Steady requests of one caller, until its `stop`, or that of the world. */
  load(call: Call, listener: Listener, connections: number): Load {
    const { caller, method, path } = call;
    const tls = this.#tls(caller);
    const load = startLoad({ port: this.port(listener), method, path, tls, connections });
    this.#defer(() => load.stop());
    return load;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const stop of this.#stops.splice(0).reverse()) await stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #defer(stop: () => Promise<unknown>): void {
    this.#stops.push(stop);
    // What came up while everything else was being stopped must not stay behind.
    if (this.#stopped) void this.stop();
  }

  #tls(caller: Caller): ClientTls {
    const leaf = this.#leaves.get(caller);
    if (leaf === undefined) throw new Error(`no certificate for ${caller}`);
    return { ca: this.#ca.cert, leaf };
  }

  async #startSidecar(environment: Environment, flags: readonly string[]): Promise<Sidecar> {
    if (this.#stopped) throw new Error('the demo is being stopped');
    const { grpc, admin } = this.#cedargates[environment];
    const sidecar = await startSidecar({
      listen: [`127.0.0.1:${grpc}`],
      adminPort: admin,
      args: ['--service', SERVICE, '--environment', environment, ...flags],
    });
    this.#sidecars.push(sidecar);
    this.#defer(() => sidecar.kill());
    return sidecar;
  }

  /** One Envoy for these listeners, with a cedargate cluster of each. */
  async #startEnvoy(environment: Environment, listeners: readonly Listener[]): Promise<void> {
    const parts = await Promise.all(listeners.map((name) => this.#profile(environment, name)));
    const all = (kind: 'listeners' | 'clusters') =>
      parts.flatMap((config) => config.static_resources[kind]);
    const envoy = await startEnvoy({
      // Of the profile `enforcing`, which is the last one.
      layered_runtime: parts.at(-1)?.layered_runtime,
      static_resources: { listeners: all('listeners'), clusters: all('clusters') },
    });
    this.#defer(() => envoy.stop());
  }

  /** A shipped profile on this world's ports, its listener and clusters named after the listener. */
  async #profile(environment: Environment, listener: Listener): Promise<EnvoyConfig> {
    const file = PROFILES[listener === 'observe' ? 'observe' : 'enforcing'];
    const { config } = await readEnvoyConfig(join(ROOT, file), {
      ports: {
        [IN_FILE.listener]: this.port(listener),
        [IN_FILE.upstream]: this.upstream.port,
        [IN_FILE.cedargate]: this.#cedargates[environment].grpc,
      },
      paths: { 'certs/': `${this.certs}/` },
    });
    const renamed = new Map<string, string>();
    for (const part of [config.static_resources.listeners, config.static_resources.clusters]) {
      for (const entry of part) {
        renamed.set(entry.name, `${entry.name}-${listener}`);
        entry.name = `${entry.name}-${listener}`;
      }
    }
    return renameClusters(config, renamed);
  }
}

interface CedargatePorts {
  readonly grpc: number;
  readonly admin: number;
}

/** The partner's is of another trust domain. */
export function spiffeId(workload: Caller | 'payments'): string {
  if (workload === 'partner') return 'spiffe://partner.example/ns/edge/sa/gateway';
  return `spiffe://example.org/ns/shop/sa/${workload}`;
}

/** A copy in which every reference to a cluster has its new name. */
function renameClusters(value: unknown, names: ReadonlyMap<string, string>): EnvoyConfig {
  const text = JSON.stringify(value, (key, inner: unknown) =>
    typeof inner === 'string' && (key === 'cluster' || key === 'cluster_name')
      ? (names.get(inner) ?? inner)
      : inner,
  );
  return JSON.parse(text);
}
