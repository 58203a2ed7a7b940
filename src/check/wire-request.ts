/**
 * Bytes to what a CheckRequest says: the only file that knows how one is decoded. Only what is read
 * is decoded, by the numbers of proto/ (a test holds it against Envoy's own files). It never throws
 * on input, and it never hands out an object keyed by text of a client. (What it leaves out would take
 * 16 us a check, see proto-reader.ts.)
 */
import { HeaderFields } from './headers.js';
import { Malformed, ProtoReader } from './proto-reader.js';
import { decodeStruct } from './wire-struct.js';
import type { StructMessage } from './wire-types.js';

/** What was not sent is undefined, so that "not sent" and "sent empty" are told apart. */
export class CheckMessage {
  hasSource = false;
  /** Not there for the TCP network filter. */
  hasRequest = false;
  hasHttp = false;
  /** Address of the peer; undefined for pipes. */
  sourceAddress: string | undefined;
  sourcePrincipal: string | undefined;
  /** URL-encoded PEM. */
  sourceCertificate: string | undefined;
  destinationPrincipal: string | undefined;
  method: string | undefined;
  /** With the query. */
  path: string | undefined;
  /** Headers in map form; undefined when none came in this form. */
  headers: HeaderFields | undefined;
  /** Headers in raw form; undefined unless Envoy sends them so. */
  headerMap: HeaderFields | undefined;
  readonly contextExtensions = new Map<string, string>();
  readonly filterMetadata = new Map<string, StructMessage>();
}

/** Undefined when the bytes are no CheckRequest, or nest too deep. */
export function decodeCheckRequest(bytes: Uint8Array): CheckMessage | undefined {
  const message = new CheckMessage();
  try {
    readFields(new ProtoReader(asBuffer(bytes)), CHECK_REQUEST, message);
    return message;
  } catch {
    return undefined;
  }
}

/** What is done with a field; the reader stands at its bytes. */
type Take = (reader: ProtoReader, into: CheckMessage) => void;

/** By field number. All fields that are read are of wire type 2 (bytes). */
type Fields = readonly (Take | undefined)[];

function readFields(reader: ProtoReader, fields: Fields, into: CheckMessage): void {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const take = fields[tag >>> 3];
    if (take === undefined) reader.skip(tag);
    else if ((tag & 7) === 2) take(reader, into);
    else throw new Malformed('a field has another wire type than it should');
  }
}

/** Fields of a message inside; one that comes twice is united, as protobuf has it. */
function readInner(reader: ProtoReader, fields: Fields, into: CheckMessage): void {
  const outer = reader.enter();
  readFields(reader, fields, into);
  reader.leave(outer);
}

const inner =
  (fields: Fields): Take =>
  (reader, into) =>
    readInner(reader, fields, into);

function fieldsOf(takes: Readonly<Record<number, Take>>): Fields {
  const fields: (Take | undefined)[] = [];
  for (const [number, take] of Object.entries(takes)) fields[Number(number)] = take;
  // Without holes, so that every look is a fast one.
  return Array.from(fields);
}

/**
 * One header: an entry of a map, which has two fields, or a HeaderValue, whose third is `raw_value`;
 * with it `value` does not count.
 */
function header(reader: ProtoReader, into: HeaderFields, fieldCount: 2 | 3): void {
  const outer = reader.enter();
  let nameStart = 0;
  let nameEnd = 0;
  let valueStart = 0;
  let valueEnd = 0;
  let raw = false;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const number = tag >>> 3;
    if (number > fieldCount) {
      reader.skip(tag);
      continue;
    }
    if ((tag & 7) !== 2) throw new Malformed('a header has another wire type than it should');
    const end = reader.skipBytes();
    if (number === 1) {
      nameStart = reader.bytesStart;
      nameEnd = end;
    } else if (number === 3 || !raw) {
      valueStart = reader.bytesStart;
      valueEnd = end;
    }
    raw ||= number === 3;
  }
  reader.leave(outer);
  into.add(nameStart, nameEnd, valueStart, valueEnd);
}

/** One entry of a map: an absent key or value is an empty one. */
function entry<T>(reader: ProtoReader, read: (value: ProtoReader) => T): [string, T | undefined] {
  const outer = reader.enter();
  let key = '';
  let value: T | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 1 * 8 + 2) key = reader.text();
    else if (tag === 2 * 8 + 2) value = read(reader);
    else if (tag >>> 3 > 2) reader.skip(tag);
    else throw new Malformed('an entry of a map has another wire type than it should');
  }
  reader.leave(outer);
  return [key, value];
}

const SOCKET_ADDRESS = fieldsOf({
  2: (reader, into) => {
    into.sourceAddress = reader.text();
  },
});
const SOURCE = fieldsOf({
  1: inner(fieldsOf({ 1: inner(SOCKET_ADDRESS) })),
  4: (reader, into) => {
    into.sourcePrincipal = reader.text();
  },
  5: (reader, into) => {
    into.sourceCertificate = reader.text();
  },
});
const DESTINATION = fieldsOf({
  4: (reader, into) => {
    into.destinationPrincipal = reader.text();
  },
});
const HEADER_MAP = fieldsOf({
  1: (reader, into) => {
    header(reader, into.headerMap as HeaderFields, 3);
  },
});
const HTTP = fieldsOf({
  2: (reader, into) => {
    into.method = reader.text();
  },
  3: (reader, into) => {
    into.headers ??= new HeaderFields(reader.bytes);
    header(reader, into.headers, 2);
  },
  4: (reader, into) => {
    into.path = reader.text();
  },
  13: (reader, into) => {
    into.headerMap ??= new HeaderFields(reader.bytes);
    readInner(reader, HEADER_MAP, into);
  },
});
const REQUEST = fieldsOf({
  2: (reader, into) => {
    into.hasHttp = true;
    readInner(reader, HTTP, into);
  },
});
const METADATA = fieldsOf({
  1: (reader, into) => {
    const [name, struct] = entry(reader, (value) => decodeStruct(value.view()));
    into.filterMetadata.set(name, struct ?? {});
  },
});
const ATTRIBUTES = fieldsOf({
  1: (reader, into) => {
    into.hasSource = true;
    readInner(reader, SOURCE, into);
  },
  2: inner(DESTINATION),
  4: (reader, into) => {
    into.hasRequest = true;
    readInner(reader, REQUEST, into);
  },
  10: (reader, into) => {
    const [name, value] = entry(reader, (text) => text.text());
    into.contextExtensions.set(name, value ?? '');
  },
  11: inner(METADATA),
});
const CHECK_REQUEST = fieldsOf({ 1: inner(ATTRIBUTES) });

/** The decoder reads text from Buffers natively; from other arrays it would differ on bad UTF-8. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
