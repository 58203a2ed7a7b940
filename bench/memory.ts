/**
 * Resident memory: after few and after many checks, which shows a leak or a cache without bounds; and
 * under load at several sizes, over the no-op server with the same settings of Node.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeBundle } from './bundles.js';
import type { LoadProcess } from './load-process.js';
import type { Plan } from './plan.js';
import { benchPolicies } from './policies.js';
import { memoryPartsOf, residentBytesOf } from './proc.js';
import type { MemoryResult, MemoryUnderLoad, Readings } from './results.js';
import { type MeasuredServer, startCedargate, startNoop } from './servers.js';
import { shelfOf } from './shelves.js';
import { medianOf } from './statistics.js';

/** Readings of one figure, and the pause before each: the collector works a while after the load. */
const SAMPLES = 5;
const SAMPLE_PAUSE_MS = 200;

export async function measureMemory(
  plan: Plan,
  load: LoadProcess,
  directory: string,
  say: (line: string) => void,
): Promise<MemoryResult> {
  const { policies, readings, sizes, checksUnderLoad } = plan.memory;
  const sidecar = (count: number) => {
    const bundle = join(directory, `bundle-memory-${count}`);
    writeBundle(bundle, benchPolicies(count));
    return startCedargate({ bundle });
  };
  const grown = async (server: MeasuredServer) => {
    const found = await endingAfter(server, () => growthOf(server, plan, load));
    say(`${server.name}: ${megabytes(found.firstBytes)}, then ${megabytes(found.secondBytes)}`);
    return found;
  };
  const loaded = async (server: MeasuredServer, name = server.name) => {
    const found = await endingAfter(server, () => underLoad(server, plan, load));
    say(`${name}: ${megabytes(found.bytes)} under load`);
    return found;
  };
  const cedargate = await grown(await sidecar(policies));
  const noop = await grown(await startNoop());
  const noopUnderLoad = await loaded(await startNoop());
  const noopDefaults = await loaded(await startNoop({}), 'no-op with the defaults of Node');
  const found: MemoryResult['sizes'][number][] = [];
  for (const { policies: size, built } of sizes) {
    const flags = built ? shelfOf(benchPolicies(size), directory) : undefined;
    const server =
      flags === undefined ? await sidecar(size) : await startCedargate({ flags, everyLine: true });
    const name = `${size} policies${built ? ', built' : ''}`;
    found.push({ policies: size, built, ...(await loaded(server, name)) });
  }
  const [checksFirst, checksSecond] = readings;
  const growth = { policies, checksFirst, checksSecond, cedargate, noop };
  return { ...growth, noopUnderLoad, noopDefaults, checksUnderLoad, sizes: found };
}

/** Ends the server whatever happens. */
async function endingAfter<T>(server: MeasuredServer, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await server.stop();
  }
}

/** Both servers are fresh, and get the same checks. */
async function growthOf(server: MeasuredServer, plan: Plan, load: LoadProcess): Promise<Readings> {
  const [first, second] = plan.memory.readings;
  const firstBytes = await residentAfter(server, 0, first, plan, load);
  return { firstBytes, secondBytes: await residentAfter(server, first, second, plan, load) };
}

async function underLoad(
  server: MeasuredServer,
  { concurrency, memory }: Plan,
  load: LoadProcess,
): Promise<MemoryUnderLoad> {
  const half = memory.checksUnderLoad / 2;
  await load.run(server, { from: 0, count: half, concurrency });
  const samples = [residentBytesOf(server.pid)];
  const timer = setInterval(() => samples.push(residentBytesOf(server.pid)), SAMPLE_PAUSE_MS);
  try {
    await load.run(server, { from: half, count: half, concurrency });
  } finally {
    clearInterval(timer);
  }
  return { bytes: medianOf(samples), parts: memoryPartsOf(server.pid) };
}

async function residentAfter(
  server: MeasuredServer,
  from: number,
  to: number,
  { concurrency }: Plan,
  load: LoadProcess,
): Promise<number> {
  await load.run(server, { from, count: to - from, concurrency });
  await server.logged(to);
  const samples: number[] = [];
  while (samples.length < SAMPLES) {
    await sleep(SAMPLE_PAUSE_MS);
    samples.push(residentBytesOf(server.pid));
  }
  return medianOf(samples);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
