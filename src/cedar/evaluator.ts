/** A program loaded into the engine, ready to answer. The only way a request reaches the engine. */
import type {
  AuthorizationAnswer,
  StatefulAuthorizationCall,
} from '@cedar-policy/cedar-wasm/nodejs';
import { messageOf, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { type CedarApi, type Engine, EngineFault, engine, type Slot } from './engine.js';
import { plainMessage, refusalOf } from './engine-errors.js';
import type { EvaluationMemory } from './evaluation-memory.js';
import { type PackedProgram, packProgram } from './packed-policies.js';
import { type Block, type KnownSets, type Once, PolicySets } from './policy-sets.js';
import { type Preparation, Preparations } from './preparations.js';
import type { CedarProgram, CedarRequest, Evaluation, Evaluator } from './types.js';

export interface EvaluatorOptions {
  /** Default: that of this thread. */
  readonly engine?: Engine;
  /** Where answers are looked for before the engine is asked; default: it is always asked. */
  readonly memory?: EvaluationMemory | undefined;
  /** Counts what became of each look into the memory. */
  readonly lookups?: Lookups | undefined;
  /** Does what is done once for each set of policies that apply together. */
  readonly once?: Once | undefined;
  /** Shared with other programs; default: nothing is known. */
  readonly known?: KnownSets | undefined;
}

/** How often the memory had the answer, had none, or was not asked: policies read the time. */
export interface Lookups {
  hit: number;
  miss: number;
  bypass: number;
}

export interface LoadedEvaluator extends Evaluator {
  /** Asks the engine, whatever is remembered. Never throws. */
  ask(request: CedarRequest): Evaluation;
  askers(): Iterable<CedarRequest>;
  prepare(requests: Iterable<CedarRequest>): Iterable<void>;
}

/** Loads a program into a free slot of an engine. */
export function createEvaluator(
  given: CedarProgram | PackedProgram,
  options: EvaluatorOptions = {},
): Result<LoadedEvaluator> {
  const { engine: on = engine(), memory } = options;
  const lookups = options.lookups ?? { hit: 0, miss: 0, bypass: 0 };
  const program = packProgram(given);
  const { schemaText, schema } = program;
  let slot: Slot | undefined;
  try {
    slot = on.acquire(schemaText);
  } catch (thrown) {
    return failed(problem('engine_failure', messageOf(thrown)));
  }
  if (slot === undefined) {
    const help = 'release the evaluators that are no longer used';
    return failed(problem('engine_failure', 'all slots of the engine are in use', { help }));
  }
  const sets = new PolicySets(program, slot, options.once, options.known);
  const preparations = new Preparations(program, sets);
  let instance = on.restarts;
  const { name, release } = slot;
  const running = <T>(calls: (api: CedarApi) => T): T =>
    on.run((api) => {
      if (instance !== on.restarts) sets.forget();
      instance = on.restarts;
      return calls(api);
    });
  const callEngine = (request: CedarRequest, preparation: Preparation) =>
    running((api) => {
      const call = callFor(request, preparation, name);
      const answers = preparation.set.blocks.map((block) => {
        const preparsedPolicySetId = sets.nameOf(block, api);
        return evaluationOf(api.statefulIsAuthorized({ ...call, preparsedPolicySetId }), block);
      });
      return together(answers);
    });
  function* prepare(requests: Iterable<CedarRequest>): Generator<void> {
    try {
      for (const request of requests) {
        const blocks = preparations.for(request).flatMap(({ set }) => set.blocks);
        yield;
        for (const block of blocks) {
          // What came first was asked about last.
          if (sets.full) return;
          running((api) => sets.nameOf(block, api));
          yield;
        }
      }
    } catch {
      // Whatever it was comes again when somebody asks, and is told then.
    }
  }
  const askers = () => preparations.askers();
  const ask = (request: CedarRequest) =>
    guarded(() =>
      together(preparations.for(request).map((preparation) => callEngine(request, preparation))),
    );
  if (memory === undefined) return ok({ schema, evaluate: ask, ask, askers, prepare, release });

  const remembering = { memory, lookups, preparations, callEngine };
  const { evaluate, recall } = rememberingEvaluator(remembering);
  return ok({ schema, evaluate, recall, ask, askers, prepare, release });
}

interface Remembering {
  readonly memory: EvaluationMemory;
  readonly lookups: Lookups;
  readonly preparations: Preparations;
  readonly callEngine: (request: CedarRequest, preparation: Preparation) => Evaluation;
}

/** Asks the engine about those parts of which the answer is not known. */
function rememberingEvaluator({ memory, lookups, preparations, callEngine }: Remembering) {
  const evaluate = (request: CedarRequest) =>
    guarded(() => {
      const parts = preparations.for(request);
      const answers: Evaluation[] = [];
      let found: keyof Lookups = 'hit';
      try {
        for (const part of parts) {
          const key = keyOf(request, part);
          const known = key === undefined ? undefined : memory.get(key);
          if (known === undefined) {
            if (found !== 'bypass') found = key === undefined ? 'bypass' : 'miss';
            const answer = callEngine(request, part);
            if (key !== undefined && answer.kind === 'answered') memory.set(key, answer);
            answers.push(answer);
          } else answers.push(known);
        }
      } finally {
        lookups[found] += 1;
      }
      return together(answers);
    });
  const recall = (request: CedarRequest) => {
    const answers: Evaluation[] = [];
    for (const part of preparations.for(request)) {
      const key = keyOf(request, part);
      const known = key === undefined ? undefined : memory.get(key);
      if (known === undefined) return undefined;
      answers.push(known);
    }
    lookups.hit += 1;
    return together(answers);
  };
  return { evaluate, recall };
}

/** All that an answer follows from; undefined where it must not be remembered. */
function keyOf({ context }: CedarRequest, { basis, plan }: Preparation): string | undefined {
  const within = plan.keyOf(context);
  return within === undefined ? undefined : basis + within;
}

/** The schema always goes along: without it, groups of actions silently match nothing. */
function callFor(
  { principal, action, resource, context }: CedarRequest,
  { entities, plan }: Preparation,
  schemaName: string,
): Omit<StatefulAuthorizationCall, 'preparsedPolicySetId'> {
  return {
    principal: principal.uid,
    action: { type: 'Action', id: action },
    resource: resource.uid,
    context: plan.narrow(context) as StatefulAuthorizationCall['context'],
    entities: entities as StatefulAuthorizationCall['entities'],
    preparsedSchemaName: schemaName,
    // Costs 3 to 8 microseconds, and nothing else checks the types of the context: without it,
    // `{"__entity": ...}` where the schema says String would become that entity.
    validateRequest: true,
  };
}

function evaluationOf(answer: AuthorizationAnswer, block: Block): Evaluation {
  if (answer.type === 'failure') {
    return { kind: 'failed', message: answer.errors.map(refusalOf).join('; ') };
  }
  const { decision, diagnostics } = answer.response;
  const errored = diagnostics.errors.map(({ policyId, error }) => {
    const { id, effect } = block.policyOf(policyId);
    return { policy: id, effect, message: plainMessage(error) };
  });
  return {
    kind: 'answered',
    // The engine keeps them in a hash set: their order means nothing.
    satisfied: diagnostics.reason.map((name) => block.policyOf(name).id).sort(),
    engineDecision: decision,
    errored: errored.sort(byPolicy),
  };
}

/**
 * What the engine would say of all policies at once, from what it says of parts of them: a satisfied
 * forbid stands above every permit, and each policy is satisfied or fails for itself.
 */
function together(answers: readonly Evaluation[]): Evaluation {
  const [first] = answers;
  if (first !== undefined && answers.length === 1) return first;
  const answered = answers.filter((answer) => answer.kind === 'answered');
  const failure = answers.find(({ kind }) => kind === 'failed');
  if (failure !== undefined) return failure;
  const forbidding = answered.filter(({ engineDecision }) => engineDecision === 'deny');
  const forbids = forbidding.flatMap(({ satisfied }) => satisfied);
  const permits = answered
    .filter(({ engineDecision }) => engineDecision === 'allow')
    .flatMap(({ satisfied }) => satisfied);
  const denied = forbids.length > 0 || permits.length === 0;
  return {
    kind: 'answered',
    satisfied: (denied ? forbids : permits).sort(),
    engineDecision: denied ? 'deny' : 'allow',
    errored: answered.flatMap(({ errored }) => errored).sort(byPolicy),
  };
}

function byPolicy(a: { readonly policy: string }, b: { readonly policy: string }): number {
  return a.policy < b.policy ? -1 : 1;
}

/** Never throws. */
function guarded(ask: () => Evaluation): Evaluation {
  try {
    return ask();
  } catch (thrown) {
    if (thrown instanceof EngineFault) {
      return { kind: 'failed', message: thrown.message, fault: true };
    }
    return {
      kind: 'failed',
      message: `the engine does not take the request: ${messageOf(thrown)}`,
    };
  }
}
