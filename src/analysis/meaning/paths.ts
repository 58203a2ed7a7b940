/**
 * The partition of request paths: by the routes of both sides and by what conditions ask of the path
 * and of its parts. Every witness is a path that a sidecar accepts (check/path.ts).
 */
import type { HttpRoute, Route } from '../../bundle/types.js';
import { parsePath } from '../../check/path.js';
import { matchRoute } from '../../check/route.js';
import { DIFF_STATES_MAX } from '../../constants.js';
import {
  ANY_RUN,
  type Guard,
  literal,
  MAYBE_SLASH,
  ONE_PLAIN,
  type Pattern,
  PLAIN_RUN,
  partition,
  type Step,
} from './strings.js';

/** The route that a path takes on each side; undefined = none, the bare service. */
export interface RoutePair {
  readonly a: Route | undefined;
  readonly b: Route | undefined;
}

export interface PathClass {
  /** As it stands in a request, percent-encoded where needed. */
  readonly target: string;
  /** Indices of the patterns asked about that match. */
  readonly matches: ReadonlySet<number>;
}

export interface PathClasses {
  readonly classes: readonly PathClass[];
  readonly complete: boolean;
}

export interface PathQuestion {
  readonly method: string;
  readonly routesA: readonly Route[];
  readonly routesB: readonly Route[];
  readonly pair: RoutePair;
  /** On the whole decoded path. */
  readonly patterns: readonly Pattern[];
}

/** Characters that no accepted path has, encoded or not. */
const NEVER: ReadonlySet<string> = new Set(['\\', '%', '?', '#']);

/** Between slashes: 0 just after one, 1 after `.`, 2 after `..`, 3 within a name, -1 before all. */
const PATH_GUARD: Guard = {
  start: -1,
  characters: ['/'],
  next: (state, character) => {
    if (character === '/') return state === -1 || state === 3 ? 0 : undefined;
    if (state === -1 || /\p{Cc}/u.test(character)) return undefined;
    if (character === '.' && state < 2) return state + 1;
    // What is before a `;` is judged alone: an empty name or dots are rejected.
    return character === ';' && state < 3 ? undefined : 3;
  },
  accepts: (state) => state === 0 || state === 3,
};

export function pathClasses(question: PathQuestion): PathClasses {
  const { method, routesA, routesB, pair, patterns } = question;
  const targets = [pair.a, pair.b].filter((route) => route !== undefined);
  const rivals = [...routesA, ...routesB].filter((route) => {
    return targets.every((target) => overlap(route, target));
  });
  const all = [
    ...patterns,
    ...[...new Set([...targets, ...rivals])].map((route) => routePattern(route)),
  ];
  // Characters that only rivals name are not needed: one that nobody names does the same.
  const needed = new Set([...patterns, ...targets.map((route) => routePattern(route))].flat());
  const without = new Set(all.flat().filter((step) => typeof step === 'string'));
  for (const step of needed) if (typeof step === 'string') without.delete(step);
  without.delete('/');
  for (const character of NEVER) without.add(character);

  const found = partition(all, { guard: PATH_GUARD, without, statesMax: DIFF_STATES_MAX });
  const classes = new Map<string, PathClass>();
  for (const { matches, witness } of found.classes) {
    const target = encodePath(witness);
    const parsed = parsePath(target);
    if (!parsed.ok || parsed.path !== witness) continue;
    const a = matchRoute(routesA, method, parsed.segments)?.route;
    const b = matchRoute(routesB, method, parsed.segments)?.route;
    if (a !== pair.a || b !== pair.b) continue;
    const own = matches.filter((index) => index < patterns.length);
    const key = own.join();
    if (!classes.has(key)) classes.set(key, { target, matches: new Set(own) });
  }
  return { classes: [...classes.values()], complete: found.complete };
}

/** Whether some path has the form of both routes. */
export function overlap(one: Route, other: Route): boolean {
  const left = segmentsOf(one);
  const right = segmentsOf(other);
  if (left.length !== right.length) return false;
  return left.every((segment, index) => {
    const beside = right[index];
    if (beside === undefined || !('literal' in segment) || !('literal' in beside)) return true;
    return segment.literal === beside.literal;
  });
}

export function segmentsOf(route: Route): HttpRoute['segments'] {
  if (route.kind === 'http') return route.segments;
  return [{ literal: route.service }, { literal: route.method }];
}

/** Paths that have the form of a route; the values of `inside` stand for some of its segments. */
export function routePattern(
  route: Route,
  inside: ReadonlyMap<number, Pattern> = new Map(),
): Pattern {
  const segments = segmentsOf(route);
  const steps = segments.flatMap((segment, index): Step[] => {
    const own: Pattern = 'literal' in segment ? literal(segment.literal) : [ONE_PLAIN, PLAIN_RUN];
    return ['/', ...(inside.get(index) ?? own)];
  });
  return segments.length === 0 ? ['/'] : [...steps, MAYBE_SLASH];
}

/** A `like` of Cedar within one segment: its `*` cannot cross a slash there. */
export function withinSegment(pattern: Pattern): Pattern {
  return pattern.map((step) => (step === ANY_RUN ? PLAIN_RUN : step));
}

function encodePath(path: string): string {
  return path.split('/').map(encodeSegment).join('/');
}

const PLAIN = /^[A-Za-z0-9\-_~!$&'()*+,=:@.;]$/;

function encodeSegment(segment: string): string {
  return [...segment].map((c) => (PLAIN.test(c) ? c : encodeURIComponent(c))).join('');
}
