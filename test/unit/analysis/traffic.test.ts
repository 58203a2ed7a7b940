import { describe, expect, it } from 'vitest';
import { TrafficReplay } from '../../../src/analysis/traffic.js';
import { compileBundle } from '../../../src/bundle/compile.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { SMALL_FILES, smallFiles } from './small-bundle.js';

type Files = Readonly<Record<string, string>>;

const MAIN = SMALL_FILES['main.cedar'] as string;

function sideOf(changes: Files) {
  const compiled = compileBundle(smallFiles(changes), { environment: 'production' });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
  const evaluator = createEvaluator(compiled.value.program);
  if (!evaluator.ok) throw new Error('no evaluator');
  return { bundle: compiled.value, evaluator: evaluator.value };
}

function replay(lines: readonly (string | object)[], after: Files, before: Files = {}) {
  const sides = { a: sideOf(before), b: sideOf(after) };
  const replaying = new TrafficReplay(sides, 'production');
  for (const line of lines) replaying.line(typeof line === 'string' ? line : JSON.stringify(line));
  sides.a.evaluator.release();
  sides.b.evaluator.release();
  return replaying.result();
}

let lineNumber = 0;
const ORDERS = 'spiffe://example.org/ns/shop/sa/orders';
function decision(fields: object = {}, input: object = {}) {
  lineNumber += 1;
  return {
    type: 'decision',
    schema_version: 1,
    timestamp: '2026-11-01T00:00:00.000Z',
    decision_id: `d-${lineNumber}`,
    environment: 'production',
    principal: ORDERS,
    action: 'GET',
    access: 'read',
    resource: 'a/b/item',
    decision: 'allow',
    reason: 'policy_permit',
    policies: ['reads'],
    errors: [],
    exception: null,
    rollout: null,
    policy_version: '1+0.unsigned',
    bundle_digest: null,
    method: 'GET',
    path: '/items/1',
    replayable: true,
    input: {
      principal: { type: 'Workload', id: ORDERS },
      action: 'GET',
      resource: { type: 'Route', id: 'a/b/item' },
      context: { path: '/items/1', params: { id: '1' } },
      ...input,
    },
    ...fields,
  };
}

const NO_READS: Files = {
  'main.cedar': MAIN.replace(
    'action == Action::"GET", resource in',
    'action == Action::"POST", resource in',
  ),
};

describe('traffic decided again', () => {
  it('weighs classes by requests a day, with an example', () => {
    const first = decision();
    const later = { timestamp: '2026-11-03T00:00:00.000Z' };
    const { flips, observed } = replay(
      [first, decision(), decision(later), decision(later)],
      NO_READS,
    );
    expect(flips).toEqual([
      {
        caller: ORDERS,
        action: 'GET',
        destination: 'a/b',
        route: 'item',
        from: 'allow',
        to: 'deny',
        requests: 4,
        requestsADay: 2,
        example: first.decision_id,
        policiesBefore: ['reads'],
        policiesAfter: [],
      },
    ]);
    expect(observed?.days).toBe(2);
  });

  it('weighs a line of a sample by how many it stands for', () => {
    const later = { timestamp: '2026-11-03T00:00:00.000Z' };
    const rare = decision({ sampled_share: 0.1, ...later });
    const { flips } = replay([decision(), rare, decision({ sampled_share: 0.5 })], NO_READS);
    expect(flips).toMatchObject([{ requests: 3, requestsADay: (1 + 10 + 2) / 2 }]);
  });

  it('knows no requests a day of a log without a span of time', () => {
    const { flips, observed } = replay([decision()], NO_READS);
    expect(flips).toMatchObject([{ requests: 1, requestsADay: null }]);
    expect(observed).toBeNull();
  });

  it('counts every line, and bad ones are never fatal', () => {
    const { lines, flips } = replay(
      [
        decision(),
        decision({ replayable: false }),
        decision({ input: null, replayable: false }),
        decision({ environment: 'staging' }),
        decision({}, { principal: { type: 'Workload', id: 'nonsense' } }),
        decision({ schema_version: 2 }),
        { type: 'change', schema_version: 1 },
        { type: 'program' },
        '{"type": "decision"',
        'null',
        '',
        '  ',
      ],
      {},
    );
    expect(flips).toEqual([]);
    expect(lines).toEqual({
      total: 10,
      replayed: 1,
      notReplayable: 3,
      otherEnvironment: 1,
      other: 2,
      bad: 3,
    });
  });

  it('routes again where the sides do not route alike', () => {
    const after = {
      'routes.yaml':
        '- {name: thing, path: "/items/{id}"}\n- {name: call, grpc: {service: a.B, method: Do}}\n',
    };
    const posts = decision(
      { method: 'POST' },
      {
        action: 'POST',
        context: {
          path: '/items/1',
          params: { id: '1' },
          headers: { 'x-one': 'yes' },
          claims: { level: 3 },
        },
      },
    );
    expect(replay([posts], after).flips).toMatchObject([
      { from: 'allow', to: 'deny', requests: 1 },
    ]);
  });

  it('leaves out what a side does not declare, and names it', () => {
    const schema =
      SMALL_FILES['schema.cedarschema']?.replace(
        'claims?: {sub?: String, level?: Long}',
        'claims?: {level?: Long}',
      ) ?? '';
    const line = decision({}, { context: { path: '/items/1', claims: { sub: 'u' } } });
    const { flips, fieldsNotInBoth } = replay([line], { 'schema.cedarschema': schema });
    expect(flips).toEqual([]);
    expect(fieldsNotInBoth).toEqual(['claims.sub']);
  });

  it('asks the engine once for each distinct input', () => {
    const sides = { a: sideOf({}), b: sideOf({}) };
    let asked = 0;
    const counting = {
      ...sides.a.evaluator,
      evaluate: (request: Parameters<typeof sides.a.evaluator.evaluate>[0]) => {
        asked += 1;
        return sides.a.evaluator.evaluate(request);
      },
    };
    const replaying = new TrafficReplay(
      { a: { ...sides.a, evaluator: counting }, b: sides.b },
      'production',
    );
    for (let index = 0; index < 5; index += 1) replaying.line(JSON.stringify(decision()));
    expect(asked).toBe(1);
    expect(replaying.result().lines.replayed).toBe(5);
    sides.a.evaluator.release();
    sides.b.evaluator.release();
  });
});
