/**
 * Server CPU a check, beside the no-op server: pairs of measurements (no-op, 10, no-op, 100, ...),
 * in several rounds, so that what else the machine does meets both of a pair alike.
 */
import { join } from 'node:path';
import { writeBundle } from './bundles.js';
import { NOTHING, type Tally, totalOf } from './decision-lines.js';
import type { LoadProcess } from './load-process.js';
import { type BenchBundle, type BundleKind, KNOWN, type Plan } from './plan.js';
import { type BenchPolicy, BY_VALUE, benchPolicies, expectDecision } from './policies.js';
import { cpuSecondsOf } from './proc.js';
import type { CpuResult, ServerCpu, SidecarCpu } from './results.js';
import { type MeasuredServer, startCedargate, startNoop } from './servers.js';
import { spreadOf } from './statistics.js';
import { CALLERS, checkAt } from './traffic.js';

/** Checks between two looks at the clock of the process. */
const CHECKS_PER_STEP = 500;

/** A server under measurement, and how far it has come in the order of traffic.ts. */
export interface Subject {
  readonly server: MeasuredServer;
  readonly policies: readonly BenchPolicy[];
  readonly kind: BundleKind;
  /** Of the measured rounds. */
  known: number;
  looked: number;
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
  const { rounds, cpuSecondsMin, warmUpCpuSeconds, warmUpMissCpuSeconds } = plan.cpu;
  const noop = subject(await startNoop(), []);
  const sidecars: Subject[] = [];
  try {
    for (const each of plan.cpu.bundles) sidecars.push(await startSubject(each, directory));
    const drive = (who: Subject, count: number) => send(who, count, load, plan.concurrency);
    for (const who of sidecars) await greet(who, load);
    for (const who of [noop, ...sidecars]) {
      const { byValue } = who.kind;
      await cpuPerCheck(who, byValue ? warmUpMissCpuSeconds : warmUpCpuSeconds, drive);
    }
    for (const who of sidecars) await untilKnown(who, plan.cpu.warmUpCpuSecondsMax, drive);
    for (let round = 1; round <= rounds; round += 1) {
      for (const who of sidecars) {
        const base = await cpuPerCheck(noop, cpuSecondsMin, drive);
        const own = await measureSidecar(who, cpuSecondsMin, drive);
        noop.cpuUs.push(base);
        who.ratios.push(own / base);
        const name = nameOf(who);
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

export async function startSubject({ policies: count, ...kind }: BenchBundle, directory: string) {
  const { shape, byValue } = kind;
  const usual = shape === 'usual';
  const known = benchPolicies(count, shape);
  const policies = byValue && !usual ? known.map((each) => ({ ...each, byValue })) : known;
  const bundle = join(directory, `bundle-${count}-${shape}${byValue ? '-by-value' : ''}`);
  writeBundle(bundle, policies, byValue && usual ? { 'by-value.cedar': BY_VALUE } : {});
  return subject(await startCedargate({ bundle }), policies, kind);
}

export function subject(
  server: MeasuredServer,
  policies: readonly BenchPolicy[],
  kind = KNOWN,
): Subject {
  const sums = { known: 0, looked: 0, checks: 0, requestBytes: 0, responseBytes: 0 };
  return { server, policies, kind, cpuUs: [], ratios: [], ...sums };
}

function nameOf({ policies, kind }: Subject): string {
  const shape = kind.shape === 'usual' ? '' : ` ${kind.shape}`;
  return `${policies.length}${shape} policies${kind.byValue ? ' by value' : ''}`;
}

/** Two hundred callers that are new at once, to a process that is new, are no part of these figures. */
export async function greet(who: Subject, load: LoadProcess): Promise<void> {
  await send(who, CALLERS, load, 1);
}

/** Of so many checks in a row nearly all answers are known. */
const KNOWN_CHECKS = 2_000;
const KNOWN_SHARE_MIN = 0.98;

/** What is measured is a sidecar that has been asked for a while, not its first minute. */
export async function untilKnown(who: Subject, secondsMax: number, drive: Drive): Promise<void> {
  if (who.kind.byValue) return;
  const endSeconds = cpuSecondsOf(who.server.pid) + secondsMax;
  for (let before = await who.server.lookups(); cpuSecondsOf(who.server.pid) < endSeconds; ) {
    for (let sent = 0; sent < KNOWN_CHECKS; sent += CHECKS_PER_STEP) {
      await drive(who, CHECKS_PER_STEP);
    }
    const after = await who.server.lookups();
    if (after.known - before.known >= KNOWN_SHARE_MIN * (after.all - before.all)) return;
    before = after;
  }
}

export type Drive = (who: Subject, count: number) => Promise<void>;

export async function send(
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
export async function cpuPerCheck(who: Subject, secondsMin: number, drive: Drive): Promise<number> {
  const { pid } = who.server;
  await who.server.logged(who.checks);
  const before = { checks: who.checks, seconds: cpuSecondsOf(pid) };
  do await drive(who, CHECKS_PER_STEP);
  while (cpuSecondsOf(pid) - before.seconds < secondsMin);
  await who.server.logged(who.checks);
  return ((cpuSecondsOf(pid) - before.seconds) * 1e6) / (who.checks - before.checks);
}

/** A round of a sidecar, with what it knew. */
export async function measureSidecar(who: Subject, secondsMin: number, drive: Drive) {
  const before = await who.server.lookups();
  const own = await cpuPerCheck(who, secondsMin, drive);
  const after = await who.server.lookups();
  who.known += after.known - before.known;
  who.looked += after.all - before.all;
  who.cpuUs.push(own);
  return own;
}

function resultOf(who: Subject): SidecarCpu {
  return {
    policies: who.policies.length,
    ...who.kind,
    remembered: rememberedOf(who),
    ratio: spreadOf(who.ratios),
    ...costOf(who),
  };
}

export function rememberedOf({ known, looked }: Subject): number {
  return looked === 0 ? 0 : known / looked;
}

/** Throws unless the log has every check, decided as the policies say. */
export function costOf(who: Subject): ServerCpu {
  const found = who.server.decisions();
  assertExpected(found, expectedTally(who), `${who.server.name} with ${nameOf(who)}`);
  return {
    cpuUs: spreadOf(who.cpuUs),
    checks: who.checks,
    logged: totalOf(found),
    allow: found.allow,
    deny: found.deny,
    responseBytes: Math.round(who.responseBytes / who.checks),
  };
}

/** What an independent reading of the same policies says of every check that was sent. */
export function expectedTally({ policies, checks }: Subject): Tally {
  const decide = expectDecision(policies);
  const tally = { ...NOTHING };
  for (let n = 0; n < checks; n += 1) {
    const { caller, path } = checkAt(n);
    tally[decide(caller, path)] += 1;
  }
  return tally;
}

/** Figures of wrong answers, or of answers without a log line, are no figures. */
function assertExpected(found: Tally, expected: Tally, name: string): void {
  const [is, should] = [found, expected].map((tally) => JSON.stringify(tally));
  if (is !== should) {
    throw new Error(`the log of ${name} says ${is}, expected was ${should}`);
  }
  if (expected.allow === 0 || expected.deny === 0) {
    throw new Error(`all decisions of ${name} are the same`);
  }
}
