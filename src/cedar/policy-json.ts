/** Cedar's JSON form of a policy: what we read of it, and how to walk its expressions. */
import type { Clause, Expr, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { EntityUid } from './types.js';

export type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
export type Expression = Expr;

export function conditionsOf(json: PolicyJson): readonly Clause[] {
  return json.conditions;
}

/** The expressions directly inside this one. */
export function childrenOf(expression: Expression): Expression[] {
  const [operator, inner] = Object.entries(expression)[0] ?? [];
  if (operator === 'Value' || operator === 'Var' || operator === 'Slot') return [];
  if (operator === 'Record') return Object.values(inner as Record<string, Expression>);
  // A set, or the arguments of an extension function.
  if (Array.isArray(inner)) return inner as Expression[];
  const fields = Object.entries((inner ?? {}) as Record<string, unknown>);
  return fields.filter(([field]) => OPERANDS.has(field)).map(([, value]) => value as Expression);
}

const OPERANDS: ReadonlySet<string> = new Set([
  ...['left', 'right', 'arg', 'if', 'then', 'else', 'in'],
]);

/**
 * Entities that a policy's conditions name in a place where their attributes, tags or ancestors may
 * be read. Where one is only compared (`==`, right of `in`), its data cannot matter.
 */
export function entitiesLookedInto(json: PolicyJson): EntityUid[] {
  const found: EntityUid[] = [];
  const rest: Expression[] = conditionsOf(json).map(({ body }) => body);
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const entity = literalEntity(next);
    if (entity !== undefined) found.push(entity);
    rest.push(...childrenOf(next).filter((child) => !onlyCompared(next, child)));
  }
  return found;
}

function onlyCompared(parent: Expression, child: Expression): boolean {
  if (literalEntity(child) === undefined && !isLiteralSet(child)) return false;
  if ('==' in parent || '!=' in parent) return true;
  const [operator, operands] = Object.entries(parent)[0] ?? [];
  if (operator === 'in') return (operands as { right: Expression }).right === child;
  return operator === 'is' && (operands as { in?: Expression }).in === child;
}

function isLiteralSet(expression: Expression): boolean {
  return (
    'Set' in expression &&
    Array.isArray(expression.Set) &&
    expression.Set.every((element) => literalEntity(element) !== undefined)
  );
}

/** The entity that an expression is, when it is nothing but a reference. */
export function literalEntity(expression: Expression): EntityUid | undefined {
  return 'Value' in expression ? referenceIn(expression.Value) : undefined;
}

function referenceIn(value: unknown): EntityUid | undefined {
  if (typeof value !== 'object' || value === null || !('__entity' in value)) return undefined;
  const { type, id } = value.__entity as EntityUid;
  return { type, id };
}
