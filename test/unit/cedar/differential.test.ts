/**
 * The evaluator, with remembered answers and without, against the engine with the full set, the schema
 * and ALL entities: same decision, same determining policies, same errors. The programs of a round
 * differ in little and share one memory, so that what is remembered wrongly is found.
 *
 * DIFFERENTIAL_CASES: how many questions are compared (default 10,000; scripts/verify.ts runs more).
 */
import type {
  AuthorizationAnswer,
  AuthorizationCall,
  StatefulAuthorizationCall,
} from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { CedarApi, Engine } from '../../../src/cedar/engine.js';
import { parseEntities } from '../../../src/cedar/entities.js';
import { EvaluationMemory } from '../../../src/cedar/evaluation-memory.js';
import { createEvaluator, type LoadedEvaluator } from '../../../src/cedar/evaluator.js';
import { Known } from '../../../src/cedar/known.js';
import { parsePolicies } from '../../../src/cedar/policies.js';
import { type ParsedSchema, parseSchema } from '../../../src/cedar/schema.js';
import type {
  CedarProgram,
  CedarRequest,
  EntityData,
  EntityUid,
  Evaluation,
  PolicySource,
} from '../../../src/cedar/types.js';
import { validatePolicies } from '../../../src/cedar/validate.js';
import type { Result } from '../../../src/result.js';
import {
  contexts,
  OTHER_SCHEMA,
  ROUTES,
  SCHEMA,
  SERVICES,
  statements,
  store,
  uid,
  WORKLOADS,
  written,
} from './generate.js';
import { freshEngine, lines, loadInstance, policy } from './support.js';

const CASES = Number(process.env.DIFFERENTIAL_CASES || 10_000);
/** Only against hanging: a busy machine needs a tenth of it. */
const TIMEOUT_MS = 60_000 + 10 * CASES;
/** One question in so many goes to plain isAuthorized too, which parses everything anew. */
const PLAIN_SHARE = 128;
/**
 * Questions after which both sides get new instances: each time that the engine throws, over half a
 * surrogate pair, it leaves some of its stack behind, and after some 1,500 times it breaks.
 */
const RENEW_QUESTIONS = 10_000;
/** Rounds after which is looked whether there were enough. */
const ROUNDS = 4;

function entity(type: string, id: string, parents: EntityUid[] = [], attrs = {}): EntityData {
  return { uid: { type, id }, attrs, parents };
}

function callerOf(id: string): EntityData[] {
  const trustDomain = { type: 'TrustDomain', id: 'td' };
  const [, namespace, account] = /^spiffe:\/\/td\/ns\/(\w+)\/sa\/(\w+)$/.exec(id) ?? [];
  if (id === 'anonymous') return [entity('Anonymous', id)];
  if (namespace === undefined || account === undefined) {
    return [entity('Workload', id, [trustDomain]), entity('TrustDomain', 'td')];
  }
  const ns = { type: 'Namespace', id: `td/${namespace}` };
  return [
    entity('Workload', id, [ns, trustDomain], { namespace, serviceAccount: account }),
    entity('Namespace', ns.id, [trustDomain]),
    entity('TrustDomain', 'td'),
  ];
}

/** Who asks for what: the very objects are the same for every context, as those of a check are. */
const asking = fc
  .record({
    caller: fc.constantFrom('anonymous', ...WORKLOADS),
    action: fc.constantFrom('GET', 'GET', 'POST', 'rpc'),
    resource: fc.oneof(uid('Service', SERVICES), uid('Route', ROUTES)),
  })
  .map(({ caller, action, resource }) => {
    const [principal, ...ancestors] = callerOf(caller);
    const service = resource.id.split('/').slice(0, 2).join('/');
    const isRoute = resource.type === 'Route';
    const parents = isRoute ? [{ type: 'Service', id: service }] : [];
    return {
      ...{ principal: principal as EntityData, action },
      resource: entity(resource.type, resource.id, parents),
      ancestors: [...ancestors, ...(isRoute ? [entity('Service', service)] : [])],
    };
  });

/** Every entity there is, merged in the plainest way. */
function allEntities(program: CedarProgram, asked: CedarRequest): EntityData[] {
  const merged = new Map<string, EntityData>();
  for (const next of [...program.entities, asked.principal, asked.resource, ...asked.ancestors]) {
    const known = merged.get(written(next.uid));
    merged.set(written(next.uid), {
      ...(known ?? next),
      attrs: { ...known?.attrs, ...next.attrs },
      parents: [...(known?.parents ?? []), ...next.parents],
    });
  }
  return [...merged.values()];
}

/** Undefined when the engine refuses the question. */
type Answer = { decision: string; satisfied: string[]; errored: string[] } | undefined;

function answerOf(answer: () => AuthorizationAnswer): Answer {
  let given: AuthorizationAnswer;
  try {
    given = answer();
  } catch (thrown) {
    // Half a surrogate pair is no JSON for it; a trap would end everything that follows.
    if ((thrown as Error).name === 'RuntimeError') throw thrown;
    return undefined;
  }
  if (given.type === 'failure') return undefined;
  const { decision, diagnostics } = given.response;
  return {
    decision,
    satisfied: [...diagnostics.reason].sort(),
    errored: diagnostics.errors.map(({ policyId }) => policyId).sort(),
  };
}

function shorten(evaluation: Evaluation): Answer {
  if (evaluation.kind === 'failed') {
    if (evaluation.fault) throw new Error(evaluation.message);
    return undefined;
  }
  const { engineDecision, satisfied, errored } = evaluation;
  const failed = errored.map(({ policy }) => policy);
  return { decision: engineDecision, satisfied: [...satisfied], errored: failed };
}

const FULL = 'all policies';
let asked = 0;
let cedar: CedarApi;
let own: Engine;
let renewedAt = Number.NEGATIVE_INFINITY;

function renew(): void {
  if (asked - renewedAt < RENEW_QUESTIONS) return;
  renewedAt = asked;
  cedar = loadInstance();
  own = freshEngine();
  for (const { file, text } of [FIRST, SECOND]) {
    expect(cedar.preparseSchema(file, text).type).toBe('success');
  }
}

/** How the engine answers when it is given everything; of policies in any order, as it has them. */
function referenceFor(program: CedarProgram): (request: CedarRequest) => Answer {
  const policies = {
    staticPolicies: Object.fromEntries(program.policies.map(({ id, text }) => [id, text])),
  };
  expect(cedar.preparsePolicySet(FULL, policies).type).toBe('success');
  const known = new Map<CedarRequest, Answer>();
  return (request) => {
    if (known.has(request)) return known.get(request);
    const common = {
      principal: request.principal.uid,
      action: { type: 'Action', id: request.action },
      resource: request.resource.uid,
      context: request.context,
      entities: allEntities(program, request),
      validateRequest: true,
    };
    const names = { preparsedSchemaName: program.schemaFile, preparsedPolicySetId: FULL };
    const call = { ...common, ...names } as unknown as StatefulAuthorizationCall;
    const answer = answerOf(() => cedar.statefulIsAuthorized(call));
    asked += 1;
    if (asked % PLAIN_SHARE === 0) {
      const plain = { ...common, policies, schema: program.schemaText };
      const plainly = answerOf(() => cedar.isAuthorized(plain as unknown as AuthorizationCall));
      expect(plainly).toEqual(answer);
    }
    known.set(request, answer);
    return answer;
  };
}

interface Named {
  readonly id: string;
  readonly text: string;
}

/** More policies than are looked at test by test, or more tests of one text than are told. */
const FILLERS = { none: 0, tests: 44, policies: 70 } as const;
const FILLER = Array.from({ length: FILLERS.policies }, (_, n): Named => {
  const tests = ['a', 'b', 'c'].map((letter) => `context.path like "/${letter}*${n}"`).join(' || ');
  return { id: `f${n}`, text: `permit (principal, action, resource) when { ${tests} };` };
});

const FILE = 'entities.json';
const ENVIRONMENT = 'prod';

interface KnownSchema {
  readonly file: string;
  readonly text: string;
  readonly parsed: ParsedSchema;
}

/** Parsed once: it takes longer than all else that is done with a program. */
function knownSchema(file: string, text: string): KnownSchema {
  const parsed = parseSchema({ file, text }, { environment: ENVIRONMENT });
  if (!parsed.ok) throw new Error(lines(parsed).join());
  return { file, text, parsed: parsed.value };
}

function taken<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(lines(result).join());
  return result.value;
}

function entitiesOf({ parsed, text }: KnownSchema, entities: unknown): readonly EntityData[] {
  const files = [{ file: FILE, text: JSON.stringify(entities) }];
  return taken(parseEntities({ files, schema: parsed, schemaText: text }));
}

/** Without those that strict validation refuses: a random condition may never be true, or too deep. */
function policiesOf({ text }: KnownSchema, named: readonly Named[]): PolicySource[] {
  const files = named.map(({ id, text }) => ({ file: `${id}.cedar`, text: policy(id, text) }));
  const kept = (result: Result<unknown>) => {
    const refused = lines(result);
    for (const line of refused) expect(line).toMatch(/policy_invalid|policy_too_deep/);
    return files.filter(({ file }) => !refused.some((line) => line.startsWith(`${file}:`)));
  };
  const readable = kept(parsePolicies(files, new Known()));
  const parsed = taken(parsePolicies(readable, new Known()));
  const valid = new Set(kept(validatePolicies(text, parsed)).map(({ file }) => file));
  return parsed.map(({ policy }) => policy).filter(({ file }) => valid.has(file));
}

const FIRST = knownSchema('one.cedarschema', SCHEMA);
const SECOND = knownSchema('two.cedarschema', OTHER_SCHEMA);

const seen = { allow: 0, deny: 0, errored: 0, refused: 0, cases: 0 };
const lookups = { hit: 0, miss: 0, bypass: 0 };

function evaluatorFor(program: CedarProgram, memory?: EvaluationMemory): LoadedEvaluator {
  const loaded = createEvaluator(program, { engine: own, memory, lookups });
  if (!loaded.ok) throw new Error(lines(loaded).join());
  return loaded.value;
}

function compare(
  reference: (request: CedarRequest) => Answer,
  questions: readonly CedarRequest[],
  evaluators: readonly LoadedEvaluator[],
): void {
  try {
    for (const question of questions) {
      const expected = reference(question);
      for (const evaluator of evaluators) {
        const got = shorten(evaluator.evaluate(question));
        // What is wrong in a place that no policy reads, only the whole is refused for.
        expect(got).toEqual(expected ?? shorten(evaluator.ask(question)));
      }
      seen.cases += 1;
      if (expected === undefined) seen.refused += 1;
      else seen[expected.decision as 'allow' | 'deny'] += 1;
      if (expected !== undefined && expected.errored.length > 0) seen.errored += 1;
    }
  } finally {
    for (const evaluator of evaluators) evaluator.release();
  }
}

const round = fc.record({
  texts: statements,
  filler: fc.oneof(
    { weight: 40, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constantFrom('tests' as const, 'policies' as const) },
  ),
  entities: store,
  others: store,
  asked: fc.array(asking, { minLength: 3, maxLength: 5 }),
  contexts,
  change: fc.constantFrom('entities', 'entities', 'effects', 'schema'),
});

type Round = typeof round extends fc.Arbitrary<infer T> ? T : never;

/**
 * Three programs in one memory: one, the same in another order, and one that differs in one thing; the
 * first without memory too.
 */
function compareAll({ texts, filler, entities, others, asked, contexts, change }: Round): void {
  renew();
  const named = texts.map((text, n): Named => ({ id: `p${n}`, text }));
  const policies = policiesOf(FIRST, [...named, ...FILLER.slice(0, FILLERS[filler])]);
  const schema = FIRST.parsed.request;
  const program: CedarProgram = {
    ...{ schemaFile: FIRST.file, schemaText: FIRST.text, schema, policies },
    entities: entitiesOf(FIRST, entities),
  };
  const reversed = { ...program, policies: [...policies].reverse() };
  const changes: Record<Round['change'], () => Partial<CedarProgram>> = {
    entities: () => ({ entities: entitiesOf(FIRST, others) }),
    effects: () => ({ policies: policies.map(permitted) }),
    schema: () => {
      return { schemaFile: SECOND.file, schemaText: SECOND.text, schema: SECOND.parsed.request };
    },
  };
  const questions = asked.flatMap((each) =>
    contexts.map((context) => ({ ...each, context: context as CedarRequest['context'] })),
  );
  const memory = new EvaluationMemory();
  const reference = referenceFor(program);
  compare(reference, questions, [evaluatorFor(program, memory), evaluatorFor(program)]);
  questions.reverse();
  compare(reference, questions, [evaluatorFor(reversed, memory)]);
  const changed = { ...reversed, ...changes[change]() };
  compare(referenceFor(changed), questions, [evaluatorFor(changed, memory)]);
}

function permitted(source: PolicySource): PolicySource {
  return { ...source, effect: 'permit', text: source.text.replace(/^forbid/m, 'permit') };
}

describe('the evaluator and plain isAuthorized', () => {
  afterAll(() => {
    // The property means something only when it sees answers of every kind.
    const { allow, deny, errored, refused, cases } = seen;
    const told = JSON.stringify({ ...seen, ...lookups });
    expect(cases, told).toBeGreaterThanOrEqual(CASES);
    expect(Math.min(allow, deny, errored, refused), told).toBeGreaterThan(cases / 500);
    expect(Math.min(lookups.hit, lookups.miss), told).toBeGreaterThan(cases / 100);
  });

  it(
    'say the same',
    () => {
      const property = fc.property(round, compareAll);
      while (seen.cases < CASES) fc.assert(property, { numRuns: ROUNDS });
    },
    TIMEOUT_MS,
  );
});
