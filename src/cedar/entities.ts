/** entities.json and entities.<environment>.json: merged, checked by schema and against the ids. */
import { PROBLEMS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import { engine } from './engine.js';
import { plainMessage } from './engine-errors.js';
import { factsOf, ID_FORMS } from './entity-ids.js';
import { type LocatedEntity, plainFields, readEntities, uidKey, uidText } from './entity-source.js';
import { placeAt, type TextFile } from './position.js';
import type { ParsedSchema } from './schema.js';
import type { EntityData, EntityUid } from './types.js';

export interface EntitySources {
  /** entities.json, then that of the environment; either may be missing. */
  readonly files: readonly TextFile[];
  readonly schema: ParsedSchema;
  readonly schemaText: string;
}

export function parseEntities({ files, schema, schemaText }: EntitySources): Result<EntityData[]> {
  const problems: Problem[] = [];
  const merged = new Map<string, LocatedEntity>();
  for (const file of files) {
    const here = new Map<string, LocatedEntity>();
    for (const entity of readEntities(file, problems)) {
      checkEntity(entity, schema, problems);
      const twin = here.get(uidKey(entity.uid));
      if (twin !== undefined) problems.push(duplicate(entity, twin));
      here.set(uidKey(entity.uid), entity);
    }
    for (const [key, entity] of here) {
      const base = merged.get(key);
      merged.set(key, base === undefined ? entity : merge(base, entity, problems));
    }
  }
  problems.push(...detours(merged), ...cycles(merged));
  const entities = [...merged.values()].map(plainEntity);
  if (problems.length === 0) problems.push(...engineProblems(entities, merged, schemaText));
  return okUnless(problems.slice(0, PROBLEMS_MAX), () => entities);
}

function refused(entity: LocatedEntity, index: number, message: string, help?: string): Problem {
  const advice = help === undefined ? {} : { help };
  const place = placeAt(entity.source, index);
  return problem('entities_invalid', message, { ...place, ...advice });
}

function checkEntity(entity: LocatedEntity, schema: ParsedSchema, problems: Problem[]): void {
  const { uid, index } = entity;
  const add = (at: number, message: string, help?: string) => {
    problems.push(refused(entity, at, message, help));
  };
  const info = schema.entityTypes.get(uid.type);
  if (info === undefined) {
    const action = uid.type === 'Action' || uid.type.endsWith('::Action');
    const message = action
      ? 'actions are declared in the schema, not in entities.json'
      : `the schema declares no entity type \`${uid.type}\``;
    add(index, message);
    return;
  }
  if (info.ids !== undefined && !info.ids.has(uid.id)) {
    add(index, `\`${uidText(uid)}\` is none of the ids that the schema lists`);
  }
  const facts = factsOf(uid);
  if (facts === undefined) {
    add(index, `\`${uidText(uid)}\` is the id of no request`, ID_FORMS[uid.type]);
  }
  for (const [name, { index: at }] of entity.attrs) {
    if (!info.attributes.has(name)) {
      add(at, `the schema declares no attribute \`${name}\` of \`${uid.type}\``);
    } else if (facts?.attributes.has(name) === true) {
      add(at, `\`${name}\` follows from the id and cannot be set`);
    }
  }
  if (entity.tags.size > 0 && !info.tags)
    add(index, `the schema declares no tags of \`${uid.type}\``);
  for (const parent of entity.parents) {
    if (!info.parents.has(parent.uid.type)) {
      const message = `the schema declares no parents of type \`${parent.uid.type}\` for \`${uid.type}\``;
      add(parent.index, message);
      continue;
    }
    const wanted = facts?.parents.get(parent.uid.type);
    if (wanted !== undefined && wanted !== parent.uid.id) {
      add(parent.index, `the parent \`${uidText(parent.uid)}\` contradicts the id \`${uid.id}\``);
    } else if (factsOf(parent.uid) === undefined) {
      const message = `\`${uidText(parent.uid)}\` is the id of no request`;
      add(parent.index, message, ID_FORMS[parent.uid.type]);
    }
  }
}

function duplicate(entity: LocatedEntity, twin: LocatedEntity): Problem {
  const { line } = placeAt(twin.source, twin.index);
  const message = `\`${uidText(entity.uid)}\` appears twice, first in line ${line}`;
  return refused(entity, entity.index, message);
}

/** The environment's entry adds to the base's: it cannot change what the base says. */
function merge(base: LocatedEntity, other: LocatedEntity, problems: Problem[]): LocatedEntity {
  for (const kind of ['attrs', 'tags'] as const) {
    for (const [name, { index }] of other[kind]) {
      if (!base[kind].has(name)) continue;
      const what = kind === 'attrs' ? 'attribute' : 'tag';
      const message = `the ${what} \`${name}\` of \`${uidText(base.uid)}\` is in ${base.source.file} too`;
      problems.push(refused(other, index, message));
    }
  }
  const known = new Set(base.parents.map(({ uid }) => uidKey(uid)));
  const added = other.parents.filter(({ uid }) => !known.has(uidKey(uid)));
  return {
    ...base,
    parents: [...base.parents, ...added],
    attrs: new Map([...base.attrs, ...other.attrs]),
    tags: new Map([...base.tags, ...other.tags]),
  };
}

/** Parents that contradict an id by way of groups in between. */
function detours(entities: ReadonlyMap<string, LocatedEntity>): Problem[] {
  return [...entities.values()].flatMap((entity) => {
    const wanted = factsOf(entity.uid)?.parents ?? new Map<string, string>();
    const groups = (of: LocatedEntity) => of.parents.filter(({ uid }) => !wanted.has(uid.type));
    const rest = wanted.size === 0 ? [] : groups(entity);
    const seen = new Set<string>();
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      const key = uidKey(next.uid);
      const group = seen.has(key) ? undefined : entities.get(key);
      seen.add(key);
      if (group === undefined) continue;
      const wrong = group.parents.find(({ uid }) => (wanted.get(uid.type) ?? uid.id) !== uid.id);
      if (wrong !== undefined) {
        const message = `\`${uidText(entity.uid)}\` is in \`${uidText(wrong.uid)}\` by way of \`${uidText(next.uid)}\`, which contradicts its id`;
        return [refused(entity, entity.index, message)];
      }
      rest.push(...groups(group));
    }
    return [];
  });
}

/** Entities that are their own ancestors, found by taking away those without parents. */
function cycles(entities: ReadonlyMap<string, LocatedEntity>): Problem[] {
  const children = new Map<string, string[]>();
  const waiting = new Map<string, number>();
  for (const [key, { parents }] of entities) {
    const known = parents.map(({ uid }) => uidKey(uid)).filter((parent) => entities.has(parent));
    waiting.set(key, known.length);
    for (const parent of known) children.set(parent, [...(children.get(parent) ?? []), key]);
  }
  const free = [...waiting].filter(([, count]) => count === 0).map(([key]) => key);
  for (let next = free.pop(); next !== undefined; next = free.pop()) {
    waiting.delete(next);
    for (const child of children.get(next) ?? []) {
      const count = (waiting.get(child) ?? 0) - 1;
      waiting.set(child, count);
      if (count === 0) free.push(child);
    }
  }
  const entity = entities.get([...waiting.keys()][0] ?? '');
  if (entity === undefined) return [];
  const message = `\`${uidText(entity.uid)}\` is its own ancestor, or below one that is`;
  return [refused(entity, entity.index, message)];
}

function plainEntity({ uid, attrs, parents, tags }: LocatedEntity): EntityData {
  return {
    uid,
    attrs: plainFields(attrs),
    parents: parents.map((parent): EntityUid => parent.uid),
    ...(tags.size === 0 ? {} : { tags: plainFields(tags) }),
  };
}

/** The engine's own check: types of values, mostly. It names no place, so we ask one by one. */
function engineProblems(
  entities: readonly EntityData[],
  merged: ReadonlyMap<string, LocatedEntity>,
  schemaText: string,
): Problem[] {
  if (entities.length === 0) return [];
  return engine().run((api) => {
    const check = (list: readonly EntityData[]) => {
      const call = { entities: list as Parameters<typeof api.checkParseEntities>[0]['entities'] };
      const answer = api.checkParseEntities({ ...call, schema: schemaText });
      return answer.type === 'failure' ? plainMessage(answer.errors[0] ?? UNNAMED) : undefined;
    };
    const whole = check(entities);
    if (whole === undefined) return [];
    const culprit = firstFailing(entities, (list) => check(list) !== undefined);
    const entity = culprit && merged.get(uidKey(culprit.uid));
    const message = (culprit && check([culprit])) ?? whole;
    if (entity === undefined) return [problem('entities_invalid', message)];
    return [refused(entity, entity.index, message)];
  });
}

const UNNAMED = { message: 'the engine does not take the entities' };

/** By halves, so that a large file costs a few calls. Undefined when no single one fails alone. */
function firstFailing<T>(
  list: readonly T[],
  fails: (part: readonly T[]) => boolean,
): T | undefined {
  let part = list;
  while (part.length > 1) {
    const half = part.slice(0, part.length >> 1);
    part = fails(half) ? half : part.slice(part.length >> 1);
  }
  return fails(part) ? part[0] : undefined;
}
