/** The clauses of a policy's scope, as its author wrote them: `resource in Service::"shop/payments"`. */
import type { ScopePart } from '../cedar/conditions.js';
import { tokensOf } from '../cedar/tokens.js';

const PARTS: readonly ScopePart[] = ['principal', 'action', 'resource'];

export function scopeClauses(
  text: string,
  wanted: readonly ScopePart[],
): Partial<Record<ScopePart, string>> {
  const clauses = splitScope(text);
  const found = PARTS.flatMap((part, index) =>
    wanted.includes(part) ? [[part, clauses[index] ?? part] as const] : [],
  );
  return Object.fromEntries(found);
}

/** What stands between the commas of the brackets after `permit` or `forbid`, without comments. */
function splitScope(text: string): string[] {
  const clauses: string[] = [];
  let clause: string[] | undefined;
  let depth = 0;
  let before = '';
  for (const { text: token } of tokensOf(text)) {
    const effect = before === 'permit' || before === 'forbid';
    // `@permit(..)` would be an annotation.
    before = before === '@' ? '' : token;
    if (clause === undefined) {
      // Annotations have brackets too, but no effect in front of them.
      if (effect && token === '(') clause = [];
      continue;
    }
    if (depth === 0 && (token === ',' || token === ')')) {
      clauses.push(join(clause));
      clause = [];
      if (token === ')') break;
      continue;
    }
    if ('([{'.includes(token)) depth += 1;
    if (')]}'.includes(token)) depth -= 1;
    clause.push(token);
  }
  return clauses;
}

const NO_SPACE_AFTER: ReadonlySet<string> = new Set(['::', '[', '(']);
const NO_SPACE_BEFORE: ReadonlySet<string> = new Set(['::', ']', ')', ',']);

function join(tokens: readonly string[]): string {
  return tokens.reduce((text, token, index) => {
    const glued = NO_SPACE_BEFORE.has(token) || NO_SPACE_AFTER.has(tokens[index - 1] ?? '::');
    return `${text}${glued ? '' : ' '}${token}`;
  }, '');
}
