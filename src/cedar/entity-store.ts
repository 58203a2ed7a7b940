/**
 * Which entities go along with a request. Each costs the engine tens of microseconds, so only those
 * whose attributes, tags or ancestors a policy can reach are sent: the caller, the resource, what
 * conditions name, and what these refer to; and of each only what a policy can read. Ancestors are written into the entity itself (`in` looks
 * nowhere else), so they need not be sent for their own sake.
 */
import { uidKey } from './entity-source.js';
import type { CedarProgram, CedarRequest, CedarValue, EntityData, EntityUid } from './types.js';

type Values = Readonly<Record<string, CedarValue>>;

export class EntityStore {
  readonly #schema: CedarProgram['schema'];
  readonly #stored: ReadonlyMap<string, EntityData>;
  readonly #named: readonly EntityUid[];
  readonly #reads: CedarProgram['reads'];

  constructor({ schema, entities, namedEntities, reads }: CedarProgram) {
    this.#schema = schema;
    this.#stored = new Map(entities.map((entity) => [uidKey(entity.uid), entity]));
    this.#named = namedEntities;
    this.#reads = reads;
  }

  entitiesFor(request: CedarRequest): EntityData[] {
    const { principal, resource, ancestors } = request;
    const given = new Map<string, EntityData>();
    for (const entity of [principal, resource, ...ancestors]) given.set(uidKey(entity.uid), entity);

    const sent = new Map<string, EntityData>();
    const seen = new Set<string>();
    const rest: EntityUid[] = [principal.uid, resource.uid, ...this.#named];
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      const key = uidKey(next);
      if (seen.has(key)) continue;
      seen.add(key);
      const entity = this.#entity(next, key, given);
      // Without data an entity is the same to Cedar as one that is not there.
      if (entity === undefined) continue;
      sent.set(key, entity);
      collectReferences(entity.attrs, rest);
      if (entity.tags !== undefined) collectReferences(entity.tags, rest);
    }
    return [...sent.values()];
  }

  #entity(
    uid: EntityUid,
    key: string,
    given: ReadonlyMap<string, EntityData>,
  ): EntityData | undefined {
    const fromRequest = given.get(key);
    const stored = this.#stored.get(key);
    const parents = this.#ancestors(uid, key, given);
    const attrs = this.#read({ ...stored?.attrs, ...this.#declared(fromRequest) });
    const tags = this.#reads.tags ? { ...stored?.tags, ...fromRequest?.tags } : {};
    const tagged = Object.keys(tags).length > 0;
    if (parents.length === 0 && Object.keys(attrs).length === 0 && !tagged) return undefined;
    return tagged ? { uid, attrs, parents, tags } : { uid, attrs, parents };
  }

  #read(attrs: Values): Values {
    const entries = Object.entries(attrs).filter(([name]) => this.#reads.attributes.has(name));
    return Object.fromEntries(entries);
  }

  /** What the request says of the entity, as far as the schema declares it. */
  #declared(entity: EntityData | undefined): Values {
    if (entity === undefined) return {};
    const names = this.#schema.attributes.get(entity.uid.type);
    const entries = Object.entries(entity.attrs).filter(([name]) => names?.has(name) === true);
    return Object.fromEntries(entries);
  }

  /** All of them, through parents that the request names and those in the store. */
  #ancestors(uid: EntityUid, key: string, given: ReadonlyMap<string, EntityData>): EntityUid[] {
    const found = new Map<string, EntityUid>();
    const rest = this.#parents(uid, key, given);
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      const nextKey = uidKey(next);
      if (nextKey === key || found.has(nextKey)) continue;
      found.set(nextKey, next);
      rest.push(...this.#parents(next, nextKey, given));
    }
    const wanted = this.#reads.ancestors;
    if (wanted === undefined) return [...found.values()];
    return [...found].filter(([ancestor]) => wanted.has(ancestor)).map(([, parent]) => parent);
  }

  #parents(uid: EntityUid, key: string, given: ReadonlyMap<string, EntityData>): EntityUid[] {
    const types = this.#schema.parents.get(uid.type);
    const stored = this.#stored.get(key)?.parents ?? [];
    const fromRequest = given.get(key)?.parents ?? [];
    return [...fromRequest.filter(({ type }) => types?.has(type) === true), ...stored];
  }
}

/**
 * Entities that a value refers to, in either JSON form. A record that only looks like a reference
 * does no harm: an entity too many changes no answer.
 */
function collectReferences(value: CedarValue | Values, found: EntityUid[]): void {
  if (typeof value !== 'object') return;
  if (!Array.isArray(value)) {
    const { type, id } = value as { type?: unknown; id?: unknown };
    if (typeof type === 'string' && typeof id === 'string') found.push({ type, id });
  }
  for (const inner of Object.values(value)) collectReferences(inner, found);
}
