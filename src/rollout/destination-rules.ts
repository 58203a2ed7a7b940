/** Which entries of `destinations` in trust.yaml a destination falls under. */
import type { Trust } from './trust.js';

export type DestinationRule = Trust['destinations'][number];

/** All entries whose `match` fits: they apply together. */
export function rulesFor(
  service: string,
  { destinations }: Pick<Trust, 'destinations'>,
): readonly DestinationRule[] {
  return destinations.filter(({ match }) => matchesDestination(match, service));
}

/**
 * Whether a pattern fits `<namespace>/<name>` from end to end: `*` stands for any part of one half,
 * `**` for everything, or for any name after a namespace. INVARIANT: trust-schema.ts has taken the
 * pattern.
 */
export function matchesDestination(pattern: string, service: string): boolean {
  if (pattern === '**') return true;
  const [namespace = '', name = ''] = pattern.split('/');
  const [serviceNamespace = '', serviceName = ''] = service.split('/');
  return matchesPart(namespace, serviceNamespace) && matchesPart(name, serviceName);
}

/** Leftmost fits between the stars, so the time is linear: a regular expression could backtrack. */
function matchesPart(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return first === text;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
