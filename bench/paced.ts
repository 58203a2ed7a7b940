/**
 * A server that is asked now and then, as most are: a fixed rate over one connection, without Envoy.
 * CPU a check, latency as the client sees it, and how late the event loop of the server is.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../test/support/wait.js';
import { writeBundle } from './bundles.js';
import type { LoadProcess } from './load-process.js';
import type { Plan } from './plan.js';
import { benchPolicies } from './policies.js';
import { cpuSecondsOf } from './proc.js';
import type { PacedResult, PacedServer } from './results.js';
import { RUNTIME_ENVIRONMENT } from './runtime.js';
import { type MeasuredServer, startCedargate, startNoop } from './servers.js';
import { percentileOf, spreadOf } from './statistics.js';

interface Subject {
  readonly name: string;
  readonly policies: number | undefined;
  readonly server: MeasuredServer;
  readonly delayFile: string;
  sent: number;
  readonly rounds: Round[];
}

interface Round {
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly delay: { readonly p99Ms: number; readonly maxMs: number };
}

export async function measurePaced(
  plan: Plan,
  load: LoadProcess,
  directory: string,
  say: (line: string) => void,
): Promise<PacedResult> {
  const { policies, rounds, secondsPerRound, checksPerSecond, warmUpChecks } = plan.paced;
  const subjects: Subject[] = [];
  try {
    for (const count of [undefined, ...policies])
      subjects.push(await startSubject(count, directory));
    for (const who of subjects) {
      await load.run(who.server, { from: 0, count: warmUpChecks, concurrency: plan.concurrency });
      who.sent = warmUpChecks;
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const who of subjects) {
        const found = await runRound(who, plan, load);
        who.rounds.push(found);
        const late = `event loop late by ${found.delay.maxMs.toFixed(1)} ms at most`;
        const cpu = `${found.cpuUs.toFixed(0)} us a check`;
        say(`round ${round}: ${who.name} ${cpu}, p50 ${found.p50Ms.toFixed(2)} ms, ${late}`);
      }
    }
    return { checksPerSecond, rounds, secondsPerRound, servers: subjects.map(resultOf) };
  } finally {
    for (const { server } of subjects) await server.stop();
  }
}

async function startSubject(policies: number | undefined, directory: string): Promise<Subject> {
  const delayFile = join(directory, `loop-delay-${policies ?? 'no-op'}`);
  const preload = `--require=${fileURLToPath(new URL('./loop-delay.cjs', import.meta.url))}`;
  const environment = {
    ...RUNTIME_ENVIRONMENT,
    NODE_OPTIONS: `${RUNTIME_ENVIRONMENT.NODE_OPTIONS} ${preload}`,
    BENCH_LOOP_DELAY: delayFile,
  };
  const common = { policies, delayFile, sent: 0, rounds: [] };
  if (policies === undefined) {
    return { name: 'no-op', ...common, server: await startNoop(environment) };
  }
  const bundle = join(directory, `bundle-paced-${policies}`);
  writeBundle(bundle, benchPolicies(policies));
  const server = await startCedargate({ bundle }, environment);
  return { name: `${policies} policies`, ...common, server };
}

async function runRound(who: Subject, { paced }: Plan, load: LoadProcess): Promise<Round> {
  const count = paced.checksPerSecond * paced.secondsPerRound;
  const { server } = who;
  await server.logged(who.sent);
  await loopDelay(who);
  const before = cpuSecondsOf(server.pid);
  const task = { from: who.sent, count, perSecond: paced.checksPerSecond };
  const { ms } = await load.run(server, { ...task, concurrency: count });
  who.sent += count;
  await server.logged(who.sent);
  const cpuUs = ((cpuSecondsOf(server.pid) - before) * 1e6) / count;
  const delay = await loopDelay(who);
  return { cpuUs, p50Ms: percentileOf(ms, 50), p99Ms: percentileOf(ms, 99), delay };
}

/** Since the last time. */
async function loopDelay({ server, delayFile }: Subject): Promise<Round['delay']> {
  rmSync(delayFile, { force: true });
  process.kill(server.pid, 'SIGUSR2');
  return waitFor('the delay of the event loop', () => {
    return JSON.parse(readFileSync(delayFile, 'utf8')) as Round['delay'];
  });
}

function resultOf({ policies, rounds }: Subject): PacedServer {
  const over = (pick: (round: Round) => number) => spreadOf(rounds.map(pick));
  return {
    policies: policies ?? null,
    cpuUs: over(({ cpuUs }) => cpuUs),
    p50Ms: over(({ p50Ms }) => p50Ms),
    p99Ms: over(({ p99Ms }) => p99Ms),
    delayP99Ms: over(({ delay }) => delay.p99Ms),
    delayMaxMs: over(({ delay }) => delay.maxMs),
  };
}
