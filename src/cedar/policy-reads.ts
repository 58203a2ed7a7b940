/**
 * What policies can read. A field of the context costs the engine 10 us and an entity up to 50, so
 * what no policy can read is not sent (evaluator.ts, entity-store.ts).
 *
 * INVARIANT: names err on the wide side: an attribute counts as read of every entity as soon as any
 * expression reads that name of anything, and one `in` with a right side that is no literal makes
 * all ancestors count. The differential test holds this against sending everything.
 */
import { contextUses } from './context-uses.js';
import { uidKey } from './entity-source.js';
import {
  childrenOf,
  conditionsOf,
  type Expression,
  entitiesLookedInto,
  literalEntity,
  type PolicyJson,
} from './policy-json.js';
import type { EntityTest, EntityUid, PolicyReads, PolicyScope } from './types.js';

/** What a number of policies can read, together. */
export interface UnitedReads {
  /** Names of the context's own fields; undefined = any. */
  readonly context: ReadonlySet<string> | undefined;
  readonly attributes: ReadonlySet<string>;
  /** Keys of the ancestors that `in` asks for; undefined = any. */
  readonly ancestors: ReadonlySet<string> | undefined;
  readonly tags: boolean;
  /** They go along with every request. */
  readonly entities: readonly EntityUid[];
}

export function unionOfReads(all: readonly PolicyReads[]): UnitedReads {
  const context = new Set(
    all.flatMap((one) => one.context.map((path) => path.split('.')[0] ?? '')),
  );
  const any = all.some(({ ancestors }) => ancestors === null);
  const entities = new Map(all.flatMap((one) => one.entities.map((uid) => [uidKey(uid), uid])));
  return {
    context: context.has('*') ? undefined : context,
    attributes: new Set(all.flatMap(({ attributes }) => attributes)),
    ancestors: any ? undefined : new Set(all.flatMap((one) => (one.ancestors ?? []).map(uidKey))),
    tags: all.some(({ tags }) => tags),
    entities: [...entities.values()],
  };
}

/** Those of an expression's operands that are looked at here. */
interface Operands {
  readonly attr?: string | readonly string[];
  readonly left?: Expression;
  readonly right?: Expression;
  readonly in?: Expression;
}

export function readsOf(json: PolicyJson, scope: PolicyScope): PolicyReads {
  const attributes = new Set<string>();
  const ancestors = new Map<string, EntityUid>();
  let anyAncestor = false;
  let tags = false;
  const groups = (right: Expression) => {
    const named = literalEntities(right);
    if (named === undefined) anyAncestor = true;
    else for (const uid of named) ancestors.set(uidKey(uid), uid);
  };

  for (const uid of scopeGroups(scope)) ancestors.set(uidKey(uid), uid);
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
  return {
    context: contextReads(json),
    uses: contextUses(json),
    attributes: [...attributes].sort(),
    ancestors: anyAncestor ? null : sorted(ancestors.values()),
    tags,
    entities: sorted(entitiesLookedInto(json)),
  };
}

/** Groups that the scope names for the caller or the resource. Actions come with the schema. */
function scopeGroups({ principal, resource }: PolicyScope): EntityUid[] {
  const groupOf = (test: EntityTest) =>
    test.kind === 'in' ? test.uid : test.kind === 'is' ? test.in : undefined;
  return [groupOf(principal), groupOf(resource)].filter((uid) => uid !== undefined);
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

/** The longest paths into the context: of `a`, `a.b` and `a.c` the last two. */
function contextReads(json: PolicyJson): string[] {
  const found = new Set<string>();
  const rest: Expression[] = conditionsOf(json).map(({ body }) => body);
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const path = contextPath(next);
    if (path === undefined) rest.push(...childrenOf(next));
    else found.add(path.length === 0 ? '*' : path.join('.'));
  }
  const paths = [...found].sort();
  return paths.filter((path) => !paths.some((other) => other.startsWith(`${path}.`)));
}

/** The path when the expression is nothing but one into the context, or a test whether it is there. */
function contextPath(expression: Expression): string[] | undefined {
  if ('Var' in expression) return expression.Var === 'context' ? [] : undefined;
  const [operator, { left, attr }] = Object.entries(expression)[0] as [string, Operands];
  if ((operator !== '.' && operator !== 'has') || left === undefined) return undefined;
  const before = contextPath(left);
  return before === undefined ? undefined : [...before, ...[attr ?? []].flat()];
}

function sorted(uids: Iterable<EntityUid>): EntityUid[] {
  const byKey = new Map([...uids].map((uid) => [uidKey(uid), uid]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, uid]) => uid);
}
