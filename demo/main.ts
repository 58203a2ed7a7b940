/**
 * `make demo`: the main job end to end on real Envoys, as a story in four acts. Exit 0 only when every
 * claim of observe.ts was observed; what was not is named. KEEP=1 leaves it running.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { actFour } from './act-four.js';
import { actOne } from './act-one.js';
import { actThree } from './act-three.js';
import { actTwo } from './act-two.js';
import { Bundles } from './bundles.js';
import { keep } from './keep.js';
import { CLAIMS, Observations } from './observe.js';
import { Stage } from './stage.js';
import { paintFor } from './table.js';
import { World } from './world.js';

const observations = new Observations();
const stage = new Stage(
  paintFor(process.stdout.isTTY === true, process.env.NO_COLOR),
  observations,
);
const startedMs = performance.now();

async function story(world: World, bundles: Bundles): Promise<void> {
  stage.heading('cedargate demo');
  await actOne(stage, world);
  await actTwo(stage, world, bundles);
  await actFour(await actThree(stage, world, bundles), bundles);
}

/** Says what was not observed; the exit code. */
function verdict(): number {
  const missing = observations.missing();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  const all = Object.keys(CLAIMS).length;
  if (missing.length === 0) {
    stage.heading(`All ${all} claims were observed, in ${seconds} seconds.`);
    return 0;
  }
  stage.alarm(`${missing.length} of ${all} were NOT observed:`);
  for (const sentence of missing) stage.note(sentence);
  return 1;
}

/** Ctrl-C, a polite kill, a closed terminal, or a reader of the output that has gone (`| head`). */
function untilSignal(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve('interrupted'));
    }
    process.stdout.on('error', () => resolve('interrupted'));
  });
}

async function main(): Promise<number> {
  const world = new World();
  const bundles = new Bundles(join(world.dir, 'bundles'));
  mkdirSync(bundles.dir);
  let stopping = false;
  const interrupted = untilSignal();
  const told = story(world, bundles).then(
    () => true,
    (thrown: unknown) => {
      // What could not be reached any more is named by the verdict.
      if (!stopping) stage.alarm(`  The story ended early: ${String(thrown)}`);
      return false;
    },
  );
  try {
    const whole = await Promise.race([told, interrupted]);
    if (whole === 'interrupted') {
      stage.say('\n  Interrupted: stopping everything that was started.');
      return 130;
    }
    const code = verdict();
    if (whole && !['', '0', undefined].includes(process.env.KEEP)) {
      await keep(stage, world, bundles, interrupted);
    }
    return code;
  } finally {
    stopping = true;
    await world.stop();
    await Promise.race([told, sleep(2_000)]);
    await world.stop();
  }
}

process.exit(await main());
