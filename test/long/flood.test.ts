/** Many questions that never come again: what they cost those that do, and the process its memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { writeBundle } from '../../bench/bundles.js';
import { startLoadProcess } from '../../bench/load-process.js';
import { BY_VALUE, benchPolicies } from '../../bench/policies.js';
import { residentBytesOf } from '../../bench/proc.js';
import { startCedargate } from '../../bench/servers.js';
import { medianOf } from '../../bench/statistics.js';
import { type Answered, EvaluationMemory } from '../../src/cedar/evaluation-memory.js';
import { createEvaluator } from '../../src/cedar/evaluator.js';
import { check } from '../../src/check/check.js';
import { soleGeneration } from '../../src/check/regime.js';
import { REMEMBERED_MAX } from '../../src/constants.js';
import { checkBundle, PAYMENTS_SETTINGS } from '../support/check-bundles.js';
import { httpRequest } from '../support/check-request.js';

const ANSWER: Answered = { kind: 'answered', satisfied: [], engineDecision: 'deny', errored: [] };

/** A check whose answer is known, of a process with a memory of its own. */
function knownChecks() {
  const bundle = checkBundle();
  const memory = new EvaluationMemory();
  const lookups = { hit: 0, miss: 0, bypass: 0 };
  const evaluator = createEvaluator(bundle.bundle.program, { memory, lookups });
  if (!evaluator.ok) throw new Error(JSON.stringify(evaluator.problems));
  const active = { ...bundle, evaluator: evaluator.value };
  const generation = soleGeneration(1, { mode: 'shadow', stamp: 'x', active });
  const messages = Array.from({ length: 50 }, (_, n) =>
    httpRequest({ method: 'GET', path: `/payments/${n}` }),
  );
  const ask = (times: number) => {
    for (let n = 0; n < times; n += 1) {
      const message = messages[n % messages.length] as Buffer;
      check(
        { message, deadlineMs: 1e15, nowMs: 1e12, decisionId: 'd' },
        generation,
        PAYMENTS_SETTINGS,
      );
    }
  };
  const cpuOf = (times: number) => {
    const before = process.cpuUsage();
    ask(times);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  return { memory, lookups, ask, cpuOf };
}

it('a known answer costs no tenth more in a flood of others', () => {
  const ROUNDS = 21;
  const CHECKS = 2_000;
  // Twice as many others as checks: the generations of the memory change every fourth round.
  const OTHERS = REMEMBERED_MAX / 4;
  const [quiet, flooded] = [knownChecks(), knownChecks()];
  let others = 0;
  const flood = () => {
    for (let n = 0; n < OTHERS; n += 1) {
      flooded.memory.set(`other ${others} ${'x'.repeat(100)}`, ANSWER);
      others += 1;
    }
  };
  for (const each of [quiet, flooded]) each.ask(20_000);
  for (let round = 0; round < 8; round += 1) flood();
  flooded.ask(CHECKS);
  const misses = flooded.lookups.miss;
  const ratios = Array.from({ length: ROUNDS }, () => {
    flood();
    const base = quiet.cpuOf(CHECKS);
    return flooded.cpuOf(CHECKS) / base;
  });
  expect(flooded.lookups).toMatchObject({ miss: misses, bypass: 0 });
  expect(flooded.lookups.hit).toBeGreaterThan(ROUNDS * CHECKS);
  expect(flooded.memory.size).toBeLessThanOrEqual(2 * REMEMBERED_MAX);
  expect(medianOf(ratios)).toBeLessThan(1.1);
});

const directory = mkdtempSync(join(tmpdir(), 'cedargate-flood-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('a process that has kept all it may grows no further', async () => {
  const GROWTH_BYTES_MAX = 10_000_000;
  // A policy that looks at the path as a value makes every check of the bench a question of its own.
  writeBundle(directory, benchPolicies(10), { 'by-value.cedar': BY_VALUE });
  const server = await startCedargate({ bundle: directory });
  const load = startLoadProcess();
  let sent = 0;
  const residentAfter = async (checks: number) => {
    await load.run(server, { from: sent, count: checks - sent, concurrency: 16 });
    sent = checks;
    await server.logged(sent);
    return residentBytesOf(server.pid);
  };
  try {
    const full = await residentAfter(2.2 * REMEMBERED_MAX);
    const later = await residentAfter(3.4 * REMEMBERED_MAX);
    const { known, all } = await server.lookups();
    expect(known / all).toBeLessThan(0.1);
    expect(later - full).toBeLessThan(GROWTH_BYTES_MAX);
  } finally {
    load.stop();
    await server.stop();
  }
}, 400_000);
