/** Types of a schema with their common types written out, as far as we must look into them. */
import type { SchemaJson, Type } from '@cedar-policy/cedar-wasm/nodejs';
import { SCHEMA_DEPTH_MAX, SCHEMA_TYPES_MAX } from '../constants.js';

export type CedarType =
  | { readonly kind: 'string' | 'long' | 'boolean' }
  | { readonly kind: 'set'; readonly element: CedarType }
  | { readonly kind: 'record'; readonly fields: ReadonlyMap<string, Field> }
  | { readonly kind: 'entity'; readonly name: string }
  | { readonly kind: 'extension'; readonly name: string };

export interface Field {
  readonly type: CedarType;
  readonly required: boolean;
}

/** Thrown through the recursion and caught in parseSchema: the schema is refused as a whole. */
export class TypesTooLarge extends Error {
  override readonly name = 'TypesTooLarge';
}

export type CommonTypes = NonNullable<SchemaJson<string>[string]['commonTypes']>;
type JsonType = Type<string>;

const BUILTIN: ReadonlyMap<string, CedarType> = new Map<string, CedarType>([
  ['String', { kind: 'string' }],
  ['Long', { kind: 'long' }],
  ['Bool', { kind: 'boolean' }],
  ['Boolean', { kind: 'boolean' }],
]);

export class TypeReader {
  #typesLeft = SCHEMA_TYPES_MAX;

  constructor(private readonly commonTypes: CommonTypes) {}

  read(type: JsonType, depth = 0): CedarType {
    this.#typesLeft -= 1;
    if (this.#typesLeft < 0) {
      throw new TypesTooLarge(`the types written out are more than ${SCHEMA_TYPES_MAX}`);
    }
    if (depth > SCHEMA_DEPTH_MAX) {
      throw new TypesTooLarge(`types are nested more than ${SCHEMA_DEPTH_MAX} deep`);
    }
    if ('element' in type && type.type === 'Set') {
      return { kind: 'set', element: this.read(type.element as JsonType, depth + 1) };
    }
    if ('attributes' in type && type.type === 'Record') {
      return { kind: 'record', fields: this.#fields(type.attributes, depth + 1) };
    }
    if ('name' in type && typeof type.name === 'string') {
      if (type.type === 'Entity') return { kind: 'entity', name: type.name };
      return this.#named(type.name, depth);
    }
    return this.#named(type.type, depth);
  }

  #fields(attributes: unknown, depth: number): Map<string, Field> {
    const entries = Object.entries(attributes as Record<string, JsonType & { required?: boolean }>);
    return new Map(
      entries.map(([name, type]) => {
        return [name, { type: this.read(type, depth), required: type.required !== false }];
      }),
    );
  }

  /** A common type hides a built-in of the same name; `__cedar::` always means the built-in. */
  #named(name: string, depth: number): CedarType {
    if (Object.hasOwn(this.commonTypes, name)) {
      const common = this.commonTypes[name];
      if (common !== undefined) return this.read(common, depth + 1);
    }
    const plain = name.replace(/^__cedar::/, '');
    return BUILTIN.get(plain) ?? { kind: 'extension', name: plain };
  }
}

/** The type as Cedar writes it. */
export function typeText(type: CedarType): string {
  switch (type.kind) {
    case 'string':
      return 'String';
    case 'long':
      return 'Long';
    case 'boolean':
      return 'Bool';
    case 'set':
      return `Set<${typeText(type.element)}>`;
    case 'record':
      return 'a record';
    case 'entity':
    case 'extension':
      return type.name;
  }
}
