/** A schema as a flat list of what it declares: what a comparison of two schemas goes through. */
import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { engine } from './engine.js';
import { type CedarType, type Field, TypeReader } from './schema-types.js';

export interface SchemaOutline {
  readonly actions: ReadonlyMap<string, ActionOutline>;
  readonly entityTypes: ReadonlyMap<string, EntityTypeOutline>;
}

export interface ActionOutline {
  /** Every group it is in, directly or through another. */
  readonly groups: ReadonlySet<string>;
  readonly principals: readonly string[];
  readonly resources: readonly string[];
  /** `claims.tenant` -> `String?`; records written out. */
  readonly context: ReadonlyMap<string, string>;
}

export interface EntityTypeOutline {
  readonly parents: readonly string[];
  /** Name -> type, with `?` for optional ones. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly tags: string | undefined;
  readonly ids: readonly string[] | undefined;
}

type Definition = SchemaJson<string>[string];

/** Throws for a text that does not parse: schemas of a compiled program do. */
export function schemaOutline(schemaText: string): SchemaOutline {
  const answer = engine().run((api) => api.schemaToJsonWithResolvedTypes(schemaText));
  if (answer.type === 'failure') throw new Error('a schema does not parse again');
  const definition: Definition = answer.json[''] ?? { entityTypes: {}, actions: {} };
  const types = new TypeReader(definition.commonTypes ?? {});
  const parents = new Map(
    Object.entries(definition.actions).map(([name, { memberOf = [] }]) => {
      return [name, memberOf.map(({ id }) => id)];
    }),
  );
  const actions = Object.entries(definition.actions).map(([name, { appliesTo }]) => {
    const context = appliesTo?.context === undefined ? undefined : types.read(appliesTo.context);
    const outline: ActionOutline = {
      groups: ancestorsOf(name, parents),
      principals: [...(appliesTo?.principalTypes ?? [])].sort(),
      resources: [...(appliesTo?.resourceTypes ?? [])].sort(),
      context: context?.kind === 'record' ? flatten(context.fields) : new Map(),
    };
    return [name, outline] as const;
  });
  const entityTypes = Object.entries(definition.entityTypes).map(([name, declared]) => {
    const standard = 'enum' in declared ? undefined : declared;
    const shape = standard?.shape === undefined ? undefined : types.read(standard.shape);
    const outline: EntityTypeOutline = {
      parents: [...(standard?.memberOfTypes ?? [])].sort(),
      attributes: shape?.kind === 'record' ? flatten(shape.fields) : new Map(),
      tags: standard?.tags === undefined ? undefined : typeText(types.read(standard.tags)),
      ids: 'enum' in declared ? declared.enum : undefined,
    };
    return [name, outline] as const;
  });
  return { actions: new Map(actions), entityTypes: new Map(entityTypes) };
}

function ancestorsOf(
  name: string,
  parents: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  const found = new Set<string>();
  const rest = [...(parents.get(name) ?? [])];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    rest.push(...(parents.get(next) ?? []));
  }
  return found;
}

function flatten(fields: ReadonlyMap<string, Field>, prefix = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, { type, required }] of fields) {
    const path = `${prefix}${name}`;
    const mark = required ? '' : '?';
    if (type.kind !== 'record') {
      found.set(path, `${typeText(type)}${mark}`);
      continue;
    }
    found.set(path, `{}${mark}`);
    for (const [inner, text] of flatten(type.fields, `${path}.`)) found.set(inner, text);
  }
  return found;
}

function typeText(type: CedarType): string {
  switch (type.kind) {
    case 'string':
      return 'String';
    case 'long':
      return 'Long';
    case 'boolean':
      return 'Bool';
    case 'set':
      return `Set<${typeText(type.element)}>`;
    case 'record': {
      const fields = [...type.fields].map(([name, field]) => {
        return `${name}${field.required ? '' : '?'}: ${typeText(field.type)}`;
      });
      return `{${fields.join(', ')}}`;
    }
    case 'entity':
    case 'extension':
      return type.name;
  }
}
