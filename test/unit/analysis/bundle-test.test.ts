import { describe, expect, it } from 'vitest';
import { runBundleTests } from '../../../src/analysis/bundle-test.js';
import type { TestReport } from '../../../src/analysis/test-report.js';
import { engine } from '../../../src/cedar/engine.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import { filesOf, smallFiles } from './small-bundle.js';

const ORDERS = 'spiffe://example.org/ns/shop/sa/orders';

function run(tests: Readonly<Record<string, string>>, environment?: string, files = smallFiles()) {
  return runBundleTests({ files, testFiles: filesOf(tests), environment }, createEvaluator);
}

function report(tests: Readonly<Record<string, string>>, environment?: string): TestReport {
  const result = run(tests, environment);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

const yaml = (...lines: string[]) => ({ 'tests/a.yaml': `- ${lines.join('\n  ')}\n` });
const cedar = (change: object) => ({
  'tests/a.json': JSON.stringify([
    {
      name: 'a',
      request: {
        principal: `Workload::"${ORDERS}"`,
        action: 'Action::"GET"',
        resource: 'Service::"a/b"',
        context: { path: '/' },
      },
      entities: [
        {
          uid: { type: 'Workload', id: ORDERS },
          attrs: {},
          parents: [{ type: 'Namespace', id: 'example.org/shop' }],
        },
      ],
      decision: 'allow',
      reason: ['reads'],
      num_errors: 0,
      ...change,
    },
  ]),
});

describe('request tests', () => {
  it.each([
    ['a permit', [`caller: ${ORDERS}`, 'method: GET', 'path: /x'], 'allow', ['reads']],
    [
      'a route with headers and claims',
      [
        `caller: ${ORDERS}`,
        'method: POST',
        'path: /items/1',
        'headers: {x-one: "yes"}',
        'claims: {level: 3}',
      ],
      'allow',
      ['posts'],
    ],
    ['a gRPC call', ['caller: anonymous', 'grpc: {service: a.B, method: Do}'], 'allow', ['calls']],
    ['a connection', ['caller: anonymous', 'tcp: true'], 'allow', ['calls']],
    ['CONNECT', ['caller: anonymous', 'method: CONNECT'], 'allow', ['calls']],
    ['an encoded path', [`caller: ${ORDERS}`, 'method: GET', 'path: /a%2Fb'], 'error', []],
    ['a caller that is no SPIFFE ID', ['caller: CN=orders', 'method: GET', 'path: /'], 'error', []],
    [
      'an address',
      [`caller: ${ORDERS}`, 'method: GET', 'path: /', 'sourceAddress: "::1"'],
      'allow',
      ['reads'],
    ],
  ])('decide %s as production would', (_name, lines, decision, policies) => {
    const found = report(
      yaml('name: a', ...lines, `decision: ${decision}`, `policies: [${policies.join()}]`),
    );
    expect(found.failed).toEqual([]);
    expect(found.passed).toBe(1);
  });

  it('say what was expected, what came, and which error there was', () => {
    const lines = [
      `caller: ${ORDERS}`,
      'method: POST',
      'path: /items/1',
      'headers: {x-one: [a, b]}',
    ];
    const found = report(
      yaml('name: a', ...lines, 'decision: allow', 'reason: policy_permit', 'policies: [posts]'),
    );
    expect(found.passed).toBe(0);
    expect(found.failed).toMatchObject([
      {
        name: 'a',
        file: 'tests/a.yaml',
        line: 1,
        differences: [
          { what: 'decision', expected: 'allow', got: 'error' },
          { what: 'reason', expected: 'policy_permit', got: 'header_duplicate' },
          { what: 'policies', expected: 'posts', got: 'none' },
        ],
      },
    ]);
    expect(found.failed[0]?.errors).toEqual([expect.stringContaining('`headers.x-one`')]);
  });

  it('fail on a policy too many', () => {
    const lines = [
      `caller: ${ORDERS}`,
      'method: GET',
      'path: /x',
      'decision: allow',
      'policies: []',
    ];
    expect(report(yaml('name: a', ...lines)).failed).toHaveLength(1);
  });

  it('see the entities of their own environment, or else of the run', () => {
    const lines = ['name: a', `caller: ${ORDERS}`, 'method: POST', 'path: /'];
    expect(report(yaml(...lines, 'decision: deny')).failed).toEqual([]);
    expect(report(yaml(...lines, 'environment: production', 'decision: allow')).failed).toEqual([]);
    expect(report(yaml(...lines, 'decision: allow'), 'production').failed).toEqual([]);
    expect(
      report(yaml(...lines, 'environment: staging', 'decision: deny'), 'production').failed,
    ).toEqual([]);
  });

  it('need a destination that the scope covers', () => {
    const lines = [
      `caller: ${ORDERS}`,
      'method: GET',
      'path: /',
      'destination: c/d',
      'decision: error',
    ];
    expect(report(yaml('name: a', ...lines, 'reason: destination_not_covered')).failed).toEqual([]);
  });

  it('are refused without a destination when the bundle has no scope', () => {
    const files = smallFiles({ 'bundle.yaml': 'name: small\nversion: "1"\nowner: a\n' });
    const result = run(
      yaml('name: a', 'caller: anonymous', 'method: GET', 'path: /', 'decision: deny'),
      undefined,
      files,
    );
    expect(result).toMatchObject({ ok: false, problems: [{ code: 'test_invalid', line: 1 }] });
  });
});

describe('Cedar tests', () => {
  it('see their own entities only', () => {
    expect(report(cedar({})).failed).toEqual([]);
    expect(report(cedar({ entities: [] })).failed).toMatchObject([
      { differences: [{ what: 'decision', expected: 'allow', got: 'deny' }, { what: 'policies' }] },
    ]);
  });

  it('name policies that must be among the determining ones', () => {
    expect(report(cedar({ reason: [] })).failed).toEqual([]);
    expect(report(cedar({ reason: ['calls'] })).failed).toHaveLength(1);
  });

  it('count errors of evaluation', () => {
    const max = {
      uid: { type: 'Workload', id: ORDERS },
      attrs: { tier: 9007199254740991 },
      parents: [],
    };
    const question = {
      action: 'Action::"POST"',
      principal: `Workload::"${ORDERS}"`,
      resource: 'Service::"a/b"',
      context: { path: '/' },
    };
    const change = { request: question, entities: [max], decision: 'deny', reason: [] };
    expect(report(cedar({ ...change, num_errors: 1 })).failed).toEqual([]);
    expect(report(cedar(change)).failed).toMatchObject([
      {
        differences: [{ what: 'num_errors', expected: '0', got: '1' }],
        errors: [expect.stringContaining('`tiered`')],
      },
    ]);
  });

  it('fail, with the reason, when the engine does not take the question', () => {
    const request = {
      principal: `Workload::"${ORDERS}"`,
      action: 'Action::"GET"',
      resource: 'Service::"a/b"',
      context: { path: 3 },
    };
    expect(report(cedar({ request })).failed).toMatchObject([
      { differences: [{ expected: 'allow', got: 'no answer' }], errors: [expect.any(String)] },
    ]);
  });

  it.each([
    ['an undeclared attribute', { attrs: { team: 'x' } }, 'the attribute `team`'],
    [
      'a parent of a type that is not allowed',
      { parents: [{ type: 'Service', id: 'x' }] },
      'a parent of type `Service`',
    ],
    ['an undeclared type', { uid: { type: 'Robot', id: 'x' } }, 'has a type'],
  ])('are refused with %s', (_name, change, message) => {
    const entity = { uid: { type: 'Workload', id: 'x' }, attrs: {}, parents: [], ...change };
    const result = run(cedar({ entities: [entity] }));
    expect(result).toMatchObject({ ok: false, problems: [{ code: 'test_invalid' }] });
    expect(result.ok ? '' : result.problems[0].message).toContain(message);
  });
});

describe('a run', () => {
  const PASSING = ['caller: anonymous', 'method: GET', 'path: /', 'decision: deny'];

  it('counts a policy as reached only when it decided', () => {
    const found = report(
      yaml('name: a', `caller: ${ORDERS}`, 'method: GET', 'path: /secret', 'decision: deny'),
    );
    expect(found.coverage).toMatchObject({ policies: 5, reached: 1 });
    expect(found.coverage.unreached.map(({ id }) => id)).toEqual([
      'reads',
      'calls',
      'posts',
      'tiered',
    ]);
    expect(found.coverage.unreached[1]).toEqual({ id: 'calls', file: 'main.cedar', line: 4 });
  });

  it('refuses two tests of one name, also across files', () => {
    const tests = { ...yaml('name: a', ...PASSING), ...cedar({}) };
    expect(run(tests)).toMatchObject({ ok: false, problems: [{ code: 'test_invalid' }] });
  });

  it('refuses an expected policy that the bundle does not have', () => {
    const result = run(yaml('name: a', ...PASSING, 'policies: [raeds]'));
    expect(result.ok ? '' : result.problems[0].message).toContain('no policy `raeds`');
    expect(run(cedar({ reason: ['raeds'] })).ok).toBe(false);
  });

  it('tells what is wrong with the bundle before what is wrong with its tests', () => {
    const files = smallFiles({ 'main.cedar': 'permit (' });
    const result = run({ 'tests/a.yaml': 'nonsense' }, undefined, files);
    expect(result.ok ? '' : result.problems[0].code).toBe('policy_syntax');
  });

  it('reports nothing passed without tests', () => {
    expect(report({})).toMatchObject({ passed: 0, failed: [], coverage: { reached: 0 } });
  });

  it('gives back every slot of the engine', () => {
    const before = engine().slotsInUse;
    report({ ...yaml('name: b', ...PASSING), ...cedar({}) }, 'production');
    expect(engine().slotsInUse).toBe(before);
  });
});
