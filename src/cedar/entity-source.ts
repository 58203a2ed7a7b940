/** One entities file to entities, each value still with its place. */
import { type Problem, problem } from '../errors.js';
import { type JsonNode, parseJsonSource } from './json-source.js';
import { placeAt, type TextFile } from './position.js';
import type { CedarValue, EntityUid } from './types.js';

export interface LocatedUid {
  readonly uid: EntityUid;
  readonly index: number;
}

export interface LocatedEntity {
  readonly source: TextFile;
  readonly uid: EntityUid;
  readonly index: number;
  readonly parents: readonly LocatedUid[];
  readonly attrs: ReadonlyMap<string, JsonNode>;
  readonly tags: ReadonlyMap<string, JsonNode>;
}

/** One word for an entity in maps; `"` is in no type name. */
export function uidKey({ type, id }: EntityUid): string {
  return `${type}"${id}`;
}

export function uidText({ type, id }: EntityUid): string {
  return `${type}::${JSON.stringify(id)}`;
}

export function readEntities(source: TextFile, problems: Problem[]): LocatedEntity[] {
  const parsed = parseJsonSource(source);
  if (!parsed.ok) {
    problems.push(...parsed.problems);
    return [];
  }
  const refuse = (node: JsonNode, message: string) => {
    problems.push(problem('entities_invalid', message, placeAt(source, node.index)));
    return undefined;
  };
  if (!Array.isArray(parsed.value.value)) {
    refuse(parsed.value, 'expected a list of entities');
    return [];
  }
  return (parsed.value.value as readonly JsonNode[]).flatMap((node) => {
    return readEntity(source, node, refuse) ?? [];
  });
}

type Refuse = (node: JsonNode, message: string) => undefined;

const FIELDS: ReadonlySet<string> = new Set(['uid', 'attrs', 'parents', 'tags']);

function readEntity(source: TextFile, node: JsonNode, refuse: Refuse): LocatedEntity | undefined {
  const fields = objectOf(node);
  if (fields === undefined) return refuse(node, 'an entity is an object with uid, attrs, parents');
  for (const [name, value] of fields) {
    if (!FIELDS.has(name)) refuse(value, `an entity has no field \`${name}\``);
  }
  const uidNode = fields.get('uid');
  const uid = uidNode && readUid(uidNode);
  if (uid === undefined) return refuse(uidNode ?? node, `\`uid\` must be ${UID_FORM}`);
  const parents: LocatedUid[] = [];
  const parentsNode = fields.get('parents');
  const list = parentsNode === undefined ? [] : parentsNode.value;
  if (!Array.isArray(list)) return refuse(parentsNode ?? node, '`parents` must be a list');
  for (const element of list as readonly JsonNode[]) {
    const parent = readUid(element);
    if (parent === undefined) refuse(element, `a parent must be ${UID_FORM}`);
    else parents.push({ uid: parent, index: element.index });
  }
  const attrs = readFields(fields, 'attrs', refuse);
  const tags = readFields(fields, 'tags', refuse);
  return { source, uid, index: uidNode?.index ?? node.index, parents, attrs, tags };
}

const UID_FORM = '`{"type": ..., "id": ...}`, both text';

function readFields(
  fields: ReadonlyMap<string, JsonNode>,
  name: string,
  refuse: Refuse,
): ReadonlyMap<string, JsonNode> {
  const node = fields.get(name);
  const found = node === undefined ? new Map<string, JsonNode>() : objectOf(node);
  if (node !== undefined && found === undefined) refuse(node, `\`${name}\` must be an object`);
  return found ?? new Map();
}

/** `{type, id}`, or the same in `{__entity: ...}`. */
function readUid(node: JsonNode): EntityUid | undefined {
  const fields = objectOf(node);
  const inner = fields?.get('__entity');
  if (inner !== undefined) return fields?.size === 1 ? readUid(inner) : undefined;
  const type = fields?.get('type')?.value;
  const id = fields?.get('id')?.value;
  if (typeof type !== 'string' || typeof id !== 'string' || fields?.size !== 2) return undefined;
  return { type, id };
}

function objectOf(node: JsonNode): ReadonlyMap<string, JsonNode> | undefined {
  return node.value instanceof Map ? node.value : undefined;
}

/** The plain value, for the engine. `null` stays: the engine refuses it with a message. */
export function plainValue(node: JsonNode): CedarValue {
  const { value } = node;
  if (Array.isArray(value)) return (value as readonly JsonNode[]).map(plainValue);
  if (value instanceof Map) return plainFields(value as ReadonlyMap<string, JsonNode>);
  return value as CedarValue;
}

/** Own properties only, whatever the names: `__proto__` is a name like any other here. */
export function plainFields(fields: ReadonlyMap<string, JsonNode>): Record<string, CedarValue> {
  return Object.fromEntries([...fields].map(([name, node]) => [name, plainValue(node)]));
}
