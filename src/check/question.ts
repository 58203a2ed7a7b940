/** Turns the facts of a request into the question for the engine, or says why none can be asked. */
import { BoundedCache } from '../bounded-cache.js';
import type { ActionShape, CedarRequest, EntityData } from '../cedar/types.js';
import { CALLERS_KNOWN_BYTES_MAX, CALLERS_KNOWN_MAX } from '../constants.js';
import { buildContext } from './context.js';
import type { Caller } from './identity.js';
import type { RequestFacts } from './request.js';
import { Stop, stop } from './stop.js';
import type { Target } from './target.js';
import type { ActiveBundle, CheckError, CheckSettings } from './types.js';

export interface Question {
  readonly request: CedarRequest;
  /** Values of the request that were left out. */
  readonly flags: readonly CheckError[];
}

/** What the earlier steps found, all of it readable. */
export interface Subject {
  readonly facts: RequestFacts;
  readonly target: Target;
  readonly caller: Caller;
  /** `<namespace>/<name>` */
  readonly destination: string;
}

export function formQuestion(
  subject: Subject,
  active: ActiveBundle,
  settings: CheckSettings,
  nowMs: number,
): Question | Stop {
  const { facts, target, caller, destination } = subject;
  const { manifest, program } = active.bundle;
  if (manifest.scope !== undefined && !manifest.scope.destinations.includes(destination)) {
    const message = 'the destination is not in scope.destinations of the bundle';
    return stop('destination_not_covered', 'destination_not_covered', message);
  }
  const action = target.action.name;
  const shape = action === undefined ? undefined : program.schema.actions.get(action);
  if (action === undefined || shape === undefined) {
    return stop('action_unknown', 'action_unknown', 'the method is no action of the schema');
  }
  const asking = askingOf(caller, action, destination, target.match?.route.name);
  const misfit = scopeMisfit(shape, asking.principal, asking.resource);
  if (misfit !== undefined) return misfit;

  const built = buildContext(shape.context, {
    path: target.path?.path,
    params: target.match?.params ?? NO_PARAMS,
    query: target.query,
    headers: facts.headers,
    claims: () => facts.claims(settings.claims.payload),
    claimNames: settings.claims,
    environment: settings.environment,
    grpc: target.grpc,
    sourceAddress: facts.sourceAddress,
    nowMs,
  });
  if (built instanceof Stop) return built;
  const { principal, resource, ancestors } = asking;
  const { context, flags } = built;
  return { request: { principal, action, resource, ancestors, context }, flags };
}

const NO_PARAMS: ReadonlyMap<string, string> = new Map();

/** Who asks for what. */
type Asking = Omit<CedarRequest, 'context'>;

/** The same objects each time: by these the evaluator knows what it has prepared. */
const known = new BoundedCache<Asking>({
  entriesMax: CALLERS_KNOWN_MAX,
  bytesMax: CALLERS_KNOWN_BYTES_MAX,
});

function askingOf(caller: Caller, action: string, destination: string, route: string | undefined) {
  const key = `${caller.name}\0${destination}\0${route ?? ''}\0${action}`;
  let asking = known.get(key);
  if (asking === undefined) {
    const { resource, ancestors } = resourceOf(destination, route);
    const { entity: principal, ancestors: above } = caller;
    asking = { principal, action, resource, ancestors: [...above, ...ancestors] };
    known.set(key, asking, key.length);
  }
  return asking;
}

function resourceOf(destination: string, route: string | undefined) {
  const uid = { type: 'Service', id: destination };
  const service: EntityData = { uid, attrs: {}, parents: [] };
  if (route === undefined) return { resource: service, ancestors: [] };
  const id = `${destination}/${route}`;
  const entity: EntityData = { uid: { type: 'Route', id }, attrs: {}, parents: [uid] };
  return { resource: entity, ancestors: [service] };
}

/** No policy can apply to a caller or resource type outside appliesTo: a plain deny, no error. */
function scopeMisfit(shape: ActionShape, principal: EntityData, resource: EntityData) {
  if (!shape.principalTypes.has(principal.uid.type)) {
    return stop('no_permit', 'principal_type', 'the action does not apply to this type of caller');
  }
  if (!shape.resourceTypes.has(resource.uid.type)) {
    return stop('no_permit', 'resource_type', 'the action does not apply to this type of resource');
  }
  return undefined;
}
