/** Resident memory after few and after many checks: what a leak, or a cache without bounds, shows in. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeBundle } from './bundles.js';
import type { LoadProcess } from './load-process.js';
import type { Plan } from './plan.js';
import { benchPolicies } from './policies.js';
import { residentBytesOf } from './proc.js';
import type { MemoryResult, Readings } from './results.js';
import { type MeasuredServer, startCedargate, startNoop } from './servers.js';
import { medianOf } from './statistics.js';

/** Readings of one figure, and the pause before each: the collector works a while after the load. */
const SAMPLES = 5;
const SAMPLE_PAUSE_MS = 200;

/** Both servers are fresh, and get the same checks. */
export async function measureMemory(
  plan: Plan,
  load: LoadProcess,
  directory: string,
  say: (line: string) => void,
): Promise<MemoryResult> {
  const { policies, readings } = plan.memory;
  const bundle = join(directory, 'bundle-memory');
  writeBundle(bundle, benchPolicies(policies));
  const read = async (server: MeasuredServer): Promise<Readings> => {
    try {
      const [first, second] = readings;
      const firstBytes = await residentAfter(server, 0, first, plan, load);
      const secondBytes = await residentAfter(server, first, second, plan, load);
      say(`${server.name}: ${megabytes(firstBytes)}, then ${megabytes(secondBytes)}`);
      return { firstBytes, secondBytes };
    } finally {
      await server.stop();
    }
  };
  const cedargate = await read(await startCedargate({ bundle }));
  const noop = await read(await startNoop());
  return { policies, checksFirst: readings[0], checksSecond: readings[1], cedargate, noop };
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
