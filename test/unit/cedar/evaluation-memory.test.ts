/** Attacks on remembered answers: what once was, or might be, given to a question that is not the same. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Answered, EvaluationMemory } from '../../../src/cedar/evaluation-memory.js';
import { createEvaluator, type LoadedEvaluator } from '../../../src/cedar/evaluator.js';
import type { CedarProgram, CedarRequest } from '../../../src/cedar/types.js';
import {
  REMEMBERED_BYTES_MAX,
  REMEMBERED_KEY_BYTES_MAX,
  REMEMBERED_MAX,
} from '../../../src/constants.js';
import { SET_POLICIES_MAX } from '../../../src/engine-constants.js';
import {
  lines,
  policy,
  programOf,
  request,
  SCHEMA as SHOP_SCHEMA,
  type Sources,
} from './support.js';

const SCHEMA = `entity TrustDomain; entity Namespace in [TrustDomain];
entity Workload in [Namespace, TrustDomain]; entity Service;
action GET appliesTo { principal: Workload, resource: Service, context: {
  path: String, headers?: { sub?: String }, claims?: { sub?: String },
  params?: { sub?: String }, task?: { expiresAt?: datetime }
} };
action rpc appliesTo { principal: Workload, resource: Service, context: {
  grpc: { service: String, method: String }
} };
`;

const loaded: LoadedEvaluator[] = [];
afterEach(() => {
  for (const evaluator of loaded.splice(0)) evaluator.release();
});

function evaluatorOf(sources: Sources, memory: EvaluationMemory, lookups = noLookups()) {
  return evaluatorFor(programOf({ schema: SCHEMA, ...sources }), memory, lookups);
}

function evaluatorFor(program: CedarProgram, memory: EvaluationMemory, lookups = noLookups()) {
  const created = createEvaluator(program, { memory, lookups });
  if (!created.ok) throw new Error(lines(created).join('\n'));
  loaded.push(created.value);
  return created.value;
}

const noLookups = () => ({ hit: 0, miss: 0, bypass: 0 });
const when = (id: string, effect: string, condition: string) =>
  policy(id, `${effect} (principal, action == Action::"GET", resource) when { ${condition} };`);
const get = (context: CedarRequest['context']) => request({ context: { path: '/', ...context } });

describe('an answer of one bundle is no answer of another that says the same in another order', () => {
  it('where tests of one text are told by their order', () => {
    const memory = new EvaluationMemory();
    const a = when('a', 'permit', 'context.path like "/a*"');
    const b = when('b', 'forbid', 'context.path like "/b*"');
    const ab = evaluatorOf({ policies: a + b }, memory);
    const ba = evaluatorOf({ policies: b + a }, memory);
    expect(ab.evaluate(get({ path: '/a' }))).toMatchObject({ satisfied: ['a'] });
    expect(ba.evaluate(get({ path: '/b' }))).toMatchObject({ satisfied: ['b'] });
  });

  it('nor where there are too many policies to look at each test', () => {
    const memory = new EvaluationMemory();
    const header = when(
      'header',
      'permit',
      'context has headers.sub && context.headers.sub == "h"',
    );
    const claim = when('claim', 'permit', 'context has claims.sub && context.claims.sub == "c"');
    const more = Array.from({ length: SET_POLICIES_MAX }, (_, n) =>
      when(`p${n}`, 'permit', 'false'),
    );
    const one = evaluatorOf({ policies: [header, claim, ...more].join('') }, memory);
    const other = evaluatorOf({ policies: [claim, header, ...more].join('') }, memory);
    const trusted = get({ headers: { sub: 'x' }, claims: { sub: 'c' } });
    const swapped = get({ headers: { sub: 'c' }, claims: { sub: 'x' } });
    expect(one.evaluate(trusted)).toMatchObject({ satisfied: ['claim'] });
    expect(other.evaluate(swapped)).toMatchObject({ satisfied: [] });
  });

  it('nor where what they read was found out by another version, and more widely', () => {
    const memory = new EvaluationMemory();
    const header = when(
      'header',
      'permit',
      'context has headers.sub && context.headers.sub == "h"',
    );
    const more = Array.from({ length: SET_POLICIES_MAX }, (_, n) =>
      when(`p${n}`, 'permit', 'false'),
    );
    const program = programOf({ schema: SCHEMA, policies: [header, ...more].join('') });
    const reading = (...context: string[]): CedarProgram => {
      const policies = program.policies.map((one) => ({
        ...one,
        reads: { ...one.reads, context },
      }));
      return { ...program, policies };
    };
    const one = evaluatorFor(reading('claims.sub', 'headers.sub'), memory);
    const other = evaluatorFor(reading('headers.sub', 'params.sub'), memory);
    const denied = get({ claims: { sub: 'h' }, headers: { sub: 'x' } });
    const permitted = get({ headers: { sub: 'h' }, params: { sub: 'x' } });
    expect(one.evaluate(denied)).toMatchObject({ satisfied: [] });
    expect(other.evaluate(permitted)).toMatchObject({ satisfied: ['header'] });
  });
});

describe('an answer is remembered for nothing that differs in', () => {
  const critical = (is: boolean) => ({
    entities: [{ uid: { type: 'Service', id: 'shop/payments' }, attrs: { critical: is } }],
  });
  // Of this one the engine refuses the caller.
  const schema = SHOP_SCHEMA.replace('principal: [Workload, Anonymous]', 'principal: Anonymous');
  const DIFFERING: [what: string, condition: string, sources: Sources[], CedarRequest?][] = [
    [
      'what entities.json says',
      'resource has critical && resource.critical',
      [critical(true), critical(false)],
    ],
    ['the schema', 'context.path == "/a"', [{}, { schema }]],
    [
      'the caller',
      `principal == Workload::"${request().principal.uid.id}"`,
      [{}, {}],
      request({ account: 'other' }),
    ],
    ['the action', 'action == Action::"GET"', [{}, {}], request({ action: 'HEAD' })],
    [
      'the resource',
      'resource == Service::"shop/payments"',
      [{}, {}],
      request({ service: 'shop/other' }),
    ],
  ];
  it.each(DIFFERING)('%s', (_what, condition, sources, other = request()) => {
    const policies = policy(
      'p',
      `permit (principal, action, resource is Service) when { ${condition} };`,
    );
    const memory = new EvaluationMemory();
    const [one, next] = sources.map((each) => {
      return evaluatorFor(programOf({ policies, ...each }), memory);
    }) as [LoadedEvaluator, LoadedEvaluator];
    expect(one.evaluate(request())).toMatchObject({ satisfied: ['p'] });
    expect(next.evaluate(other)).not.toMatchObject({ satisfied: ['p'] });
  });
});

it('when a token ends is sent whole or not at all, also where a policy asks only whether it is there', () => {
  const memory = new EvaluationMemory();
  const policies = when('known', 'permit', 'context has task.expiresAt');
  const evaluator = evaluatorOf({ policies }, memory);
  const expiresAt = { __extn: { fn: 'datetime', arg: '2026-01-01T00:00:00.000Z' } };
  expect(evaluator.evaluate(get({ task: { expiresAt } }))).toMatchObject({ satisfied: ['known'] });
  expect(evaluator.evaluate(get({}))).toMatchObject({ satisfied: [] });
  const odd = get({ task: { expiresAt: { __extn: { fn: 'datetime', arg: 'soon' } } } });
  expect(evaluator.evaluate(odd).kind).toBe('failed');
});

it('what is sent and not read is refused by the engine all the same', () => {
  const rpc = (method: string) =>
    request({ action: 'rpc', context: { grpc: { service: 's', method } } });
  const policies = policy(
    'p',
    'permit (principal, action == Action::"rpc", resource) when { context.grpc.service == "s" };',
  );
  const evaluator = evaluatorOf({ policies }, new EvaluationMemory());
  expect(evaluator.evaluate(rpc('m')).kind).toBe('answered');
  expect(evaluator.evaluate(rpc('m\ud800')).kind).toBe('failed');
});

describe('a flood of questions that never come again', () => {
  const answer: Answered = {
    kind: 'answered',
    satisfied: ['p'],
    engineDecision: 'allow',
    errored: [],
  };

  it('keeps no more than two generations, by number and by what they weigh', () => {
    const memory = new EvaluationMemory();
    for (let n = 0; n < 3 * REMEMBERED_MAX; n += 1) {
      memory.set(`${n}`, answer);
      expect(memory.size).toBeLessThanOrEqual(2 * REMEMBERED_MAX);
    }
    for (const [letter, bytes] of [
      ['x', 1],
      ['\u{1f600}', 4],
    ] as const) {
      const long = letter.repeat(Math.floor((REMEMBERED_KEY_BYTES_MAX - 20) / bytes));
      for (let n = 0; n < 10_000; n += 1) memory.set(`${n}${long}`, answer);
      expect(memory.get(`9999${long}`)).toBeDefined();
      const kept = (memory.size * long.length * bytes) / letter.length;
      expect(kept).toBeLessThanOrEqual(2 * REMEMBERED_BYTES_MAX);
    }
    const long = 'x'.repeat(REMEMBERED_KEY_BYTES_MAX);
    memory.set(`${long}${long}`, answer);
    expect(memory.get(`${long}${long}`)).toBeUndefined();
  });

  it('keeps no more of their answers either, however much each says', () => {
    const memory = new EvaluationMemory();
    const bytes = REMEMBERED_BYTES_MAX / 100;
    for (let n = 0; n < 500; n += 1) {
      memory.set(`${n}`, { ...answer, satisfied: [`${n}`.padEnd(bytes)] });
      memory.set(`same ${n}`, answer);
    }
    const kept = (before: string) =>
      Array.from({ length: 500 }, (_, n) => memory.get(`${before}${499 - n}`)).filter(Boolean);
    expect(kept('same ')).toHaveLength(500);
    expect(memory.get('499')).toBeDefined();
    expect(kept('').length).toBeLessThanOrEqual(200);
  });

  it('keeps one answer for all questions that have the same', () => {
    const memory = new EvaluationMemory();
    for (const key of ['one', 'other']) memory.set(key, { ...answer });
    expect(memory.get('one')).toBe(memory.get('other'));
  });

  it('makes no common question be put to the engine again', () => {
    const lookups = noLookups();
    const memory = new EvaluationMemory();
    const condition = 'context has claims.sub && context.claims.sub == context.path';
    const evaluator = evaluatorOf({ policies: when('p', 'permit', condition) }, memory, lookups);
    const common = Array.from({ length: 20 }, (_, n) => get({ claims: { sub: `c${n}` } }));
    for (const each of common) evaluator.evaluate(each);
    for (let n = 0; n < 4 * REMEMBERED_MAX; n += 1) {
      memory.set(`f${n}`, answer);
      // Each comes ten times in a generation.
      if (n % 25 === 0) evaluator.evaluate(common[(n / 25) % common.length] as CedarRequest);
    }
    expect(lookups).toEqual({ hit: (4 * REMEMBERED_MAX) / 25, miss: common.length, bypass: 0 });
  });
});
