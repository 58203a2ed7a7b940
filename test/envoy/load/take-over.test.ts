/**
 * One cedargate hands over to the next under load, with the shipped settings: no request may fail.
 * TAKE_OVER_RUNS (default 1; `make verify` takes 3) repeats each, one Envoy for all runs.
 */
import { afterEach, expect, it } from 'vitest';
import { describeLoad, failures } from '../../support/load.js';
import type { LogLine } from '../../support/program.js';
import type { Sidecar } from '../../support/sidecar.js';
import { describeWithEnvoy } from '../../support/suites.js';
import { startWorld, type World } from '../../support/world.js';

const RUNS = Number(process.env.TAKE_OVER_RUNS ?? 1);

let world: World | undefined;
afterEach(async () => {
  await world?.stop();
  world = undefined;
});

describeWithEnvoy('a take-over', () => {
  it('by the second endpoint loses no request', async () => {
    world = await startWorld({ profile: 'enforcing', mode: 'enforce' });
    await takeOver(world, async (next, running) => {
      // As envoy.yaml advises: not before Envoy has found the new one.
      await next.waitForLine(isDecision);
      expect(await running.stop('SIGTERM'), running.output()).toBe(0);
    });
  });

  it('by a Unix socket renamed over the old one loses no request', async () => {
    world = await startWorld({ profile: 'enforcing', mode: 'enforce', unixSocket: true });
    await takeOver(world, async (next, running) => {
      expect(await running.stop('SIGTERM'), running.output()).toBe(0);
      await next.waitForLine(isDecision);
    });
  });
});

const isDecision = (line: LogLine) => line.type === 'decision';

/** Several times: load, a successor where the predecessor is not, the hand-over, more load. */
async function takeOver(
  { endpoints, load: startLoad, sidecar, startSidecar }: World,
  handOver: (next: Sidecar, running: Sidecar) => Promise<void>,
): Promise<void> {
  let running = sidecar;
  for (let run = 1; run <= RUNS; run += 1) {
    const load = startLoad('orders');
    try {
      await load.more(50);
      const next = await startSidecar({ listen: [endpoints[run % 2] as string] });
      await handOver(next, running);
      await load.more(100);
      running = next;
    } finally {
      const report = await load.stop();
      expect(failures(report), `run ${run}: ${describeLoad(report)}`).toBe(0);
    }
  }
}
