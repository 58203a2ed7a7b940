/**
 * Server CPU a check, beside the no-op server: pairs of measurements (no-op, 10, no-op, 100, ...),
 * in several rounds, so that what else the machine does meets both of a pair alike.
 */
import { join } from 'node:path';
import { writeBundle } from './bundles.js';
import { NOTHING, type Tally, totalOf } from './decision-lines.js';
import type { LoadProcess } from './load-process.js';
import type { Plan } from './plan.js';
import { type BenchPolicy, benchPolicies, expectDecision } from './policies.js';
import { cpuSecondsOf } from './proc.js';
import type { CpuResult, SidecarCpu } from './results.js';
import { type MeasuredServer, startCedargate, startNoop } from './servers.js';
import { spreadOf } from './statistics.js';
import { checkAt } from './traffic.js';

/** Checks between two looks at the clock of the process. */
const CHECKS_PER_STEP = 500;

/** A server under measurement, and how far it has come in the order of traffic.ts. */
interface Subject {
  readonly server: MeasuredServer;
  readonly policies: readonly BenchPolicy[];
  readonly cpuUs: number[];
  readonly ratios: number[];
  checks: number;
  requestBytes: number;
  responseBytes: number;
}

export async function measureCpu(
  plan: Plan,
  load: LoadProcess,
  directory: string,
  say: (line: string) => void,
): Promise<CpuResult> {
  const { rounds, cpuSecondsMin, warmUpCpuSeconds } = plan.cpu;
  const noop = subject(await startNoop(), []);
  const sidecars: Subject[] = [];
  try {
    for (const count of plan.cpu.policies) {
      const policies = benchPolicies(count);
      const bundle = join(directory, `bundle-${count}`);
      writeBundle(bundle, policies);
      sidecars.push(subject(await startCedargate({ bundle }), policies));
    }
    const drive = (who: Subject, count: number) => send(who, count, load, plan.concurrency);
    for (const who of [noop, ...sidecars]) await cpuPerCheck(who, warmUpCpuSeconds, drive);
    for (let round = 1; round <= rounds; round += 1) {
      for (const who of sidecars) {
        const base = await cpuPerCheck(noop, cpuSecondsMin, drive);
        const own = await cpuPerCheck(who, cpuSecondsMin, drive);
        noop.cpuUs.push(base);
        who.cpuUs.push(own);
        who.ratios.push(own / base);
        const name = `${who.policies.length} policies`;
        say(`round ${round}: no-op ${base.toFixed(0)} us, ${name} ${own.toFixed(0)} us a check`);
      }
    }
    return {
      concurrency: plan.concurrency,
      rounds,
      cpuSecondsMin,
      requestBytes: Math.round(noop.requestBytes / noop.checks),
      noop: {
        cpuUs: spreadOf(noop.cpuUs),
        checks: noop.checks,
        responseBytes: Math.round(noop.responseBytes / noop.checks),
      },
      sidecars: sidecars.map(resultOf),
    };
  } finally {
    for (const { server } of [noop, ...sidecars]) await server.stop();
  }
}

function subject(server: MeasuredServer, policies: readonly BenchPolicy[]): Subject {
  return { server, policies, cpuUs: [], ratios: [], checks: 0, requestBytes: 0, responseBytes: 0 };
}

type Drive = (who: Subject, count: number) => Promise<void>;

async function send(
  who: Subject,
  count: number,
  load: LoadProcess,
  concurrency: number,
): Promise<void> {
  const result = await load.run(who.server, { from: who.checks, count, concurrency });
  who.checks += count;
  who.requestBytes += result.requestBytes;
  who.responseBytes += result.responseBytes;
}

/** Microseconds of user and system time, until the server used `secondsMin`. Logging is included. */
async function cpuPerCheck(who: Subject, secondsMin: number, drive: Drive): Promise<number> {
  const { pid } = who.server;
  await who.server.logged(who.checks);
  const before = { checks: who.checks, seconds: cpuSecondsOf(pid) };
  do await drive(who, CHECKS_PER_STEP);
  while (cpuSecondsOf(pid) - before.seconds < secondsMin);
  await who.server.logged(who.checks);
  return ((cpuSecondsOf(pid) - before.seconds) * 1e6) / (who.checks - before.checks);
}

function resultOf(who: Subject): SidecarCpu {
  const found = who.server.decisions();
  assertExpected(found, expectedTally(who), who.policies.length);
  return {
    policies: who.policies.length,
    cpuUs: spreadOf(who.cpuUs),
    ratio: spreadOf(who.ratios),
    checks: who.checks,
    logged: totalOf(found),
    allow: found.allow,
    deny: found.deny,
    responseBytes: Math.round(who.responseBytes / who.checks),
  };
}

/** What an independent reading of the same policies says of every check that was sent. */
function expectedTally({ policies, checks }: Subject): Tally {
  const decide = expectDecision(policies);
  const tally = { ...NOTHING };
  for (let n = 0; n < checks; n += 1) {
    const { caller, path } = checkAt(n);
    tally[decide(caller, path)] += 1;
  }
  return tally;
}

/** Figures of wrong answers, or of answers without a log line, are not figures of cedargate. */
function assertExpected(found: Tally, expected: Tally, policies: number): void {
  const [is, should] = [found, expected].map((tally) => JSON.stringify(tally));
  if (is !== should) {
    throw new Error(`with ${policies} policies the log says ${is}, expected was ${should}`);
  }
  if (expected.allow === 0 || expected.deny === 0) {
    throw new Error(`with ${policies} policies all decisions are the same`);
  }
}
