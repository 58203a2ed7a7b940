import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Malformed } from '../../../src/check/proto-reader.js';
import { fromStruct, type StructValue, toStruct } from '../../../src/check/struct.js';
import {
  authorizationService,
  type CheckResponseMessage,
  encodeCheckResponse,
  type StructMessage,
} from '../../../src/check/wire.js';
import { CheckMessage, decodeCheckRequest } from '../../../src/check/wire-request.js';
import { decodeStruct } from '../../../src/check/wire-struct.js';
import { STRUCT_DEPTH_MAX } from '../../../src/constants.js';
import { messages, official, ourPart, ours, type Plain } from './descriptors.js';
import { bothReadings } from './readings.js';

const REQUEST = 'envoy.service.auth.v3.CheckRequest';
const RESPONSE = 'envoy.service.auth.v3.CheckResponse';
/** Newer than the official descriptors at hand (Envoy 1.37). */
const NEWER_FIELDS = new Set([`${RESPONSE}.error_response`]);

describe('every declaration of ours', () => {
  const own = [...ours.messages].filter(([name]) => !name.startsWith('google.protobuf.'));
  const fields = own.flatMap(([name, { field }]) =>
    field.map((f) => [`${name}.${f.name}`, name, f] as const),
  );

  it.each(fields)('%s is as in the official file', (path, name, field) => {
    const theirs = official.messages.get(name)?.field.find((f) => f.name === field.name);
    if (NEWER_FIELDS.has(path)) return expect(theirs).toBeUndefined();
    expect(theirs).toMatchObject({ number: field.number, type: field.type, label: field.label });
    if (field.typeName !== '') {
      const type = official.resolve(name, theirs?.typeName as string);
      expect(type).toBe(ours.resolve(name, field.typeName));
    }
  });

  it.each([...ours.enums])('%s has the official numbers', (name, { value }) => {
    expect(official.enums.get(name)?.value).toEqual(
      expect.arrayContaining(
        value.map((v) => expect.objectContaining({ name: v.name, number: v.number })),
      ),
    );
  });

  it('covers more than a few fields', () => {
    expect(fields.length).toBeGreaterThan(40);
  });

  it('the service has the official path', () => {
    const { Check } = official.service('envoy.service.auth.v3.Authorization');
    const { path, requestStream, responseStream } = authorizationService.Check;
    expect(Check).toMatchObject({ path, requestStream, responseStream });
  });
});

describe('a request that the official encoder made', () => {
  it.each([
    ['with every field filled, most of them unknown to us', true],
    ['with any fields', false],
  ])('decodes to the same, %s', (_, all) => {
    fc.assert(
      fc.property(messages(official, REQUEST, all), (message) => {
        const bytes = official.encode(REQUEST, message);
        const { ours: found, theirs } = bothReadings(bytes);
        expect(found).toEqual(theirs);
      }),
      { numRuns: 200 },
    );
  });

  it('decodes the same from a Uint8Array that is no Buffer', () => {
    fc.assert(
      fc.property(messages(official, REQUEST, false), (message) => {
        const bytes = official.encode(REQUEST, message);
        // In the middle of a larger array, as slices of a network buffer are.
        const larger = new Uint8Array([1, 2, ...bytes, 3]);
        const slice = larger.subarray(2, 2 + bytes.length);
        expect(contents(decodeCheckRequest(slice))).toEqual(contents(decodeCheckRequest(bytes)));
      }),
      { numRuns: 50 },
    );
  });

  it('tells what was not sent from what was sent empty', () => {
    expect(decodeCheckRequest(Buffer.alloc(0))).toEqual(new CheckMessage());
    const http = { method: '', path: '/' };
    const bytes = official.encode(REQUEST, { attributes: { request: { http }, source: {} } });
    expect(decodeCheckRequest(bytes)).toMatchObject({
      hasSource: true,
      hasRequest: true,
      hasHttp: true,
      method: '',
      path: '/',
      sourcePrincipal: undefined,
      headers: undefined,
      headerMap: undefined,
    });
  });

  it('unites the parts of a message that comes in two', () => {
    const first = official.encode(REQUEST, {
      attributes: { source: { principal: 'a' }, request: { http: { method: 'GET' } } },
    });
    const second = official.encode(REQUEST, {
      attributes: { source: { certificate: 'c' }, request: { http: { path: '/' } } },
    });
    expect(decodeCheckRequest(Buffer.concat([first, second]))).toMatchObject({
      sourcePrincipal: 'a',
      sourceCertificate: 'c',
      method: 'GET',
      path: '/',
    });
  });
});

describe('a request that our own files encode', () => {
  it('decodes to the same with the official decoder', () => {
    fc.assert(
      fc.property(messages(ours, REQUEST, false), (message) => {
        const bytes = ours.encode(REQUEST, message);
        expect(ourPart(official.decode(REQUEST, bytes), REQUEST)).toEqual(
          ourPart(ours.decode(REQUEST, bytes), REQUEST),
        );
      }),
      { numRuns: 100 },
    );
  });
});

describe('an answer of ours', () => {
  const headers = fc.array(
    fc.record({
      header: fc.record({ key: fc.string(), value: fc.string() }),
      append: fc.constant({ value: false as const }),
    }),
    { minLength: 1 },
  );
  const refusal = fc.record({
    status: fc.record({ code: fc.constantFrom(400 as const, 403 as const, 503 as const) }),
    headers,
    body: fc.string(),
  });
  const kinds = {
    ok_response: fc.record({ response_headers_to_add: headers }),
    denied_response: refusal,
    error_response: refusal,
  };
  const common = {
    status: fc.record({ code: fc.nat(), message: fc.string() }),
    dynamic_metadata: fc.dictionary(fc.string(), fc.jsonValue()),
  };

  it.each(Object.keys(kinds) as (keyof typeof kinds)[])(
    'with %s decodes to the same with the official decoder',
    (kind) => {
      const answers = fc.record({ ...common, [kind]: kinds[kind] }) as fc.Arbitrary<Plain>;
      fc.assert(
        fc.property(answers, (answer) => {
          const plain = answer.dynamic_metadata as Record<string, StructValue>;
          const message = { ...answer, dynamic_metadata: toStruct(plain) };
          const bytes = encodeCheckResponse(message as unknown as CheckResponseMessage);
          const { dynamic_metadata, ...rest } = official.decode(RESPONSE, bytes);
          const { dynamic_metadata: _, error_response, ...expected } = answer;
          // An older Envoy does not know error_response, and sees the status alone.
          expect(rest).toEqual(expected);
          expect(ours.decode(RESPONSE, bytes).error_response).toEqual(error_response);
          // Read back by our own reader, through the wire.
          expect(officialStruct(dynamic_metadata)).toEqual(officialStruct(toStruct(plain)));
        }),
        { numRuns: 100 },
      );
    },
  );

  it('sends append: false explicitly', () => {
    const bytes = encodeCheckResponse({
      status: { code: 0 },
      dynamic_metadata: toStruct({}),
      ok_response: {
        response_headers_to_add: [{ header: { key: 'x', value: 'y' }, append: { value: false } }],
      },
    });
    const { ok_response } = official.decode(RESPONSE, bytes) as {
      ok_response: { response_headers_to_add: Plain[] };
    };
    expect(ok_response.response_headers_to_add[0]?.append).toEqual({ value: false });
  });
});

/** A Struct as plain data, by a reader that is not ours: kinds told by the field that is there. */
function officialStruct(struct: unknown): Map<string, unknown> {
  const { fields = {} } = struct as StructMessage;
  return new Map(Object.entries(fields).map(([key, value]) => [key, officialValue(value)]));
}

function officialValue(value: object): unknown {
  const [[kind, held] = ['nullValue', null]] = Object.entries(value);
  if (kind === 'structValue') return officialStruct(held);
  if (kind === 'listValue')
    return ((held as Plain).values as object[] | undefined)?.map(officialValue) ?? [];
  return kind === 'nullValue' ? null : held;
}

describe('names that JavaScript knows', () => {
  const NAMES = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf'];

  it.each(NAMES)('%s is a key like any other in every map', (name) => {
    const pair = Buffer.concat([field(1, name), field(2, 'evil')]);
    const struct = field(1, Buffer.concat([field(1, name), field(2, field(3, 'evil'))]));
    const metadata = field(1, Buffer.concat([field(1, name), field(2, struct)]));
    const attributes = Buffer.concat([
      field(4, field(2, field(3, pair))),
      field(10, pair),
      field(11, metadata),
    ]);
    const decoded = decodeCheckRequest(field(1, attributes));
    expect(decoded?.headers?.values(name).map(String)).toEqual(['evil']);
    expect([...(decoded?.contextExtensions ?? [])]).toEqual([[name, 'evil']]);
    const held = decoded?.filterMetadata.get(name);
    const plain = fromStruct(held ?? {});
    expect(Object.entries(plain)).toEqual([[name, 'evil']]);
    expect(Object.getPrototypeOf(plain)).toBeNull();
    expect(({} as Plain).evil).toBeUndefined();
    expect(typeof {}.toString).toBe('function');
  });

  it.each(NAMES)('%s is not there when it was not sent', (name) => {
    const http = { headers: { a: 'b' } };
    const bytes = official.encode(REQUEST, {
      attributes: { request: { http }, context_extensions: { a: 'b' } },
    });
    const decoded = decodeCheckRequest(bytes);
    expect(decoded?.headers?.values(name)).toEqual([]);
    expect(decoded?.contextExtensions.get(name)).toBeUndefined();
  });
});

describe('bytes that nobody should send', () => {
  it('never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => decodeCheckRequest(bytes)).not.toThrow();
      }),
      { numRuns: 2_000 },
    );
  });

  it('never throw when a real message is cut or changed', () => {
    const change = fc.record({ at: fc.nat(), to: fc.nat(255), cut: fc.boolean() });
    fc.assert(
      fc.property(messages(official, REQUEST, false), change, (message, { at, to, cut }) => {
        const bytes = official.encode(REQUEST, message);
        if (bytes.length === 0) return;
        const where = at % bytes.length;
        bytes[where] = to;
        const sent = cut ? bytes.subarray(0, where) : bytes;
        expect(() => decodeCheckRequest(sent)).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a field that ends too early', Buffer.from([0x0a, 0x05, 0x01])],
    ['a tag without a value', Buffer.from([0x0a])],
    ['a wire type that does not exist', Buffer.from([0x17, 0x00])],
    ['a group that is not closed', Buffer.from([0x0b])],
    ['a varint without an end', Buffer.alloc(11, 0xff)],
    [
      'a number of a field without an end',
      Buffer.concat([Buffer.from([0x08]), Buffer.alloc(11, 0xff)]),
    ],
    ['a length without an end', Buffer.concat([Buffer.from([0x12]), Buffer.alloc(6, 0xff)])],
    ['a length of more than 32 bits', Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ['the field number 0', Buffer.from([0x02, 0x00])],
    ['64 bits that are cut', Buffer.from([0x11, 1, 2, 3])],
    ['32 bits that are cut', Buffer.from([0x15, 1])],
    ['a group that another one closes', Buffer.from([0x1b, 0x24])],
    ['the end of a group that did not begin', Buffer.from([0x1c])],
    ['groups nested too deep', Buffer.alloc(20_000, 0x1b)],
    ['attributes as a number', Buffer.from([0x08, 0x01])],
    ['a header as a number', field(1, field(4, field(2, Buffer.from([0x18, 0x01]))))],
    [
      'the name of a header as a number',
      field(1, field(4, field(2, field(3, Buffer.from([0x08, 0x01]))))),
    ],
    ['the key of an extension as a number', field(1, field(10, Buffer.from([0x08, 0x01])))],
  ])('are undecodable: %s', (_, bytes) => {
    expect(decodeCheckRequest(bytes)).toBeUndefined();
  });

  it('are undecodable when they nest too deep', () => {
    // Lists in lists: Value.list_value = 6, ListValue.values = 1.
    let value = field(3, 'deep');
    for (let depth = 0; depth < 10_000; depth += 1) value = field(6, field(1, value));
    const struct = field(1, Buffer.concat([field(1, 'k'), field(2, value)]));
    const metadata = field(1, Buffer.concat([field(1, 'ns'), field(2, struct)]));
    expect(decodeCheckRequest(field(1, field(11, metadata)))).toBeUndefined();
  });

  it(`take metadata that nests ${STRUCT_DEPTH_MAX} messages, as the generated decoder does`, () => {
    const nested = (messages: number) => {
      // A list in a list is two messages: ListValue and Value.
      let value = field(3, 'deep');
      for (let depth = 1; depth + 2 <= messages; depth += 2) value = field(6, field(1, value));
      if (messages % 2 === 0) value = field(6, Buffer.alloc(0));
      for (let depth = 2; messages % 2 === 0 && depth + 2 <= messages; depth += 2) {
        value = field(6, field(1, value));
      }
      return field(1, Buffer.concat([field(1, 'k'), field(2, value)]));
    };
    for (const messages of [1, 2, STRUCT_DEPTH_MAX - 1, STRUCT_DEPTH_MAX]) {
      expect(() => decodeStruct(nested(messages)), `${messages}`).not.toThrow();
      expect(() => official.decode('google.protobuf.Struct', nested(messages))).not.toThrow();
    }
    for (const messages of [STRUCT_DEPTH_MAX + 1, STRUCT_DEPTH_MAX + 2]) {
      expect(() => decodeStruct(nested(messages)), `${messages}`).toThrow(Malformed);
      expect(() => official.decode('google.protobuf.Struct', nested(messages))).toThrow();
    }
  });

  it.each([
    ['fields', Buffer.from([0x08, 0x01])],
    ['the key of a field', field(1, Buffer.from([0x08, 0x01]))],
    ['the value of a field', field(1, Buffer.from([0x10, 0x01]))],
    ['null', field(1, field(2, field(1, '')))],
    ['a number', field(1, field(2, field(2, '')))],
    ['a text', field(1, field(2, Buffer.from([0x18, 0x01])))],
    ['a truth', field(1, field(2, field(4, '')))],
    ['a struct', field(1, field(2, Buffer.from([0x28, 0x01])))],
    ['a list', field(1, field(2, Buffer.from([0x30, 0x01])))],
    ['an element', field(1, field(2, field(6, Buffer.from([0x08, 0x01]))))],
  ])('are no Struct when another wire type stands for %s', (_, bytes) => {
    expect(() => decodeStruct(bytes)).toThrow(Malformed);
  });

  it('read the last of two kinds of one value, and no value as an empty one', () => {
    const entry = (value: Buffer) => field(1, Buffer.concat([field(1, 'k'), value]));
    const twice = entry(field(2, Buffer.concat([field(3, 'text'), Buffer.from([0x20, 0x01])])));
    expect(fromStruct(decodeStruct(twice)).k).toBe(true);
    expect(fromStruct(decodeStruct(entry(Buffer.alloc(0)))).k).toBeNull();
  });

  it('decode with a replacement character where text is no UTF-8', () => {
    const http = Buffer.concat([
      field(2, 'GET'),
      field(3, Buffer.concat([field(1, Buffer.from([0xff])), field(2, Buffer.from([0xc0]))])),
      field(4, Buffer.from([0x2f, 0xff, 0xed, 0xa0, 0x80])),
    ]);
    const decoded = decodeCheckRequest(field(1, field(4, field(2, http))));
    expect(decoded?.path).toMatch(/^\/\ufffd+$/);
    expect(decoded?.headers?.size).toBe(1);
  });

  it('read no raw value from a header in map form', () => {
    const pair = Buffer.concat([field(1, 'x'), field(2, 'map'), field(3, 'raw')]);
    const http = Buffer.concat([field(3, pair), field(13, field(1, pair))]);
    const decoded = decodeCheckRequest(field(1, field(4, field(2, http))));
    expect(decoded?.headers?.values('x').map(String)).toEqual(['map']);
    expect(decoded?.headerMap?.values('x').map(String)).toEqual(['raw']);
  });

  it('keep the bytes of raw header values', () => {
    const raw = Buffer.from([0xff, 0x00, 0xfe]);
    const header_map = { headers: [{ key: 'x', raw_value: raw }, { key: 'empty' }] };
    const bytes = official.encode(REQUEST, { attributes: { request: { http: { header_map } } } });
    const decoded = decodeCheckRequest(bytes)?.headerMap;
    expect(decoded?.values('x')).toEqual([raw]);
    expect(decoded?.values('empty').map(String)).toEqual(['']);
  });

  it('decode with ten thousand headers', () => {
    const headers = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`h${i}`, 'v']));
    const bytes = official.encode(REQUEST, { attributes: { request: { http: { headers } } } });
    expect(decodeCheckRequest(bytes)?.headers?.size).toBe(10_000);
  });

  it('decode with fields of every wire type that nobody knows', () => {
    const unknown = Buffer.concat([
      Buffer.from([0xc0, 0x3e, 0x01]), // field 1000, varint
      Buffer.from([0xc1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8]), // 64 bits
      Buffer.from([0xc2, 0x3e, 0x01, 0x00]), // bytes
      Buffer.from([0xc3, 0x3e, 0xc4, 0x3e]), // a group
      Buffer.from([0xc5, 0x3e, 1, 2, 3, 4]), // 32 bits
    ]);
    const http = Buffer.concat([unknown, field(2, 'GET'), unknown]);
    const attributes = Buffer.concat([field(4, field(2, http)), unknown]);
    const decoded = decodeCheckRequest(Buffer.concat([unknown, field(1, attributes)]));
    const only = { hasRequest: true, hasHttp: true, method: 'GET' };
    expect(decoded).toEqual(Object.assign(new CheckMessage(), only));
  });
});

/** Headers stand where they stood, and that differs: they are compared by what they say. */
function contents(decoded: CheckMessage | undefined): object {
  const { headers, headerMap, ...rest } = decoded as CheckMessage;
  const asked = ['', ':path', '__proto__', 'constructor', 'toString', '0'];
  const values = (fields: CheckMessage['headers']) =>
    fields && [fields.size, ...asked.map((name) => fields.values(name).map(String))];
  return { ...rest, headers: values(headers), headerMap: values(headerMap) };
}

/** A length-delimited field by hand, for what no encoder would write. */
function field(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
