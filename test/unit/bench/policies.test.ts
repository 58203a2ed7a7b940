import { describe, expect, it } from 'vitest';
import { bundleFiles } from '../../../bench/bundles.js';
import { type BenchPolicy, benchPolicies, expectDecision } from '../../../bench/policies.js';
import {
  CALLERS,
  COMBINATIONS,
  callerAt,
  checkAt,
  messageAt,
  pathAt,
} from '../../../bench/traffic.js';
import { compileBundle } from '../../../src/bundle/compile.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { check } from '../../../src/check/check.js';
import { soleGeneration } from '../../../src/check/regime.js';
import type { CheckSettings } from '../../../src/check/types.js';
import { sourceFiles } from '../../support/bundle-files.js';

const CHECKS = 600;

const GROUPED = benchPolicies(2_000, 'grouped').filter((_, index) => index < 10 || index % 40 < 2);

/** A few of each, so that all kinds of them decide something. */
const SHAPES = {
  usual: benchPolicies(60),
  grouped: GROUPED,
  'grouped by value': GROUPED.map((each) => ({ ...each, byValue: true })),
  open: benchPolicies(60, 'open'),
};

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

/** Asks cedargate with these policies, without a memory. */
function decider(policies: readonly BenchPolicy[]) {
  const files = sourceFiles(bundleFiles(policies, '1.0.0'));
  const compiled = compileBundle(files, { environment: 'bench' });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  const loaded = createEvaluator(compiled.value.program);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const evaluator = loaded.value;
  const active = { bundle: compiled.value, evaluator, loadedAtMs: 0 };
  const stamp = '1.0.0+0123456789ab.unsigned';
  const generation = soleGeneration(1, { mode: 'shadow', stamp, active });
  return {
    decide(n: number) {
      const call = { message: messageAt(n), deadlineMs: Infinity, nowMs: 0, decisionId: 'id' };
      return check(call, generation, settings).record;
    },
    release: () => evaluator.release(),
  };
}

describe('the policies of the bench', () => {
  it.each(Object.entries(SHAPES))('that are %s are decided as without Cedar', (_, policies) => {
    const expected = expectDecision(policies);
    const { decide, release } = decider(policies);
    const tally = { allow: 0, deny: 0 };
    for (let n = 0; n < CHECKS; n += 1) {
      const { caller, path } = checkAt(n);
      const should = expected(caller, path);
      const record = decide(n);
      expect(record.decision, `check ${n}: ${callerAt(caller).id} ${pathAt(path)}`).toBe(should);
      expect(record.errors).toEqual([]);
      tally[should] += 1;
    }
    release();
    expect(tally.allow).toBeGreaterThan(CHECKS / 20);
    expect(tally.deny).toBeGreaterThan(CHECKS / 20);
  });

  it('that are grouped have at most 20 that can apply to a caller', () => {
    const policies = benchPolicies(10_000, 'grouped').filter(({ service }) => !service);
    const counts = Array.from({ length: CALLERS }, (_, index) => {
      const { namespace } = callerAt(index);
      return policies.filter(({ callers }) => {
        if (callers.kind === 'one') return callers.index === index;
        return callers.kind === 'tenant' || callers.name === namespace;
      }).length;
    });
    expect(Math.max(...counts)).toBeLessThanOrEqual(20);
    expect(Math.min(...counts)).toBeGreaterThan(14);
  });

  it('differ from each other, whatever their number', () => {
    for (const many of [benchPolicies(1_000), benchPolicies(10_000, 'grouped')]) {
      const texts = many.map(({ id: _, ...said }) => JSON.stringify(said));
      expect(new Set(texts).size).toBe(many.length);
    }
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
