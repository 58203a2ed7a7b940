/**
 * Which entities go along with a request. Each costs the engine tens of microseconds, so only those
 * whose attributes, tags or ancestors a policy can reach are sent: the caller, the resource, what
 * conditions name, and what these refer to; and of each only what a policy can read. Ancestors are
 * written into the entity itself (`in` looks nowhere else), so they need not be sent for their own
 * sake.
 */
import { uidKey } from './entity-source.js';
import type { UnitedReads } from './policy-reads.js';
import type { CedarProgram, CedarRequest, CedarValue, EntityData, EntityUid } from './types.js';

type Values = Readonly<Record<string, CedarValue>>;

/** An entity by its key, as a request or the store knows it. */
type ByKey = ReadonlyMap<string, EntityData>;

export class EntityStore {
  readonly #schema: CedarProgram['schema'];
  readonly #stored: ByKey;

  constructor({ schema, entities }: Pick<CedarProgram, 'schema' | 'entities'>) {
    this.#schema = schema;
    this.#stored = new Map(entities.map((entity) => [uidKey(entity.uid), entity]));
  }

  /** What is known of the entities of one request. */
  about(request: CedarRequest): RequestEntities {
    return new RequestEntities(request, this.#schema, this.#stored);
  }
}

export class RequestEntities {
  readonly #request: CedarRequest;
  readonly #schema: CedarProgram['schema'];
  readonly #stored: ByKey;
  readonly #given: ByKey;
  /** Ancestors that were found, by the key of whose they are. */
  readonly #found = new Map<string, ReadonlyMap<string, EntityUid>>();

  constructor(request: CedarRequest, schema: CedarProgram['schema'], stored: ByKey) {
    this.#request = request;
    this.#schema = schema;
    this.#stored = stored;
    this.#given = entitiesOf(request);
  }

  /** Keys of the entity and of all that it is in, itself first. */
  memberships({ uid }: EntityData): string[] {
    const key = uidKey(uid);
    return [key, ...this.#ancestors(uid, key).keys()];
  }

  /** Those that the engine needs, when policies can read this much. */
  toSend(reads: UnitedReads): EntityData[] {
    const sent: EntityData[] = [];
    const seen = new Set<string>();
    const { principal, resource } = this.#request;
    const rest: EntityUid[] = [principal.uid, resource.uid, ...reads.entities];
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      const key = uidKey(next);
      if (seen.has(key)) continue;
      seen.add(key);
      const entity = this.#entity(next, key, reads);
      // Without data an entity is the same to Cedar as one that is not there.
      if (entity === undefined) continue;
      sent.push(entity);
      collectReferences(entity.attrs, rest);
      if (entity.tags !== undefined) collectReferences(entity.tags, rest);
    }
    return sent;
  }

  #entity(uid: EntityUid, key: string, reads: UnitedReads): EntityData | undefined {
    const fromRequest = this.#given.get(key);
    const stored = this.#stored.get(key);
    const parents: EntityUid[] = [];
    for (const [ancestor, parent] of this.#ancestors(uid, key)) {
      if (reads.ancestors?.has(ancestor) ?? true) parents.push(parent);
    }
    const attrs: Record<string, CedarValue> = Object.create(null);
    let empty = parents.length === 0;
    const take = (values: Values | undefined, declared?: ReadonlySet<string>) => {
      for (const name in values) {
        if (!reads.attributes.has(name) || declared?.has(name) === false) continue;
        attrs[name] = values[name] as CedarValue;
        empty = false;
      }
    };
    take(stored?.attrs);
    // What the request says of it counts as far as the schema declares it, and wins.
    take(fromRequest?.attrs, this.#schema.attributes.get(uid.type) ?? NOTHING);
    const tags = reads.tags ? { ...stored?.tags, ...fromRequest?.tags } : {};
    const tagged = Object.keys(tags).length > 0;
    if (empty && !tagged) return undefined;
    return tagged ? { uid, attrs, parents, tags } : { uid, attrs, parents };
  }

  /** All of them by key, through parents that the request names and those in the store. */
  #ancestors(uid: EntityUid, key: string): ReadonlyMap<string, EntityUid> {
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const found = new Map<string, EntityUid>();
    const rest = this.#parents(uid, key);
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      const nextKey = uidKey(next);
      if (nextKey === key || found.has(nextKey)) continue;
      found.set(nextKey, next);
      rest.push(...this.#parents(next, nextKey));
    }
    this.#found.set(key, found);
    return found;
  }

  #parents(uid: EntityUid, key: string): EntityUid[] {
    const types = this.#schema.parents.get(uid.type);
    const parents = [...(this.#stored.get(key)?.parents ?? [])];
    for (const parent of this.#given.get(key)?.parents ?? []) {
      if (types?.has(parent.type) === true) parents.push(parent);
    }
    return parents;
  }
}

const NOTHING: ReadonlySet<string> = new Set();

function entitiesOf({ principal, resource, ancestors }: CedarRequest): ByKey {
  const given = new Map<string, EntityData>();
  given.set(uidKey(principal.uid), principal);
  given.set(uidKey(resource.uid), resource);
  for (const entity of ancestors) given.set(uidKey(entity.uid), entity);
  return given;
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
