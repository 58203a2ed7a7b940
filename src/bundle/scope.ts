/**
 * Policies that can match outside the destinations of `scope`. Judged by the resource clause alone,
 * permit and forbid alike: whoever reviews a bundle sees there what it can touch.
 */
import type { EntityTest, EntityUid, PolicySource } from '../cedar/types.js';
import { type Problem, problem } from '../errors.js';

export function scopeProblems(
  policies: readonly PolicySource[],
  destinations: readonly string[],
): Problem[] {
  const allowed = new Set(destinations);
  return policies.flatMap(({ id, file, line, scope }) => {
    const outside = reachOutside(scope.resource, allowed);
    if (outside === undefined) return [];
    const message = `the policy \`${id}\` can match outside the scope of the bundle: ${outside}`;
    const help = `limit it, for example: resource in Service::"${destinations[0]}"`;
    return [problem('scope_exceeded', message, { file, line, help })];
  });
}

/** What a resource clause matches that is not allowed, in words; undefined when nothing is. */
function reachOutside(test: EntityTest, allowed: ReadonlySet<string>): string | undefined {
  switch (test.kind) {
    case 'any':
      return 'its `resource` is any';
    case 'is':
      return test.in === undefined
        ? `its \`resource is ${test.type}\` is any of them`
        : uidOutside(test.in, allowed);
    case 'equals':
    case 'in':
      return uidOutside(test.uid, allowed);
  }
}

/** `Service::"ns/name"` and `Route::"ns/name/route"` say where they are; no other entity does. */
function uidOutside({ type, id }: EntityUid, allowed: ReadonlySet<string>): string | undefined {
  const shown = `\`${type}::${JSON.stringify(id)}\``;
  if (type === 'Service') return allowed.has(id) ? undefined : `${shown} is not in it`;
  if (type !== 'Route') return `${shown} can hold anything`;
  const [namespace, name, route, ...more] = id.split('/');
  const inside = route !== undefined && more.length === 0 && allowed.has(`${namespace}/${name}`);
  return inside ? undefined : `${shown} is not in it`;
}
