/**
 * Our proto files and Envoy's official ones side by side: what they declare, random messages of
 * either, and the part of a message that both know.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  loadSync,
  type MessageTypeDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import fc from 'fast-check';

const OPTIONS = {
  keepCase: true,
  longs: Number,
  enums: Number,
  defaults: false,
  arrays: false,
  objects: false,
  oneofs: false,
};
const ENTRY = 'envoy/service/auth/v3/external_auth.proto';
const require = createRequire(import.meta.url);
const deps = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps');
const officialDirs = ['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'];

export interface FieldDescriptor {
  readonly name: string;
  readonly number: number;
  readonly label: string;
  readonly type: string;
  /** As written, relative to the message. */
  readonly typeName: string;
}

export interface MessageDescriptor {
  readonly field: readonly FieldDescriptor[];
  readonly nestedType: readonly (MessageDescriptor & { readonly name: string })[];
  readonly enumType: readonly (EnumDescriptor & { readonly name: string })[];
  readonly options: { readonly mapEntry?: boolean } | null;
}

export interface EnumDescriptor {
  readonly value: readonly { readonly name: string; readonly number: number }[];
}

/** A plain object as the loader gives or takes it. */
export type Plain = Record<string, unknown>;

export class Descriptors {
  readonly messages = new Map<string, MessageDescriptor>();
  readonly enums = new Map<string, EnumDescriptor>();
  readonly #package: PackageDefinition;

  constructor(...includeDirs: string[]) {
    this.#package = loadSync(ENTRY, { ...OPTIONS, includeDirs });
    for (const [name, definition] of Object.entries(this.#package)) {
      if (!('type' in definition)) continue;
      if ('value' in definition.type) this.enums.set(name, definition.type as EnumDescriptor);
      else this.#add(name, definition.type as MessageDescriptor);
    }
  }

  encode(name: string, message: object): Buffer {
    return (this.#package[name] as MessageTypeDefinition<object, Plain>).serialize(message);
  }

  decode(name: string, bytes: Buffer): Plain {
    return (this.#package[name] as MessageTypeDefinition<object, Plain>).deserialize(bytes);
  }

  service(name: string): ServiceDefinition {
    return this.#package[name] as ServiceDefinition;
  }

  message(name: string): MessageDescriptor {
    const found = this.messages.get(name);
    if (found === undefined) throw new Error(`no message ${name}`);
    return found;
  }

  /** The full name of what a field of `scope` refers to, by protobuf's rule: innermost first. */
  resolve(scope: string, typeName: string): string {
    const parts = scope.split('.');
    for (let length = parts.length; length >= 0; length -= 1) {
      const name = [...parts.slice(0, length), typeName].join('.');
      if (this.messages.has(name) || this.enums.has(name)) return name;
    }
    throw new Error(`no type ${typeName} in ${scope}`);
  }

  #add(name: string, message: MessageDescriptor): void {
    this.messages.set(name, message);
    for (const nested of message.nestedType) this.#add(`${name}.${nested.name}`, nested);
    for (const nested of message.enumType) this.enums.set(`${name}.${nested.name}`, nested);
  }
}

export const ours = new Descriptors(fileURLToPath(new URL('../../../proto/', import.meta.url)));
export const official = new Descriptors(...officialDirs.map((dir) => join(deps, dir)));

/** Messages nested deeper than this are left out of random ones. */
const DEPTH_MAX = 7;
const AWKWARD_KEYS = ['', '__proto__', 'constructor', 'hasOwnProperty', 'toString', ':path', '0'];

/** Random messages; `all` fills every field. */
export function messages(
  from: Descriptors,
  name: string,
  all: boolean,
  depth = 0,
): fc.Arbitrary<Plain> {
  const arbitraries: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of from.message(name).field) {
    const arbitrary = fieldValues(from, name, field, all, depth);
    if (arbitrary !== undefined) arbitraries[field.name] = arbitrary;
  }
  // Of the fields of a google.protobuf.Value exactly one is set.
  if (name === 'google.protobuf.Value') {
    const kinds = Object.entries(arbitraries).map(([key, value]) => fc.record({ [key]: value }));
    return fc.oneof(...kinds);
  }
  return fc.record(arbitraries, all ? {} : { requiredKeys: [] }) as fc.Arbitrary<Plain>;
}

function fieldValues(
  from: Descriptors,
  scope: string,
  field: FieldDescriptor,
  all: boolean,
  depth: number,
): fc.Arbitrary<unknown> | undefined {
  const length = { minLength: all ? 1 : 0, maxLength: 3 };
  const entry = mapEntry(from, scope, field);
  if (entry !== undefined) {
    const [, valueField] = from.message(entry).field as [FieldDescriptor, FieldDescriptor];
    const values = fieldValues(from, entry, valueField, all, depth + 1);
    const keys = fc.oneof(fc.constantFrom(...AWKWARD_KEYS), text());
    return values && fc.array(fc.tuple(keys, values), length).map(objectOf);
  }
  const single = singleValues(from, scope, field, all, depth);
  return field.label === 'LABEL_REPEATED' ? single && fc.array(single, length) : single;
}

function singleValues(
  from: Descriptors,
  scope: string,
  field: FieldDescriptor,
  all: boolean,
  depth: number,
): fc.Arbitrary<unknown> | undefined {
  switch (field.type) {
    case 'TYPE_STRING':
      return text();
    case 'TYPE_BYTES':
      return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes));
    case 'TYPE_BOOL':
      return fc.boolean();
    case 'TYPE_DOUBLE':
      return fc.double();
    case 'TYPE_INT64':
      return fc.maxSafeInteger();
    case 'TYPE_INT32':
      return fc.integer();
    case 'TYPE_UINT32':
      return fc.nat();
    case 'TYPE_ENUM': {
      const { value } = from.enums.get(from.resolve(scope, field.typeName)) as EnumDescriptor;
      return fc.constantFrom(...value.map(({ number }) => number));
    }
    case 'TYPE_MESSAGE':
      return depth >= DEPTH_MAX
        ? undefined
        : messages(from, from.resolve(scope, field.typeName), all, depth + 1);
    default:
      throw new Error(`no values for ${field.type} of ${scope}.${field.name}`);
  }
}

function text(): fc.Arbitrary<string> {
  return fc.string({ unit: 'binary', maxLength: 6 });
}

/** The part of a decoded message that our files know; maps as Map, whatever held them. */
export function ourPart(message: unknown, name: string): Plain {
  const part: Plain = {};
  for (const field of ours.message(name).field) {
    const value = (message as Plain)[field.name];
    if (value !== undefined) part[field.name] = ourFieldPart(value, name, field);
  }
  return part;
}

function ourFieldPart(value: unknown, scope: string, field: FieldDescriptor): unknown {
  const entry = mapEntry(ours, scope, field);
  if (entry !== undefined) {
    const entries = value instanceof Map ? [...value] : Object.entries(value as Plain);
    const [, valueField] = ours.message(entry).field as [FieldDescriptor, FieldDescriptor];
    return new Map(entries.map(([key, item]) => [key, ourFieldPart(item, entry, valueField)]));
  }
  if (field.type !== 'TYPE_MESSAGE') return value;
  const name = ours.resolve(scope, field.typeName);
  return Array.isArray(value) ? value.map((item) => ourPart(item, name)) : ourPart(value, name);
}

function mapEntry(from: Descriptors, scope: string, field: FieldDescriptor): string | undefined {
  if (field.type !== 'TYPE_MESSAGE') return undefined;
  const name = from.resolve(scope, field.typeName);
  return from.message(name).options?.mapEntry === true ? name : undefined;
}

/** An object with exactly these own keys, `__proto__` included. */
function objectOf(entries: readonly (readonly [string, unknown])[]): Plain {
  const object: Plain = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return object;
}
