/**
 * What conditions ask of the context, place by place. Where a text is only compared with literals,
 * the outcome of these comparisons is all that an answer can depend on; of everything else it is the
 * value.
 *
 * INVARIANT: errs on the wide side: a place that is used in any other way is used for its value.
 * differential.test.ts holds this against the engine.
 */
import { childrenOf, conditionsOf, type Expression, type PolicyJson } from './policy-json.js';
import type { ContextUse, LikePattern } from './types.js';

/** Those of an expression's operands that are looked at here. */
interface Operands {
  readonly attr: string | readonly string[];
  readonly left: Expression;
  readonly right: Expression;
  readonly pattern: readonly ('Wildcard' | { readonly Literal: string })[];
}

/** Each place once, in an order that depends on nothing else. */
export function contextUses(json: PolicyJson): ContextUse[] {
  const places = new Map<string, Place>();
  for (const { body } of conditionsOf(json)) collect(body, places);
  return usesOf(places);
}

/** What a number of policies do with the context, together. */
export function unionOfUses(all: readonly (readonly ContextUse[])[]): ContextUse[] {
  const places = new Map<string, Place>();
  for (const { path, value, equals = [], like = [] } of all.flat()) {
    const place = placeIn(places, path);
    place.value ||= value === true;
    for (const literal of equals) place.equals.add(literal);
    for (const pattern of like) place.like.set(JSON.stringify(pattern), pattern);
  }
  return usesOf(places);
}

function usesOf(places: ReadonlyMap<string, Place>): ContextUse[] {
  return [...places]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { path, value, equals, like }]) => {
      if (value) return { path, value };
      return {
        path,
        ...(equals.size > 0 && { equals: [...equals].sort() }),
        ...(like.size > 0 && { like: sortedLike(like) }),
      };
    });
}

function sortedLike(patterns: ReadonlyMap<string, LikePattern>): LikePattern[] {
  return [...patterns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pattern]) => pattern);
}

interface Place {
  readonly path: readonly string[];
  value: boolean;
  readonly equals: Set<string>;
  readonly like: Map<string, LikePattern>;
}

function placeIn(places: Map<string, Place>, path: readonly string[]): Place {
  const key = JSON.stringify(path);
  let place = places.get(key);
  if (place === undefined) {
    place = { path, value: false, equals: new Set(), like: new Map() };
    places.set(key, place);
  }
  return place;
}

function collect(condition: Expression, places: Map<string, Place>): void {
  const placeOf = (path: readonly string[]) => placeIn(places, path);
  const rest: Expression[] = [condition];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const [operator, inner] = Object.entries(next)[0] as [string, unknown];
    const operands = inner as Operands;
    const path = pathOf(next);
    if (path !== undefined) {
      placeOf(path).value = true;
    } else if (operator === 'has' && pathOf(operands.left) !== undefined) {
      placeOf([...(pathOf(operands.left) ?? []), ...[operands.attr].flat()]);
    } else if (operator === 'like' && pathOf(operands.left) !== undefined) {
      const pattern = partsOf(operands.pattern);
      placeOf(pathOf(operands.left) ?? []).like.set(JSON.stringify(pattern), pattern);
    } else if ((operator === '==' || operator === '!=') && comparison(operands) !== undefined) {
      const { path: compared, literal } = comparison(operands) as Comparison;
      placeOf(compared).equals.add(literal);
    } else {
      rest.push(...childrenOf(next));
    }
  }
}

/** The path when the expression is nothing but one into the context. */
function pathOf(expression: Expression): string[] | undefined {
  if ('Var' in expression) return expression.Var === 'context' ? [] : undefined;
  if (!('.' in expression)) return undefined;
  const { left, attr } = expression['.'] as Operands;
  const before = pathOf(left);
  return before === undefined ? undefined : [...before, ...[attr].flat()];
}

interface Comparison {
  readonly path: readonly string[];
  readonly literal: string;
}

/** Of a place with a literal text, on either side. */
function comparison({ left, right }: Operands): Comparison | undefined {
  const [path, other] = pathOf(left) === undefined ? [pathOf(right), left] : [pathOf(left), right];
  const literal = 'Value' in other ? other.Value : undefined;
  return path === undefined || typeof literal !== 'string' ? undefined : { path, literal };
}

/** `a*b` is `['a', 'b']`, `*` is `['', '']`. The engine gives each character for itself. */
function partsOf(pattern: Operands['pattern']): string[] {
  const parts = [''];
  for (const element of pattern) {
    if (element === 'Wildcard') parts.push('');
    else parts.push(`${parts.pop()}${element.Literal}`);
  }
  return parts;
}
