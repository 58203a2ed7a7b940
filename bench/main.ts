/**
 * `make bench`: measures what plan.ts says, in order, prints what it finds, and writes
 * docs/benchmarks.md and docs/benchmarks.json.
 *
 * `BENCH_QUICK=1` makes a smoke run, written to `.cache/bench/`. `BENCH_OUT=DIR` writes elsewhere.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureCpu } from './cpu.js';
import { measureLatency } from './envoy.js';
import { startLoadProcess } from './load-process.js';
import { describeMachine } from './machine.js';
import { measureMemory } from './memory.js';
import { FULL, type Plan, QUICK } from './plan.js';
import { measureReload } from './reload.js';
import { renderGoals, renderPage } from './report.js';
import type { Results } from './results.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

async function measure(plan: Plan): Promise<Results> {
  const directory = mkdtempSync(join(tmpdir(), 'cedargate-bench-'));
  const load = startLoadProcess();
  const say = (line: string) => console.log(`  ${line}`);
  try {
    const machine = describeMachine();
    console.log('server CPU a check, against a server that does nothing');
    const cpu = await measureCpu(plan, load, directory, say);
    console.log('memory');
    const memory = await measureMemory(plan, load, directory, say);
    console.log('reload');
    const reload = await measureReload(plan, directory, say);
    console.log('latency through Envoy');
    const latency = await measureLatency(plan, directory, say);
    return { machine, quick: plan.quick, cpu, latency, memory, reload };
  } finally {
    load.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function write(results: Results): string {
  const usual = join(ROOT, results.quick ? '.cache/bench' : 'docs');
  const out = process.env.BENCH_OUT ?? usual;
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'benchmarks.md'), renderPage(results));
  writeFileSync(join(out, 'benchmarks.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  return join(out, 'benchmarks.md');
}

const results = await measure(process.env.BENCH_QUICK === '1' ? QUICK : FULL);
const file = write(results);
console.log(`\n${renderGoals(results)}\n\nwritten to ${file}`);
