/** A match in words: which requests a slice, an exception or a block is about. */
import type { Match } from './types.js';

/** `reading requests of all callers to shop/payments on route refund`; `covered`: what `{}` means. */
export function requestsText(match: Match, covered: readonly string[]): string {
  const { destinations = covered, routes } = match;
  const on = routes === undefined ? '' : ` on ${plural('route', routes)}`;
  return `${kindText(match)} of ${callersText(match)} to ${listText(destinations)}${on}`;
}

/** Whether it takes every request of the rollout. */
export function takesAll(match: Match): boolean {
  return Object.keys(match).length === 0;
}

/** `a, b and c` */
export function listText(names: readonly string[], word: 'and' | 'or' = 'and'): string {
  const last = names.at(-1) ?? 'nothing';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} ${word} ${last}`;
}

function kindText({ access, actions }: Match): string {
  const words = [
    ...(access === undefined ? [] : [access === 'read' ? 'reading' : 'writing']),
    ...(actions === undefined ? [] : [listText(actions)]),
  ];
  return words.length === 0 ? 'all requests' : `${words.join(' ')} requests`;
}

/** Keys are AND; `unidentified` adds, and stands alone where nothing else names callers. */
function callersText({
  callers,
  namespaces,
  trustDomains,
  tenants,
  percent,
  unidentified,
}: Match): string {
  const limits = [
    ...(namespaces === undefined ? [] : [`in ${plural('namespace', namespaces)}`]),
    ...(trustDomains === undefined ? [] : [`of ${plural('trust domain', trustDomains)}`]),
    ...(tenants === undefined ? [] : [`with ${plural('tenant', tenants)}`]),
  ];
  const named = callers === undefined ? 'callers' : listText(callers);
  const isNamed = callers !== undefined || limits.length > 0;
  const who = [isNamed ? named : 'all callers', ...limits].join(' ');
  const share = percent === undefined ? who : `${percent} % of ${who}`;
  if (unidentified !== true) return share;
  const unread = 'callers whose identity cannot be read';
  return isNamed ? `${share}, and of ${unread}` : unread;
}

function plural(word: string, names: readonly string[]): string {
  return `${word}${names.length === 1 ? '' : 's'} ${listText(names, 'or')}`;
}
