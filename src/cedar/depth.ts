/**
 * Refuses what would overflow the engine's stack or hold up the event loop, before the engine sees
 * it. No function here recurses: depth is what they look for.
 */
import {
  LIKE_PATTERN_CHARS_MAX,
  POLICY_BRACKETS_MAX,
  POLICY_CHAIN_MAX,
  POLICY_DEPTH_MAX,
  SCHEMA_DEPTH_MAX,
} from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { childrenOf, conditionsOf, type Expression, type PolicyJson } from './policy-json.js';
import { placeAt, type TextFile } from './position.js';
import { tokensOf } from './tokens.js';

/** One bracket level: how high the tree of what stands between its commas can be. */
class Level {
  /** `||` and `if`, which bind the loosest, then `&&`, then everything else. */
  #or = 0;
  #and = 0;
  #other = 0;
  #andMax = 0;
  #otherMax = 0;
  #heightMax = 0;

  get height(): number {
    return Math.max(this.#heightMax, this.#or + this.#andMax + this.#otherMax);
  }

  take(token: string): void {
    if (token === ',' || token === ';') {
      this.#heightMax = this.height;
      this.#or = this.#and = this.#other = this.#andMax = this.#otherMax = 0;
    } else if (token === '||' || token === 'if') {
      this.#or += 1;
      this.#and = this.#other = 0;
    } else if (token === '&&') {
      this.add('and');
      this.#other = 0;
    } else if (OPERATORS.has(token)) {
      this.add('other');
    }
  }

  add(kind: 'and' | 'other', height = 1): void {
    if (kind === 'and') this.#and += height;
    else this.#other += height;
    this.#andMax = Math.max(this.#andMax, this.#and);
    this.#otherMax = Math.max(this.#otherMax, this.#other);
  }
}

const OPERATORS: ReadonlySet<string> = new Set([
  ...['.', '+', '-', '*', '!', '==', '!=', '<', '<=', '>', '>=', 'in', 'is', 'has', 'like'],
]);

/** A cheap look at a policy file's text: the first thing that the engine is not safe with, if any. */
export function unsafeText(source: TextFile): Problem | undefined {
  let levels = [new Level()];
  let previous = '';
  for (const token of tokensOf(source.text)) {
    if (previous === 'like' && token.text.length - 2 > LIKE_PATTERN_CHARS_MAX) {
      const message = `the pattern has more than ${LIKE_PATTERN_CHARS_MAX} characters`;
      return problem('policy_pattern_too_long', message, placeAt(source, token.index));
    }
    previous = token.text;
    const level = levels.at(-1) ?? new Level();
    if ('([{'.includes(token.text)) {
      levels.push(new Level());
      if (levels.length <= POLICY_BRACKETS_MAX + 1) continue;
      const message = `brackets are nested more than ${POLICY_BRACKETS_MAX} deep`;
      return problem('policy_too_deep', message, placeAt(source, token.index));
    }
    if (')]}'.includes(token.text) && levels.length > 1) {
      levels.pop();
      levels.at(-1)?.add('other', level.height + 1);
    } else {
      level.take(token.text);
    }
    if ((levels.at(-1)?.height ?? 0) > POLICY_CHAIN_MAX) {
      const message = 'too many operators in one chain';
      return problem('policy_too_deep', message, placeAt(source, token.index));
    }
    if (token.text === ';' && levels.length === 1) levels = [new Level()];
  }
  return undefined;
}

/** The same for a schema: `Set<`, records and lists. */
export function tooDeepSchema(source: TextFile): Problem | undefined {
  let depth = 0;
  for (const token of tokensOf(source.text)) {
    if ('<{[('.includes(token.text)) depth += 1;
    if ('>}])'.includes(token.text)) depth -= 1;
    if (depth > SCHEMA_DEPTH_MAX) {
      const message = `types are nested more than ${SCHEMA_DEPTH_MAX} deep`;
      return problem('policy_too_deep', message, placeAt(source, token.index));
    }
  }
  return undefined;
}

/** Whether a parsed policy is higher than POLICY_DEPTH_MAX. */
export function isTooDeep(json: PolicyJson): boolean {
  // The engine chains the conditions of a policy with `&&`.
  const rest = conditionsOf(json).map(({ body }, index) => ({ expression: body, height: index }));
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const height = next.height + weightOf(next.expression);
    if (height > POLICY_DEPTH_MAX) return true;
    for (const child of childrenOf(next.expression)) rest.push({ expression: child, height });
  }
  return false;
}

function weightOf(expression: Expression): number {
  // `x has a.b.c` reads `x.a.b` on its way.
  if ('has' in expression && 'attr' in expression.has)
    return 2 * [expression.has.attr].flat().length;
  return '&&' in expression || '||' in expression ? 1 : 2;
}
