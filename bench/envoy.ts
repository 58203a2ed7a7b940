/**
 * What a server adds to a request: latency through a real Envoy with the shipped configuration
 * (envoy.yaml: mTLS, profile observe), on one listener without ext_authz and on one for each server:
 * the no-op server, cedargate and, when there is one, OPA-Envoy. Envoy answers by itself where it would
 * call the upstream, so that nothing else is in the figures.
 */
import { join } from 'node:path';
import { createCa } from '../test/support/certs.js';
import { type Envoy, findEnvoy, rewriteConfig, startEnvoy } from '../test/support/envoy.js';
import { writeBundle } from './bundles.js';
import { NOTHING } from './decision-lines.js';
import { benchListeners, portInFile } from './envoy-config.js';
import { type OpaEnvoy, startOpa } from './opa-server.js';
import { openLoop, openLoopAgent } from './open-loop.js';
import type { Plan } from './plan.js';
import { benchPolicies } from './policies.js';
import type { LatencyName, LatencyOf, LatencyResult, NotMeasured } from './results.js';
import { type MeasuredServer, startCedargate, startNoop } from './servers.js';
import { percentileOf, spreadOf } from './statistics.js';
import { callerAt, PATHS, pathAt } from './traffic.js';

export async function measureLatency(
  plan: Plan,
  opa: OpaEnvoy | NotMeasured,
  directory: string,
  say: (line: string) => void,
): Promise<LatencyResult | NotMeasured> {
  const found = findEnvoy();
  if ('missing' in found) return { notMeasured: found.missing };
  const policies = benchPolicies(plan.envoy.policies);
  const bundle = join(directory, 'bundle-envoy');
  writeBundle(bundle, policies);
  const servers: [LatencyName, MeasuredServer][] = [];
  try {
    servers.push(['no-op', await startNoop()], ['cedargate', await startCedargate({ bundle })]);
    if (!('notMeasured' in opa)) {
      servers.push(['OPA-Envoy', await startOpa(opa, { policies, form: 'data', directory })]);
    }
    return await behindEnvoy(plan, servers, join(directory, 'certs'), say);
  } finally {
    for (const [, server] of servers) await server.stop();
  }
}

async function behindEnvoy(
  plan: Plan,
  servers: readonly [LatencyName, MeasuredServer][],
  certificates: string,
  say: (line: string) => void,
): Promise<LatencyResult> {
  const ca = createCa(certificates);
  ca.spiffe('payments', 'spiffe://bench.example/ns/shop/sa/payments');
  const agent = openLoopAgent({ ca: ca.cert, leaf: ca.spiffe('caller', callerAt(0).id) });
  const names = servers.map(([name]) => name);
  const { config, port } = await rewriteConfig(benchListeners(names), {
    ports: Object.fromEntries(
      servers.map(([name, server]) => [portInFile(name).server, server.port]),
    ),
    paths: { 'certs/': `${certificates}/` },
  });
  const envoy = await startEnvoy(config);
  const columns = [['without', undefined] as const, ...servers].map(([name, server]) => {
    const listener = port(portInFile(name).listener);
    return { name, server, port: listener, rounds: [], asked: 0 } satisfies Column as Column;
  });
  try {
    await warmUp(columns, plan, agent);
    const before = await Promise.all(columns.map((column) => undecidedOf(column, envoy)));
    await measure(columns, plan, agent, say);
    assertSameDecisions(columns);
    const { policies, requestsPerSecond, rounds, secondsPerRound } = plan.envoy;
    return {
      envoy: await versionOf(envoy),
      ...{ policies, requestsPerSecond, rounds, secondsPerRound },
      columns: await Promise.all(
        columns.map(async (column, index) => {
          return resultOf(column, (await undecidedOf(column, envoy)) - (before[index] ?? 0));
        }),
      ),
    };
  } finally {
    agent.destroy();
    await envoy.stop();
  }
}

interface Column {
  readonly name: LatencyName;
  /** None without ext_authz. */
  readonly server: MeasuredServer | undefined;
  readonly port: number;
  /** Milliseconds of every request. */
  readonly rounds: (readonly number[])[];
  asked: number;
}

type Agent = ReturnType<typeof openLoopAgent>;

async function run(column: Column, seconds: number, plan: Plan, agent: Agent) {
  const { requestsPerSecond } = plan.envoy;
  const path = (n: number) => pathAt(n % PATHS);
  const ms = await openLoop({ port: column.port, agent, requestsPerSecond, seconds, path });
  column.asked += ms.length;
  return ms;
}

async function warmUp(columns: readonly Column[], plan: Plan, agent: Agent): Promise<void> {
  for (const column of columns) await run(column, plan.envoy.warmUpSeconds, plan, agent);
}

async function measure(
  columns: readonly Column[],
  plan: Plan,
  agent: Agent,
  say: (line: string) => void,
): Promise<void> {
  for (let round = 1; round <= plan.envoy.rounds; round += 1) {
    const said: string[] = [];
    for (const column of columns) {
      const ms = await run(column, plan.envoy.secondsPerRound, plan, agent);
      column.rounds.push(ms);
      const [p50, p99] = [50, 99].map((percent) => percentileOf(ms, percent).toFixed(2));
      said.push(`${column.name} ${p50} / ${p99}`);
    }
    say(`round ${round}, p50 / p99 in ms: ${said.join('; ')}`);
  }
}

function resultOf({ name, rounds }: Column, undecided: number): LatencyOf {
  const all = rounds.flat();
  return {
    name,
    p50Ms: spreadOf(rounds.map((ms) => percentileOf(ms, 50))),
    p99Ms: spreadOf(rounds.map((ms) => percentileOf(ms, 99))),
    whole: { p50Ms: percentileOf(all, 50), p99Ms: percentileOf(all, 99) },
    undecided,
  };
}

/**
 * Requests so far that passed without a decision: with no answer in time, or as overload. Throws unless
 * each request is accounted for, and waits for the log lines of those that were answered: a server
 * without them would not be worth a figure.
 */
async function undecidedOf({ name, server, asked }: Column, envoy: Envoy): Promise<number> {
  if (server === undefined) return 0;
  const stats = await envoy.stats();
  const count = (what: string) => stats.get(`http.${name}.ext_authz.${name}.${what}`) ?? 0;
  const [answered, late] = [count('ok'), count('failure_mode_allowed')];
  if (answered + late !== asked) {
    throw new Error(`${name}: ${answered} answered and ${late} not, of ${asked} requests`);
  }
  await server.logged(answered);
  return late + server.decisions().error;
}

/** With nothing undecided, cedargate and OPA-Envoy decided the same requests by the same rules. */
function assertSameDecisions(columns: readonly Column[]): void {
  const decided = columns.flatMap(({ name, server, asked }) => {
    const tally = server?.decisions() ?? NOTHING;
    return tally.allow + tally.deny === asked ? [{ name, said: JSON.stringify(tally) }] : [];
  });
  const [one, other] = decided;
  if (one === undefined || other === undefined || one.said === other.said) return;
  throw new Error(`${one.name} said ${one.said}, ${other.name} ${other.said}`);
}

async function versionOf(envoy: Envoy): Promise<string> {
  const info = JSON.parse((await envoy.admin('/server_info')).body) as { readonly version: string };
  return info.version.split('/')[1] ?? info.version;
}
