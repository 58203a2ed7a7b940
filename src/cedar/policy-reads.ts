/**
 * What the policies of a program can read of entities. An entity costs the engine about 60 us, most
 * of it for its attributes and ancestors, so what no policy can read is not sent (entity-store.ts).
 *
 * INVARIANT: names err on the wide side: an attribute counts as read of every entity as soon as any
 * expression reads that name of anything, and one `in` with a right side that is no literal makes
 * all ancestors count. The differential test holds this against sending everything.
 */
import { uidKey } from './entity-source.js';
import {
  childrenOf,
  conditionsOf,
  type Expression,
  literalEntity,
  type PolicyJson,
} from './policy-json.js';
import type { EntityReads, EntityUid } from './types.js';

/** Those of an expression's operands that are looked at here. */
interface Operands {
  readonly attr?: string | readonly string[];
  readonly right?: Expression;
  readonly in?: Expression;
}

export function readsOf(policies: readonly PolicyJson[]): EntityReads {
  const attributes = new Set<string>();
  const ancestors = new Set<string>();
  let allAncestors = false;
  let tags = false;
  const groups = (right: Expression) => {
    const named = literalEntities(right);
    if (named === undefined) allAncestors = true;
    else for (const uid of named) ancestors.add(uidKey(uid));
  };

  for (const json of policies) {
    for (const uid of scopeGroups(json)) ancestors.add(uidKey(uid));
    const rest: Expression[] = conditionsOf(json).map(({ body }) => body);
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      const [operator, operands] = Object.entries(next)[0] as [string, Operands];
      // `has` may carry a path: `x has a.b`.
      if (operator === '.' || operator === 'has') {
        for (const name of [operands.attr ?? []].flat()) attributes.add(name);
      }
      if (operator === 'in' && operands.right !== undefined) groups(operands.right);
      if (operator === 'is' && operands.in !== undefined) groups(operands.in);
      tags ||= operator === 'getTag' || operator === 'hasTag';
      rest.push(...childrenOf(next));
    }
  }
  return { attributes, ancestors: allAncestors ? undefined : ancestors, tags };
}

/** Groups that the scope names for the caller or the resource. Actions come with the schema. */
function scopeGroups({ principal, resource }: PolicyJson): EntityUid[] {
  return [principal, resource].flatMap((constraint) => {
    const group = constraint.op === 'is' ? constraint.in : constraint;
    if (constraint.op !== 'in' && constraint.op !== 'is') return [];
    if (group === undefined || !('entity' in group)) return [];
    const { entity } = group;
    const { type, id } = '__entity' in entity ? entity.__entity : entity;
    return [{ type, id }];
  });
}

/** The entities of a literal, or of a set of literals; undefined for anything else. */
function literalEntities(expression: Expression): EntityUid[] | undefined {
  const one = literalEntity(expression);
  if (one !== undefined) return [one];
  if (!('Set' in expression) || !Array.isArray(expression.Set)) return undefined;
  const found: EntityUid[] = [];
  for (const element of expression.Set) {
    const uid = literalEntity(element);
    if (uid === undefined) return undefined;
    found.push(uid);
  }
  return found;
}
