/**
 * What a reload of many policies does to those who ask meanwhile: a steady load, whatever is still
 * unanswered, while one policy changes, and how long the event loop of the server stood still at most.
 */
import type { LoadProcess } from './load-process.js';
import type { Plan } from './plan.js';
import type { StallResult, StallRun } from './results.js';
import { type Stall, startCedargate } from './servers.js';
import { builtBundles, plainDirectory, type StallSource } from './stall-sources.js';
import { spreadOf } from './statistics.js';

/** What Envoy waits for an answer in the shipped profiles. */
export const LATE_MS = 200;
const TAKES_SECONDS_MAX = 120;
/** After the swap, so that the first questions to the new policies are among those measured. */
const SECONDS_AFTER = 2;

export async function measureStall(
  plan: Plan,
  load: LoadProcess,
  directory: string,
  say: (line: string) => void,
): Promise<StallResult> {
  const { policies, times, perSecond } = plan.stall;
  const runs: StallRun[] = [];
  for (const sourceOf of [plainDirectory, builtBundles]) {
    runs.push(await measure(await sourceOf(policies, directory), plan, load, say));
  }
  return { policies, times, perSecond, runs };
}

async function measure(
  { what, settings, change }: StallSource,
  plan: Plan,
  load: LoadProcess,
  say: (line: string) => void,
): Promise<StallRun> {
  const { times, perSecond, warmUpChecks } = plan.stall;
  const server = await startCedargate(settings);
  let from = 0;
  const sums = { late: 0, slowestMs: 0 };
  const second = async () => {
    const { ms } = await load.run(server, { from, count: perSecond, concurrency: 1, perSecond });
    from += perSecond;
    sums.late += ms.filter((took) => took >= LATE_MS).length;
    sums.slowestMs = Math.max(sums.slowestMs, ...ms);
  };
  try {
    await load.run(server, { from, count: warmUpChecks, concurrency: plan.concurrency });
    from += warmUpChecks;
    await server.longestStall();
    const quiet: Stall[] = [];
    const loading: Stall[] = [];
    for (let time = 1; time <= times; time += 1) {
      for (let seconds = 0; seconds < 2 * SECONDS_AFTER; seconds += 1) await second();
      quiet.push(await server.longestStall());

      const { version, written } = await change(time);
      for (let seconds = 0; (await server.version()) !== version; seconds += 1) {
        if (seconds > TAKES_SECONDS_MAX) throw new Error(`version ${version} never came`);
        await second();
      }
      await written;
      for (let seconds = 0; seconds < SECONDS_AFTER; seconds += 1) await second();
      loading.push(await server.longestStall());
      say(`${what}, reload ${time}: ${textOf(loading.at(-1))}; without: ${textOf(quiet.at(-1))}`);
    }
    await server.logged(from);
    const { error } = server.decisions();
    const found = { what, checks: from, failed: error, ...sums };
    return { ...found, quiet: spreads(quiet), loading: spreads(loading) };
  } finally {
    await server.stop();
  }
}

function spreads(stalls: readonly Stall[]) {
  const [wallMs, ownMs] = [stalls.map((each) => each.wallMs), stalls.map((each) => each.ownMs)];
  return { wallMs: spreadOf(wallMs), ownMs: spreadOf(ownMs) };
}

function textOf(stall: Stall | undefined): string {
  return `${stall?.wallMs.toFixed(1)} ms, ${stall?.ownMs.toFixed(1)} of its own`;
}
