/** The state directory of a process that is killed at any moment. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { openStateDirectory } from '../../src/reload/state-directory.js';
import { temporaryDirectory } from '../support/bundle-files.js';
import { startProgram } from '../support/program.js';
import { findState } from '../support/states.js';

const SAVER = fileURLToPath(new URL('../fixtures/state-saver.ts', import.meta.url));
/** `make verify` kills more often. */
const KILLS = Number(process.env.STATE_KILLS ?? 20);
const NAMES = ['orders', 'payments'];
/** Longer than one save, so that the kill falls anywhere in it. */
const MOMENT_MS_MAX = 60;

it(`SIGKILL at ${KILLS} random moments of saving never costs a state`, {
  timeout: 300_000,
}, async () => {
  const place = await temporaryDirectory();
  const directory = join(place, 'state');
  // It is started again and again, and so must start at once: one file, compiled.
  const program = join(place, 'saver.mjs');
  await build({
    entryPoints: [SAVER],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  let saved = 0;
  let interrupted = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const args = [program, directory, `${saved + 1}`, ...NAMES];
    const saver = startProgram('saver', process.execPath, args);
    const moment = Math.random() * MOMENT_MS_MAX;
    await saver.waitForLine(({ n }) => n === saved + 1);
    await sleep(moment);
    await saver.kill();
    expect(saver.output()).toBe('');
    expect(saver.lines.filter(({ problems }) => `${problems}` !== '')).toEqual([]);

    const last = Number(saver.lines.at(-1)?.n);
    const folders = ['.', 'rollouts', 'bundles'].map((name) => readdir(join(directory, name)));
    const left = (await Promise.all(folders)).flat().filter((name) => name.endsWith('.tmp'));
    const found = await findState(openStateDirectory(directory));
    expect(found.problems).toEqual([]);
    // What it said is there; the save that was interrupted may be, rollout by rollout.
    for (const n of [...NAMES.map((name) => found.rollouts[name]), found.clockMs]) {
      expect([last, last + 1]).toContain(n);
    }
    const isBetween = NAMES.some((name) => found.rollouts[name] !== found.clockMs);
    if (left.length > 0 || isBetween) interrupted += 1;
    saved = last + 1;
  }
  // Else the moments were no moments of saving, and this test says nothing.
  expect(interrupted).toBeGreaterThan(KILLS / 10);
});
