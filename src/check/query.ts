/** The query string, read only for the keys a schema declares. `+` is a space, as in forms. */
import { QUERY_PAIRS_MAX } from '../constants.js';
import type { PathRule } from './path.js';

/** Key -> all its values, for declared keys only; or the rule that was broken. */
export function parseQuery(
  query: string | undefined,
  declared: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> | PathRule {
  const values = new Map<string, string[]>();
  if (query === undefined || query === '') return values;
  const pairs = query.split('&');
  if (pairs.length > QUERY_PAIRS_MAX) return 'query_too_many_pairs';
  for (const pair of pairs) {
    const cut = pair.indexOf('=');
    const key = decode(cut === -1 ? pair : pair.slice(0, cut));
    const value = decode(cut === -1 ? '' : pair.slice(cut + 1));
    // An undeclared pair must decode too: its key could be meant to be a declared one.
    if (key === undefined || value === undefined) return 'query_undecodable';
    if (!declared.has(key)) continue;
    const list = values.get(key);
    if (list === undefined) values.set(key, [value]);
    else list.push(value);
  }
  return values;
}

function decode(text: string): string | undefined {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return undefined;
  }
}
