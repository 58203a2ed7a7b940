import { afterAll, describe, expect, it } from 'vitest';
import { bundleFiles } from '../../../bench/bundles.js';
import { benchPolicies, expectDecision } from '../../../bench/policies.js';
import { COMBINATIONS, callerAt, checkAt, messageAt, pathAt } from '../../../bench/traffic.js';
import { compileBundle } from '../../../src/bundle/compile.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { check } from '../../../src/check/check.js';
import { soleGeneration } from '../../../src/check/regime.js';
import type { CheckSettings } from '../../../src/check/types.js';
import { sourceFiles } from '../../support/bundle-files.js';

const POLICIES = 60;
const CHECKS = 1_500;
const policies = benchPolicies(POLICIES);
const compiled = compileBundle(sourceFiles(bundleFiles(policies, '1.0.0')), {
  environment: 'bench',
});
if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
const loaded = createEvaluator(compiled.value.program);
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const evaluator = loaded.value;
afterAll(() => evaluator.release());

const generation = soleGeneration(1, {
  mode: 'shadow',
  stamp: '1.0.0+0123456789ab.unsigned',
  active: { bundle: compiled.value, evaluator, loadedAtMs: 0 },
});
const settings: CheckSettings = {
  destinationFrom: 'service',
  service: 'shop/payments',
  environment: 'bench',
  strictIdentity: false,
  claims: { payload: 'p', taskId: 'i', taskKind: 'k', taskIntent: 'n' },
  headers: { prefix: 'x-cedargate', version: true, decisionId: true, mode: false },
  failResponse: 'error_response',
  helpUrl: undefined,
};

function decisionOf(n: number) {
  const call = { message: messageAt(n), deadlineMs: Infinity, nowMs: 0, decisionId: 'id' };
  return check(call, generation, settings).record;
}

describe('the policies of the bench', () => {
  it('are decided by cedargate as they are read without Cedar', () => {
    const expected = expectDecision(policies);
    const tally = { allow: 0, deny: 0 };
    for (let n = 0; n < CHECKS; n += 1) {
      const { caller, path } = checkAt(n);
      const should = expected(caller, path);
      const record = decisionOf(n);
      expect(record.decision, `check ${n}: ${callerAt(caller).id} ${pathAt(path)}`).toBe(should);
      expect(record.errors).toEqual([]);
      tally[should] += 1;
    }
    expect(tally.allow).toBeGreaterThan(CHECKS / 20);
    expect(tally.deny).toBeGreaterThan(CHECKS / 20);
  });

  it('differ from each other, whatever their number', () => {
    const many = benchPolicies(1_000);
    const texts = many.map(({ effect, callers, path }) => JSON.stringify([effect, callers, path]));
    expect(new Set(texts).size).toBe(many.length);
  });
});

describe('the traffic of the bench', () => {
  it('takes every caller with every path once before any pair comes again', () => {
    const pairs = new Set<string>();
    for (let n = 0; n < COMBINATIONS; n += 1) {
      const { caller, path } = checkAt(n);
      pairs.add(`${caller} ${path}`);
    }
    expect(pairs.size).toBe(100_000);
    expect(checkAt(COMBINATIONS)).toEqual(checkAt(0));
  });

  it('has messages of about 1 KB', () => {
    expect(messageAt(0).length).toBeGreaterThan(900);
    expect(messageAt(0).length).toBeLessThan(1_200);
  });
});
