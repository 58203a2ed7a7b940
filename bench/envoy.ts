/**
 * What cedargate adds to a request: latency through a real Envoy with the shipped configuration
 * (envoy.yaml: mTLS, profile observe), on one listener with ext_authz and on one without. Envoy
 * answers by itself where it would call the upstream, so that nothing else is in the figures.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { createCa } from '../test/support/certs.js';
import {
  type Envoy,
  type EnvoyConfig,
  findEnvoy,
  rewriteConfig,
  startEnvoy,
} from '../test/support/envoy.js';
import { PROFILES } from '../test/support/world.js';
import { writeBundle } from './bundles.js';
import { openLoop, openLoopAgent } from './open-loop.js';
import type { Plan } from './plan.js';
import { benchPolicies } from './policies.js';
import type { LatencyResult, NotMeasured, Percentiles } from './results.js';
import { type MeasuredServer, startCedargate } from './servers.js';
import { percentileOf, spreadOf } from './statistics.js';
import { callerAt, PATHS, pathAt } from './traffic.js';

/** As in envoy.yaml; the last is the listener that is added. */
const PORT = { with: 10_000, cedargate: 9_191, without: 10_001 } as const;
const EXT_AUTHZ = 'envoy.filters.http.ext_authz';
/** Connections are open then, and the code of both is compiled. */
const WARM_UP_SECONDS = 3;

export async function measureLatency(
  plan: Plan,
  directory: string,
  say: (line: string) => void,
): Promise<LatencyResult | NotMeasured> {
  const found = findEnvoy();
  if ('missing' in found) return { notMeasured: found.missing };
  const bundle = join(directory, 'bundle-envoy');
  writeBundle(bundle, benchPolicies(plan.envoy.policies));
  const certificates = join(directory, 'certs');
  const ca = createCa(certificates);
  ca.spiffe('payments', 'spiffe://bench.example/ns/shop/sa/payments');
  const agent = openLoopAgent({ ca: ca.cert, leaf: ca.spiffe('caller', callerAt(0).id) });

  const cedargate = await startCedargate({ bundle });
  try {
    const { config, port } = await rewriteConfig(twoListeners(), {
      ports: { [PORT.cedargate]: cedargate.port },
      paths: { 'certs/': `${certificates}/` },
    });
    const envoy = await startEnvoy(config);
    try {
      const ports = { without: port(PORT.without), with: port(PORT.with) };
      return await measure({ plan, agent, ports, cedargate, envoy, say });
    } finally {
      agent.destroy();
      await envoy.stop();
    }
  } finally {
    await cedargate.stop();
  }
}

interface Setting {
  readonly plan: Plan;
  readonly agent: ReturnType<typeof openLoopAgent>;
  readonly ports: { readonly without: number; readonly with: number };
  readonly cedargate: MeasuredServer;
  readonly envoy: Envoy;
  readonly say: (line: string) => void;
}

async function measure(setting: Setting): Promise<LatencyResult> {
  const { plan, agent, ports, cedargate, envoy, say } = setting;
  const { policies, rounds, secondsPerRound, requestsPerSecond } = plan.envoy;
  const found = { without: samples(), with: samples() };
  const path = (n: number) => pathAt(n % PATHS);
  let asked = 0;
  let stamped = 0;
  const run = async (which: 'without' | 'with', seconds: number) => {
    const result = await openLoop({ port: ports[which], agent, requestsPerSecond, seconds, path });
    if (which === 'with') asked += result.ms.length;
    else if (result.stamped > 0) throw new Error('a request without ext_authz carries a stamp');
    stamped += result.stamped;
    return result.ms;
  };
  for (const which of ['without', 'with'] as const) await run(which, WARM_UP_SECONDS);
  for (let round = 1; round <= rounds; round += 1) {
    for (const which of ['without', 'with'] as const) {
      const ms = await run(which, secondsPerRound);
      found[which].p50.push(percentileOf(ms, 50));
      found[which].p99.push(percentileOf(ms, 99));
    }
    const [without, own] = [found.without, found.with].map((list) => {
      return `p50 ${list.p50.at(-1)?.toFixed(2)} ms, p99 ${list.p99.at(-1)?.toFixed(2)} ms`;
    });
    say(`round ${round}: without ${without}; with ${own}`);
  }
  await cedargate.logged(stamped);
  return {
    envoy: await versionOf(envoy),
    policies,
    requestsPerSecond,
    rounds,
    requestsPerRound: secondsPerRound * requestsPerSecond,
    unanswered: asked - stamped,
    without: percentiles(found.without),
    with: percentiles(found.with),
  };
}

const samples = () => ({ p50: [] as number[], p99: [] as number[] });

function percentiles({ p50, p99 }: ReturnType<typeof samples>): Percentiles {
  return { p50Ms: spreadOf(p50), p99Ms: spreadOf(p99) };
}

/** The shipped profile, answered by Envoy itself; and a copy of its listener without ext_authz. */
function twoListeners(): EnvoyConfig {
  const config: EnvoyConfig = parse(readFileSync(PROFILES.observe, 'utf8'));
  const [asked] = config.static_resources.listeners;
  const manager = managerOf(asked);
  // Ten thousand lines a run would be timed too.
  delete manager.access_log;
  manager.route_config.virtual_hosts[0].routes = [
    { match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'ok\n' } } },
  ];
  const unasked = structuredClone(asked);
  unasked.name = 'without-cedargate';
  unasked.address.socket_address.port_value = PORT.without;
  const filters = managerOf(unasked).http_filters as { readonly name: string }[];
  managerOf(unasked).http_filters = filters.filter(({ name }) => name !== EXT_AUTHZ);
  config.static_resources.listeners.push(unasked);
  return config;
}

function managerOf(listener: EnvoyConfig): EnvoyConfig {
  return listener.filter_chains[0].filters[0].typed_config;
}

async function versionOf(envoy: Envoy): Promise<string> {
  const info = JSON.parse((await envoy.admin('/server_info')).body) as { readonly version: string };
  return info.version.split('/')[1] ?? info.version;
}
