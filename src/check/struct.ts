/**
 * google.protobuf.Struct to plain data and back. Keys come from outside (claims of a token), so
 * plain data has no prototypes.
 */
import type { StructMessage, ValueMessage } from './wire-types.js';

/** JSON as a Struct carries it: every number is a double. */
export type StructValue =
  | null
  | number
  | string
  | boolean
  | readonly StructValue[]
  | { readonly [key: string]: StructValue };

/** What `toStruct` takes: fields that are undefined are left out. */
export interface StructInput {
  readonly [key: string]: StructValue | undefined;
}

/** Recursion is bounded: decoding refuses messages that nest deeper than STRUCT_DEPTH_MAX. */
export function fromStruct(struct: StructMessage): Record<string, StructValue> {
  const plain: Record<string, StructValue> = Object.create(null);
  for (const [key, value] of Object.entries(struct.fields ?? {})) plain[key] = fromValue(value);
  return plain;
}

function fromValue(value: ValueMessage): StructValue {
  switch (value.kind) {
    case 'numberValue':
      return value.numberValue ?? 0;
    case 'stringValue':
      return value.stringValue ?? '';
    case 'boolValue':
      return value.boolValue ?? false;
    case 'structValue':
      return fromStruct(value.structValue ?? {});
    case 'listValue':
      return (value.listValue?.values ?? []).map(fromValue);
    default:
      // `nullValue`, or no kind at all, which is malformed and means nothing.
      return null;
  }
}

export function toStruct(plain: StructInput): StructMessage {
  const fields: Record<string, ValueMessage> = Object.create(null);
  for (const [key, value] of Object.entries(plain)) {
    if (value !== undefined) fields[key] = toValue(value);
  }
  return { fields };
}

function toValue(value: StructValue): ValueMessage {
  if (value === null) return { nullValue: 0 };
  switch (typeof value) {
    case 'number':
      return { numberValue: value };
    case 'string':
      return { stringValue: value };
    case 'boolean':
      return { boolValue: value };
    default:
      return Array.isArray(value)
        ? { listValue: { values: value.map(toValue) } }
        : { structValue: toStruct(value as StructInput) };
  }
}
