/** From what was logged (or recorded) of a question back to the question itself. */
import type { CedarRequest, EntityData, EntityUid } from '../cedar/types.js';
import { readCaller } from '../check/identity.js';
import { Stop } from '../check/stop.js';
import type { DecisionInput } from '../check/types.js';

/** Undefined when principal or resource is nothing that a request can be about. */
export function rebuildRequest(input: DecisionInput): CedarRequest | undefined {
  const caller = callerOf(input.principal);
  const resource = resourceOf(input.resource);
  if (caller === undefined || resource === undefined) return undefined;
  return {
    principal: caller.entity,
    action: input.action,
    resource: resource.entity,
    ancestors: [...caller.ancestors, ...resource.ancestors],
    context: input.context as CedarRequest['context'],
  };
}

function callerOf({ type, id }: EntityUid) {
  const anonymous = type === 'Anonymous' && id === 'anonymous';
  if (type !== 'Workload' && !anonymous) return undefined;
  const caller = readCaller({ principal: anonymous ? '' : id, certificate: '' }, false);
  return caller instanceof Stop ? undefined : caller;
}

function resourceOf(uid: EntityUid): { entity: EntityData; ancestors: EntityData[] } | undefined {
  const parts = uid.id.split('/');
  if (uid.type === 'Service' && parts.length === 2) {
    return { entity: { uid, attrs: {}, parents: [] }, ancestors: [] };
  }
  if (uid.type !== 'Route' || parts.length !== 3) return undefined;
  const service = { type: 'Service', id: parts.slice(0, 2).join('/') };
  return {
    entity: { uid, attrs: {}, parents: [service] },
    ancestors: [{ uid: service, attrs: {}, parents: [] }],
  };
}
