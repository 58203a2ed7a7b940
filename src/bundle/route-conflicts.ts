/**
 * Routes that one request could take equally well. The more literal route wins; two with the same
 * number of literal segments would make the order of the file decide, so they are refused.
 */
import { PROBLEMS_MAX } from '../constants.js';
import { type Place, type Problem, problem } from '../errors.js';
import type { Route, RouteSegment } from './types.js';

export interface LocatedRoute {
  readonly route: Route;
  readonly place: Place;
}

/** A gRPC route is the literal path `/service/method`. */
function segmentsOf(route: Route): readonly RouteSegment[] {
  return route.kind === 'http'
    ? route.segments
    : [{ literal: route.service }, { literal: route.method }];
}

export function literalCount(route: Route): number {
  return segmentsOf(route).filter((segment) => 'literal' in segment).length;
}

/** One problem for each pair, at the later of the two. */
export function ambiguities(located: readonly LocatedRoute[]): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, LocatedRoute[]>();
  for (const entry of located) {
    const { route } = entry;
    const key = `${segmentsOf(route).length} ${literalCount(route)}`;
    const alike = seen.get(key) ?? [];
    for (const earlier of alike) {
      const path = commonPath(earlier.route, route);
      if (path !== undefined) problems.push(ambiguity(earlier, entry, path));
      if (problems.length >= PROBLEMS_MAX) return problems;
    }
    alike.push(entry);
    seen.set(key, alike);
  }
  return problems;
}

function ambiguity(earlier: LocatedRoute, later: LocatedRoute, path: string): Problem {
  const name = ({ route, place }: LocatedRoute) => `\`${route.name}\` (line ${place.line})`;
  const message = `the routes ${name(earlier)} and ${name(later)} both match \`${path}\``;
  return problem('routes_ambiguous', message, later.place);
}

/** A path that both match, by a method that both take; undefined when there is none. */
function commonPath(a: Route, b: Route): string | undefined {
  if (!methodsMeet(a, b)) return undefined;
  const others = segmentsOf(b);
  const common: string[] = [];
  for (const [index, one] of segmentsOf(a).entries()) {
    const other = others[index];
    if (other === undefined) return undefined;
    if ('literal' in one && 'literal' in other && one.literal !== other.literal) return undefined;
    if ('literal' in one) common.push(one.literal);
    else common.push('literal' in other ? other.literal : `{${one.param}}`);
  }
  return `/${common.join('/')}`;
}

function methodsMeet(a: Route, b: Route): boolean {
  const first = a.kind === 'http' ? a.methods : undefined;
  const second = b.kind === 'http' ? b.methods : undefined;
  if (first === undefined || second === undefined) return true;
  return first.some((method) => second.includes(method));
}
