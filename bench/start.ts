/**
 * From the start of the process until it answers: `cedargate serve` with a built and signed bundle,
 * beside an empty node + grpc-js server, in pairs.
 */
import type { Plan } from './plan.js';
import { benchPolicies } from './policies.js';
import { cpuSecondsOf } from './proc.js';
import type { StartResult } from './results.js';
import { type MeasuredServer, startCedargate, startNoop } from './servers.js';
import { shelfOf } from './shelves.js';
import { spreadOf } from './statistics.js';

interface Started {
  readonly ms: number;
  readonly cpuMs: number;
}

export async function measureStart(
  plan: Plan,
  directory: string,
  say: (line: string) => void,
): Promise<StartResult> {
  const { rounds, policies: sizes } = plan.start;
  const shelves = sizes.map((policies) => ({
    policies,
    args: shelfOf(benchPolicies(policies), directory),
  }));
  const found = shelves.map(({ policies }) => ({
    policies,
    starts: [] as Started[],
    overMs: [] as number[],
  }));
  const empty: Started[] = [];
  // The first of each is not counted: what it reads comes from the disk.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, { policies, args }] of shelves.entries()) {
      const base = await timed(startNoop);
      const own = await timed(() => startCedargate({ flags: args, everyLine: false }));
      if (round === 0) continue;
      empty.push(base);
      found[index]?.starts.push(own);
      found[index]?.overMs.push(own.ms - base.ms);
      say(`${policies} policies: ${own.ms.toFixed(0)} ms, empty ${base.ms.toFixed(0)} ms`);
    }
  }
  const spreads = (starts: readonly Started[]) => ({
    ms: spreadOf(starts.map(({ ms }) => ms)),
    cpuMs: spreadOf(starts.map(({ cpuMs }) => cpuMs)),
  });
  return {
    rounds,
    empty: spreads(empty),
    sidecars: found.map(({ policies, starts, overMs }) => {
      return { policies, ...spreads(starts), overMs: spreadOf(overMs) };
    }),
  };
}

async function timed(start: () => Promise<MeasuredServer>): Promise<Started> {
  const begin = performance.now();
  const server = await start();
  const ms = performance.now() - begin;
  const cpuMs = 1_000 * cpuSecondsOf(server.pid);
  await server.stop();
  return { ms, cpuMs };
}
