/** A program loaded into the engine, ready to answer. The only way a request reaches the engine. */
import type {
  AuthorizationAnswer,
  StatefulAuthorizationCall,
} from '@cedar-policy/cedar-wasm/nodejs';
import { messageOf, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { type CedarApi, type Engine, EngineFault, engine, type Slot } from './engine.js';
import { plainMessage, refusalOf } from './engine-errors.js';
import { EntityStore } from './entity-store.js';
import { PolicySets } from './policy-sets.js';
import type { CedarProgram, CedarRequest, Effect, Evaluation, Evaluator } from './types.js';

/** Loads a program into a free slot of this thread's engine. */
export function createEvaluator(program: CedarProgram, on: Engine = engine()): Result<Evaluator> {
  const { schemaText, policies, schema } = program;
  const texts = Object.fromEntries(policies.map(({ id, text }) => [id, text]));
  let slot: Slot | undefined;
  try {
    slot = on.acquire({ schemaText, policies: texts });
  } catch (thrown) {
    return failed(problem('engine_failure', messageOf(thrown)));
  }
  if (slot === undefined) {
    const help = 'release the evaluators that are no longer used';
    return failed(problem('engine_failure', 'all slots of the engine are in use', { help }));
  }
  const sets = new PolicySets(program, on, slot);
  const store = new EntityStore(program);
  const effects: ReadonlyMap<string, Effect> = new Map(
    policies.map(({ id, effect }) => [id, effect]),
  );
  const { name, release } = slot;
  const required = new Map([...schema.actions].map(([id, shape]) => [id, shape.context.required]));
  const ask = (request: CedarRequest, api: CedarApi) => {
    return api.statefulIsAuthorized(callFor(request, { store, sets, api, slot: name, required }));
  };
  const evaluate = (request: CedarRequest) => answerOf(() => on.run((api) => ask(request, api)));
  return ok({ effects, schema, evaluate, release });
}

interface Asked {
  readonly store: EntityStore;
  readonly sets: PolicySets;
  readonly api: CedarApi;
  /** Name of the schema in the engine. */
  readonly slot: string;
  /** Action -> fields of its context that the schema requires. */
  readonly required: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The schema always goes along: without it, groups of actions silently match nothing. */
function callFor(request: CedarRequest, on: Asked): StatefulAuthorizationCall {
  const { principal, action, resource, context } = request;
  const entities = on.store.about(request);
  const scoped = {
    principal: entities.memberships(principal),
    principalType: principal.uid.type,
    action,
    resource: entities.memberships(resource),
    resourceType: resource.uid.type,
  };
  const set = on.sets.setFor(scoped, on.api);
  return {
    principal: principal.uid,
    action: { type: 'Action', id: action },
    resource: resource.uid,
    context: contextToSend(context, set.reads.context, on.required.get(action)),
    entities: entities.toSend(set.reads) as StatefulAuthorizationCall['entities'],
    preparsedSchemaName: on.slot,
    preparsedPolicySetId: set.name,
    // Costs 3 to 8 microseconds, and nothing else checks the types of the context: without it,
    // `{"__entity": ...}` where the schema says String would become that entity.
    validateRequest: true,
  };
}

/** What the policies can read of it, and what the schema wants to be there. */
function contextToSend(
  context: CedarRequest['context'],
  read: ReadonlySet<string> | undefined,
  required: ReadonlySet<string> | undefined,
): StatefulAuthorizationCall['context'] {
  const sent: Record<string, unknown> = Object.create(null);
  for (const name in context) {
    if (read === undefined || read.has(name) || required?.has(name)) sent[name] = context[name];
  }
  return sent as StatefulAuthorizationCall['context'];
}

/** Never throws. */
function answerOf(ask: () => AuthorizationAnswer): Evaluation {
  try {
    const answer = ask();
    if (answer.type === 'failure') {
      return { kind: 'failed', message: answer.errors.map(refusalOf).join('; ') };
    }
    const { decision, diagnostics } = answer.response;
    const errored = diagnostics.errors.map(({ policyId, error }) => {
      return { policy: policyId, message: plainMessage(error) };
    });
    return {
      kind: 'answered',
      // The engine keeps them in a hash set: their order means nothing.
      satisfied: [...diagnostics.reason].sort(),
      engineDecision: decision,
      errored: errored.sort((a, b) => (a.policy < b.policy ? -1 : 1)),
    };
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
