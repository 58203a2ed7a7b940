/**
 * `make bench`: measures what plan.ts says, in order, prints what it finds, and writes
 * docs/benchmarks.md and docs/benchmarks.json.
 *
 * `BENCH_QUICK=1` makes a smoke run and `BENCH_ONLY=cpu,latency` measures these parts only; both are
 * written to `.cache/bench/`. `BENCH_OUT=DIR` writes elsewhere. `BENCH_NODE_OPTIONS=--cpu-prof` is
 * given to the servers. `OPA_ENVOY=/path` has OPA-Envoy measured beside (docs/bench-opa.md).
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureBeside } from './beside.js';
import { measureCpu } from './cpu.js';
import { measureLatency } from './envoy.js';
import { startLoadProcess } from './load-process.js';
import { describeMachine } from './machine.js';
import { measureMemory } from './memory.js';
import { measureOpa } from './opa.js';
import { findOpa, type OpaEnvoy } from './opa-server.js';
import { measurePaced } from './paced.js';
import { FULL, type Plan, QUICK } from './plan.js';
import { measureReload } from './reload.js';
import { renderGoals, renderPage } from './report.js';
import type { NotMeasured, Results } from './results.js';
import { measureRollout } from './rollout.js';
import { measureStall } from './stall.js';
import { measureStart } from './start.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

const PARTS = [
  'cpu',
  'paced',
  'beside',
  'rollout',
  'opa',
  'memory',
  'reload',
  'stall',
  'start',
  'latency',
] as const;
type Part = (typeof PARTS)[number];

async function measure(
  plan: Plan,
  parts: ReadonlySet<string>,
  opaEnvoy: OpaEnvoy | NotMeasured,
): Promise<Results> {
  const directory = mkdtempSync(join(tmpdir(), 'cedargate-bench-'));
  const load = startLoadProcess();
  const say = (line: string) => console.log(`  ${line}`);
  const run = async <T>(part: Part, title: string, work: () => Promise<T>) => {
    if (!parts.has(part)) return { notMeasured: 'left out of this run' };
    console.log(title);
    return work();
  };
  try {
    const machine = describeMachine();
    const cpu = await run('cpu', 'server CPU a check, against a server that does nothing', () =>
      measureCpu(plan, load, directory, say),
    );
    const paced = await run('paced', 'checks at a fixed rate', () =>
      measurePaced(plan, load, directory, say),
    );
    const beside = await run('beside', 'candidate and log apart', () =>
      measureBeside(plan, load, directory, say),
    );
    const rollout = await run('rollout', 'what a rollout costs a check', async () =>
      measureRollout(plan, say),
    );
    const opa = await run('opa', 'the same rules in OPA-Envoy', () =>
      measureOpa(plan, opaEnvoy, load, directory, say),
    );
    const memory = await run('memory', 'memory', () => measureMemory(plan, load, directory, say));
    const reload = await run('reload', 'reload', () => measureReload(plan, directory, say));
    const stall = await run('stall', 'reload of many policies under load', () =>
      measureStall(plan, load, directory, say),
    );
    const start = await run('start', 'time to ready', () => measureStart(plan, directory, say));
    const latency = await run('latency', 'latency through Envoy', () =>
      measureLatency(plan, opaEnvoy, directory, say),
    );
    const costs = { cpu, paced, beside, rollout, opa, latency, memory };
    return { machine, quick: plan.quick, ...costs, reload, stall, start };
  } finally {
    load.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Only a full run replaces what the documentation shows. */
function write(results: Results, full: boolean): string {
  const usual = join(ROOT, full ? 'docs' : '.cache/bench');
  const out = process.env.BENCH_OUT ?? usual;
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'benchmarks.md'), renderPage(results));
  writeFileSync(join(out, 'benchmarks.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  return join(out, 'benchmarks.md');
}

const plan = process.env.BENCH_QUICK === '1' ? QUICK : FULL;
const only = process.env.BENCH_ONLY?.split(',') ?? PARTS;
const opaEnvoy = await findOpa().catch((error: Error) => {
  console.error(error.message);
  process.exit(2);
});
const results = await measure(plan, new Set(only), opaEnvoy);
const file = write(results, !plan.quick && only === PARTS);
console.log(`\n${renderGoals(results)}\n\nwritten to ${file}`);
