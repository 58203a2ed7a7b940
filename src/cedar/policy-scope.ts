/** The scope of a policy, from Cedar's JSON form: what it asks of principal, action and resource. */
import type { PolicyJson } from './policy-json.js';
import type { ActionTest, EntityTest, EntityUid, PolicyScope } from './types.js';

export function scopeOf({ principal, action, resource }: PolicyJson): PolicyScope {
  return {
    principal: entityTest(principal),
    action: actionTest(action),
    resource: entityTest(resource),
  };
}

function entityTest(constraint: PolicyJson['principal']): EntityTest {
  switch (constraint.op) {
    case 'All':
      return { kind: 'any' };
    case '==':
      return { kind: 'equals', uid: uidOf(constraint) };
    case 'in':
      return { kind: 'in', uid: uidOf(constraint) };
    case 'is': {
      const type = constraint.entity_type;
      return constraint.in === undefined
        ? { kind: 'is', type }
        : { kind: 'is', type, in: uidOf(constraint.in) };
    }
  }
}

function actionTest(constraint: PolicyJson['action']): ActionTest {
  switch (constraint.op) {
    case 'All':
      return { kind: 'any' };
    case '==':
      return { kind: 'equals', action: uidOf(constraint).id };
    case 'in': {
      const entities = 'entities' in constraint ? constraint.entities : [constraint.entity];
      return { kind: 'in', actions: entities.map((entity) => uidOf({ entity }).id) };
    }
  }
}

/** Templates are refused before, so there is an entity and no slot. */
function uidOf(constraint: object): EntityUid {
  const { entity } = constraint as { entity: EntityUid | { __entity: EntityUid } };
  const { type, id } = '__entity' in entity ? entity.__entity : entity;
  return { type, id };
}
