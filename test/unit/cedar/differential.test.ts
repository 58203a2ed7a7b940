/**
 * The evaluator, with remembered answers and without, against the engine with the full set, the schema
 * and ALL entities: same decision, same determining policies, same errors. The programs of a round
 * differ in little and share one memory, so that what is remembered wrongly is found.
 *
 * DIFFERENTIAL_CASES: how many questions are compared (default 10,000; scripts/verify.ts runs a million).
 */
import { setFlagsFromString } from 'node:v8';
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
import { type KnownSets, knownSets } from '../../../src/cedar/policy-sets.js';
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
import { Coverage, OPERATORS } from './coverage.js';
import {
  annotated,
  contextsOf,
  KINDS,
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
const MANY = CASES >= 100_000;
/** Only against hanging: a busy machine needs a tenth of it. */
const TIMEOUT_MS = 60_000 + 10 * CASES;
/** One question in so many goes to plain isAuthorized too, which parses everything anew. */
const PLAIN_SHARE = 128;
/** Questions to the reference after which it gets a new instance: see ENGINE_THROWS_MAX. */
const RENEW_QUESTIONS = 10_000;
/** Rounds after which is looked whether there were enough. */
const ROUNDS = 4;
/**
 * Contexts of a round. Making its programs takes as long as asking 100 questions, and what is taken for
 * each other are two contexts of one program: a long run asks twice as many of each.
 */
const CONTEXTS = MANY ? { minLength: 26, maxLength: 34 } : { minLength: 12, maxLength: 18 };
/** Of V8: bytes of code until a function is optimised. See OPTIMISE_AFTER in src/cedar/engine.ts. */
const OPTIMISE_AFTER = 13_000_000;

// First of all: the instances of a process share their code, and how it is compiled. Optimising takes
// some seconds, and a third off every question.
if (MANY) setFlagsFromString(`--wasm-tiering-budget=${OPTIMISE_AFTER}`);
let cedar: CedarApi = loadInstance();

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
const own: Engine = freshEngine(() => performance.now());
let asked = 0;
let renewedAt = Number.NEGATIVE_INFINITY;

function renew(): void {
  if (asked - renewedAt < RENEW_QUESTIONS) return;
  if (asked > 0) cedar = loadInstance();
  renewedAt = asked;
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
  sets.add(JSON.stringify(policies));
  const known = new Map<CedarRequest, Answer>();
  // By what is the same for all contexts.
  const entitiesOf = new Map<readonly EntityData[], EntityData[]>();
  return (request) => {
    if (known.has(request)) return known.get(request);
    const entities = entitiesOf.get(request.ancestors) ?? allEntities(program, request);
    entitiesOf.set(request.ancestors, entities);
    const common = {
      principal: request.principal.uid,
      action: { type: 'Action', id: request.action },
      resource: request.resource.uid,
      context: request.context,
      entities,
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

const FILLER = Array.from({ length: 70 }, (_, n): Named => {
  const tests = ['a', 'b', 'c'].map((letter) => `context.path like "/${letter}*${n}"`).join(' || ');
  return { id: `f${n}`, text: `permit (principal, action, resource) when { ${tests} };` };
});
/**
 * So many that they are remembered apart from others; so many of each kind that they are in three
 * parts; more tests of one text than are told; more policies than are looked at test by test.
 */
const FILLERS = {
  none: [],
  apart: FILLER.slice(0, 17),
  kinds: KINDS.map((text, n): Named => ({ id: `k${n}`, text })),
  tests: FILLER.slice(0, 44),
  policies: FILLER,
} as const;

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
  const files = named.map(({ id, text }, n) => {
    return { file: `${id}.cedar`, text: policy(id, annotated(text, n)) };
  });
  const kept = (result: Result<unknown>) => {
    const refused = lines(result);
    for (const line of refused) expect(line).toMatch(/policy_invalid|policy_too_deep/);
    return files.filter(({ file }) => !refused.some((line) => line.startsWith(`${file}:`)));
  };
  const all = parsePolicies(files, new Known());
  const parsed = all.ok ? all.value : taken(parsePolicies(kept(all), new Known()));
  const valid = new Set(kept(validatePolicies(text, parsed)).map(({ file }) => file));
  return parsed.map(({ policy }) => policy).filter(({ file }) => valid.has(file));
}

const FIRST = knownSchema('one.cedarschema', SCHEMA);
const SECOND = knownSchema('two.cedarschema', OTHER_SCHEMA);

// Held, so that no program of a round has to parse its own.
for (const { text } of [FIRST, SECOND]) own.acquire(text);

const seen = { allow: 0, deny: 0, errored: 0, refused: 0, cases: 0 };
/** Sets of policies, each as one text. */
const sets = new Set<string>();
const coverage = new Coverage();
const lookups = { hit: 0, miss: 0, bypass: 0 };

/** What evaluators of a process share. */
interface Shared {
  readonly memory: EvaluationMemory;
  readonly known: KnownSets;
}

function evaluatorFor(program: CedarProgram, shared?: Shared): LoadedEvaluator {
  const loaded = createEvaluator(program, { engine: own, lookups, ...shared });
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
        const wanted = expected ?? shorten(evaluator.ask(question));
        // Ten times as fast as `toEqual`, which tells more.
        if (JSON.stringify(got) !== JSON.stringify(wanted)) expect(got).toEqual(wanted);
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

/** In what a program differs from the one before it in the same memory. */
const CHANGES = ['entities', 'effects', 'schema', 'ids', 'fewer', 'policies'] as const;

const round = fc.record({
  texts: statements,
  filler: fc.oneof(
    { weight: 40, arbitrary: fc.constant('none' as const) },
    { weight: 8, arbitrary: fc.constantFrom('apart' as const, 'kinds' as const) },
    { weight: 1, arbitrary: fc.constantFrom('tests' as const, 'policies' as const) },
  ),
  entities: store,
  asked: fc.array(asking, { minLength: 3, maxLength: 5 }),
  contexts: contextsOf(CONTEXTS),
  change: fc.constantFrom(...CHANGES),
  changedFirst: fc.boolean(),
  others: store,
  otherTexts: statements,
});

type Round = typeof round extends fc.Arbitrary<infer T> ? T : never;

/**
 * Three programs that share what is remembered and known: one, the same in another order, and before
 * or after them one that differs in one thing; the first without memory too.
 */
function compareAll(drawn: Round): void {
  renew();
  const { texts, filler, entities, asked, contexts } = drawn;
  const policies = policiesOf(FIRST, [...named(texts), ...FILLERS[filler]]);
  for (const { text } of policies) coverage.add(text);
  const schema = FIRST.parsed.request;
  const program: CedarProgram = {
    ...{ schemaFile: FIRST.file, schemaText: FIRST.text, schema, policies },
    entities: entitiesOf(FIRST, entities),
  };
  const reversed = { ...program, policies: [...policies].reverse() };
  const questions = asked.flatMap((each) =>
    contexts.map((context) => ({ ...each, context: context as CedarRequest['context'] })),
  );
  const shared = { memory: new EvaluationMemory(), known: knownSets() };
  const changed = { ...reversed, ...change(reversed, drawn) };
  const compareChanged = () =>
    compare(referenceFor(changed), questions, [evaluatorFor(changed, shared)]);
  if (drawn.changedFirst) compareChanged();
  const reference = referenceFor(program);
  compare(reference, questions, [evaluatorFor(program, shared), evaluatorFor(program)]);
  questions.reverse();
  compare(reference, questions, [evaluatorFor(reversed, shared)]);
  if (!drawn.changedFirst) compareChanged();
}

function named(texts: readonly string[]): Named[] {
  return texts.map((text, n) => ({ id: `p${n}`, text }));
}

function change({ policies }: CedarProgram, drawn: Round): Partial<CedarProgram> {
  const { others, otherTexts } = drawn;
  const changes: Record<Round['change'], () => Partial<CedarProgram>> = {
    entities: () => ({ entities: entitiesOf(FIRST, others) }),
    effects: () => ({ policies: policies.map(permitted) }),
    schema: () => {
      return { schemaFile: SECOND.file, schemaText: SECOND.text, schema: SECOND.parsed.request };
    },
    ids: () => ({ policies: policies.map((source) => ({ ...source, id: `other-${source.id}` })) }),
    fewer: () => ({ policies: policies.slice(1) }),
    policies: () => ({ policies: policiesOf(FIRST, named(otherTexts)) }),
  };
  return changes[drawn.change]();
}

function permitted(source: PolicySource): PolicySource {
  return { ...source, effect: 'permit', text: source.text.replace(/^forbid/m, 'permit') };
}

describe('the evaluator and plain isAuthorized', () => {
  afterAll(() => {
    // The property means something only when it sees answers of every kind.
    const { allow, deny, errored, refused, cases } = seen;
    const told = JSON.stringify({
      ...seen,
      ...lookups,
      sets: sets.size,
      rarest: coverage.rarest(),
    });
    expect(cases, told).toBeGreaterThanOrEqual(CASES);
    expect(Math.min(allow, deny, errored, refused), told).toBeGreaterThan(cases / 500);
    expect(Math.min(lookups.hit, lookups.miss), told).toBeGreaterThan(cases / 100);
    if (!MANY) return;
    expect(lookups.bypass, told).toBeGreaterThan(cases / 500);
    expect(coverage.rarest().policies, told).toBeGreaterThan(cases / 200_000);
    // For scripts/verify.ts.
    console.log(`differential: ${told}`);
  });

  it('are asked about policies with every operator, of which strict validation takes nearly all', () => {
    const drawn = fc.sample(statements, { seed: 1, numRuns: 150 }).flat();
    const policies = policiesOf(FIRST, named(drawn));
    const met = new Coverage();
    for (const { text } of policies) met.add(text);
    expect(met.names()).toEqual([...OPERATORS].sort());
    expect(policies.length / drawn.length).toBeGreaterThan(0.8);
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
