/** google.protobuf.Struct as bytes: read from metadata of requests, written into answers. */
import { STRUCT_DEPTH_MAX } from '../constants.js';
import { Malformed, ProtoReader } from './proto-reader.js';
import { bytesField, doubleField, numberField, textField } from './proto-text.js';
import type { StructMessage, ValueMessage } from './wire-types.js';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

/** Throws `Malformed`, also on values nested deeper than STRUCT_DEPTH_MAX. */
export function decodeStruct(bytes: Buffer): StructMessage {
  return readStruct(new ProtoReader(bytes), 0);
}

function readStruct(reader: ProtoReader, depth: number): StructMessage {
  const fields: Record<string, ValueMessage> = Object.create(null);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (isField(tag, 1, BYTES)) readEntry(reader, fields, depth);
    else reader.skip(tag);
  }
  return { fields };
}

/** An absent key or value is an empty one; of two entries with one key the last counts. */
function readEntry(reader: ProtoReader, fields: Record<string, ValueMessage>, depth: number): void {
  const outer = reader.enter();
  let key = '';
  let value: ValueMessage = {};
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (isField(tag, 1, BYTES)) key = reader.text();
    else if (isField(tag, 2, BYTES)) value = readInner(reader, depth, readValue);
    else reader.skip(tag);
  }
  reader.leave(outer);
  fields[key] = value;
}

/** Of several kinds the last counts. */
function readValue(reader: ProtoReader, depth: number): ValueMessage {
  let value: ValueMessage = {};
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (isField(tag, 1, VARINT)) {
      reader.skip(tag);
      value = { kind: 'nullValue', nullValue: 0 };
    } else if (isField(tag, 2, FIXED64)) {
      value = { kind: 'numberValue', numberValue: reader.double() };
    } else if (isField(tag, 3, BYTES)) {
      value = { kind: 'stringValue', stringValue: reader.text() };
    } else if (isField(tag, 4, VARINT)) {
      value = { kind: 'boolValue', boolValue: reader.bool() };
    } else if (isField(tag, 5, BYTES)) {
      value = { kind: 'structValue', structValue: readInner(reader, depth, readStruct) };
    } else if (isField(tag, 6, BYTES)) {
      value = { kind: 'listValue', listValue: { values: readInner(reader, depth, readList) } };
    } else reader.skip(tag);
  }
  return value;
}

function readList(reader: ProtoReader, depth: number): ValueMessage[] {
  const values: ValueMessage[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (isField(tag, 1, BYTES)) values.push(readInner(reader, depth, readValue));
    else reader.skip(tag);
  }
  return values;
}

function readInner<T>(
  reader: ProtoReader,
  depth: number,
  read: (reader: ProtoReader, depth: number) => T,
): T {
  if (depth >= STRUCT_DEPTH_MAX) throw new Malformed('values are nested too deep');
  const outer = reader.enter();
  const value = read(reader, depth + 1);
  reader.leave(outer);
  return value;
}

/** Whether the tag is that of the field. Throws when its wire type is another than the field's. */
function isField(tag: number, number: number, type: number): boolean {
  if (tag >>> 3 !== number) return false;
  if ((tag & 7) !== type) throw new Malformed('a field has another wire type than it should');
  return true;
}

export function encodeStruct(message: StructMessage): Buffer {
  return Buffer.from(structText(message), 'latin1');
}

/** As text, a character for each byte. */
export function structText({ fields = {} }: StructMessage): string {
  const entries = Object.entries(fields).map(([key, value]) =>
    bytesField(1, textField(1, key) + bytesField(2, valueText(value))),
  );
  return entries.join('');
}

function valueText(value: ValueMessage): string {
  const { numberValue, stringValue, boolValue, structValue, listValue } = value;
  if (numberValue !== undefined) return doubleField(2, numberValue);
  if (stringValue !== undefined) return textField(3, stringValue);
  if (boolValue !== undefined) return numberField(4, boolValue ? 1 : 0);
  if (structValue !== undefined) return bytesField(5, structText(structValue));
  if (listValue === undefined) return numberField(1, 0);
  const values = (listValue.values ?? []).map((each) => bytesField(1, valueText(each)));
  return bytesField(6, values.join(''));
}
