/** What could be called: destinations that either bundle names, and the routes a request can take. */
import { isDestination } from '../../bundle/manifest.js';
import type { Route } from '../../bundle/types.js';
import { unionOfReads } from '../../cedar/policy-reads.js';
import { overlap, type RoutePair, segmentsOf } from './paths.js';
import type { Side, Subject } from './side.js';

export interface DestinationClass {
  /** `<namespace>/<name>` */
  readonly representative: string;
  readonly members: readonly string[];
}

/** For bundles that may be used for any destination. */
const MADE_UP = 'any-other/service';
const MADE_UP_WORDS = 'any other destination';

/** `extra`: destinations to look at as well. */
export function destinationClasses(
  sides: readonly Side[],
  extra: readonly string[],
): DestinationClass[] {
  const uids = sides.flatMap((side) => [
    ...side.named(),
    ...side.bundle.program.entities.map(({ uid }) => uid),
  ]);
  const named = new Set(
    uids
      .filter(({ type }) => type === 'Service' || type === 'Route')
      .map(({ id }) => id.split('/').slice(0, 2).join('/')),
  );
  const scopes = sides.flatMap(({ bundle }) => bundle.manifest.scope?.destinations ?? []);
  const all = [...new Set([...scopes, ...named, ...extra])].filter(isDestination).sort();
  if (sides.some(({ bundle }) => bundle.manifest.scope === undefined)) all.push(MADE_UP);
  const reads = unionOfReads(
    sides.flatMap(({ bundle }) => bundle.program.policies.map((policy) => policy.reads)),
  );
  const classes = new Map<string, { representative: string; members: string[] }>();
  for (const name of all) {
    if (!sides.some((side) => side.covers(name))) continue;
    const seen = sides.map((side) => {
      const routes = [undefined, ...side.bundle.routes].map((route) => {
        return side.facts(resourceOf(name, route), reads);
      });
      return [side.covers(name), routes];
    });
    const text = JSON.stringify(seen).replaceAll(`"${name}`, '"');
    const key = `${named.has(name) ? name : ''}:${text}`;
    const words = name === MADE_UP ? MADE_UP_WORDS : name;
    const known = classes.get(key);
    if (known === undefined) classes.set(key, { representative: name, members: [words] });
    else known.members.push(words);
  }
  return [...classes.values()];
}

/** As check/question.ts makes it. */
export function resourceOf(destination: string, route: Route | undefined): Subject {
  const uid = { type: 'Service', id: destination };
  const service = { uid, attrs: {}, parents: [] };
  if (route === undefined) return { entity: service, ancestors: [] };
  const own = { type: 'Route', id: `${destination}/${route.name}` };
  return { entity: { uid: own, attrs: {}, parents: [uid] }, ancestors: [service] };
}

/** Routes that one request can take on both sides; some of them no path may have after all. */
export function routePairs(a: readonly Route[], b: readonly Route[]): RoutePair[] {
  const pairs: RoutePair[] = [{ a: undefined, b: undefined }];
  // Most changes leave the routes alone, and then nobody changes places.
  if (JSON.stringify(a) === JSON.stringify(b)) {
    return [...pairs, ...a.map((route, index) => ({ a: route, b: b[index] }))];
  }
  for (const route of a) {
    for (const other of b) if (overlap(route, other)) pairs.push({ a: route, b: other });
    if (!b.some((other) => sameForm(route, other))) pairs.push({ a: route, b: undefined });
  }
  for (const other of b) {
    if (!a.some((route) => sameForm(route, other))) pairs.push({ a: undefined, b: other });
  }
  return pairs;
}

/** Whether the same paths have the form of both. */
function sameForm(one: Route, other: Route): boolean {
  const form = (route: Route) =>
    segmentsOf(route).map((segment) => ('literal' in segment ? segment.literal : null));
  return JSON.stringify(form(one)) === JSON.stringify(form(other));
}
