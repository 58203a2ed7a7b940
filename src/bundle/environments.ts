/** What differs between the environments that one bundle serves, and why, as its owners say it. */
import { uidKey, uidText } from '../cedar/entity-source.js';
import type { EntityData, PolicySource } from '../cedar/types.js';
import { compareBytewise } from './names.js';
import type { BundleManifest } from './types.js';

/** The entities of a bundle in one environment; undefined = without one. */
export interface EnvironmentEntities {
  readonly environment: string | undefined;
  readonly entities: readonly EntityData[];
}

/** Why an environment differs: null where bundle.yaml does not say it. */
export interface EnvironmentReason {
  readonly environment: string;
  readonly reason: string | null;
}

/** Of those that have entities of their own, and those that bundle.yaml speaks of. */
export function environmentReasons(
  named: readonly string[],
  { environments }: Pick<BundleManifest, 'environments'>,
): EnvironmentReason[] {
  const said = new Map(Object.entries(environments));
  return [...new Set([...named, ...said.keys()])]
    .sort(compareBytewise)
    .map((environment) => ({ environment, reason: said.get(environment) ?? null }));
}

/** A policy that asks where it runs; its description says what for. */
export type EnvironmentPolicy = Pick<PolicySource, 'id' | 'owner' | 'description'>;

export function environmentPolicies(policies: readonly PolicySource[]): EnvironmentPolicy[] {
  return policies
    .filter(({ reads }) => reads.context.includes('environment'))
    .map(({ id, owner, description }) => ({ id, owner, description }));
}

/** One thing about one entity that is not the same everywhere. */
export interface EntityDifference {
  /** `Workload::"spiffe://.."` */
  readonly entity: string;
  /** `in` for its parents, `tier` for an attribute, `tag x` for a tag. */
  readonly what: string;
  /** JSON, in the order of the environments; null = not there. */
  readonly values: readonly (string | null)[];
}

/** In bytewise order of entities, then of what differs. */
export function entityDifferences(
  environments: readonly EnvironmentEntities[],
): EntityDifference[] {
  const facts = environments.map(({ entities }) => factsOf(entities));
  const all = new Map(facts.flatMap((each) => [...each].map(([key, fact]) => [key, fact])));
  return [...all]
    .map(([key, { entity, what }]) => {
      return { entity, what, values: facts.map((each) => each.get(key)?.value ?? null) };
    })
    .filter(({ values }) => new Set(values).size > 1)
    .sort((a, b) => compareBytewise(a.entity, b.entity) || compareBytewise(a.what, b.what));
}

interface Fact {
  readonly entity: string;
  readonly what: string;
  readonly value: string;
}

function factsOf(entities: readonly EntityData[]): Map<string, Fact> {
  const facts = new Map<string, Fact>();
  for (const { uid, parents, attrs, tags = {} } of entities) {
    const entity = uidText(uid);
    // An attribute may be called `in` too.
    const add = (kind: string, what: string, value: string) =>
      facts.set(`${uidKey(uid)}\0${kind}\0${what}`, { entity, what, value });
    const groups = parents.map(uidText).sort(compareBytewise);
    add('parents', 'in', groups.join(', ') || 'nothing');
    for (const [name, value] of Object.entries(attrs)) add('attr', name, JSON.stringify(value));
    for (const [name, value] of Object.entries(tags)) {
      add('tag', `tag ${name}`, JSON.stringify(value));
    }
  }
  return facts;
}
