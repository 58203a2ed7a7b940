import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromStruct, type StructValue, toStruct } from '../../../src/check/struct.js';
import type { StructMessage } from '../../../src/check/wire.js';
import { official } from './descriptors.js';

/** Through the official encoder and a decoder that fills `kind`, as a message of Envoy comes. */
function overWire(struct: StructMessage): StructMessage {
  const decoded = official.decode('google.protobuf.Struct', encode(struct)) as StructMessage;
  return withKinds(decoded) as StructMessage;
}

function encode(struct: StructMessage): Buffer {
  return official.encode('google.protobuf.Struct', struct);
}

const KINDS = ['nullValue', 'numberValue', 'stringValue', 'boolValue', 'structValue', 'listValue'];

function withKinds(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withKinds);
  const entries = Object.entries(value).map(([key, item]) => [key, withKinds(item)] as const);
  const copy = Object.create(null);
  for (const [key, item] of entries) copy[key] = item;
  const kind = entries.find(([key]) => KINDS.includes(key))?.[0];
  if (kind !== undefined) copy.kind = kind;
  return copy;
}

describe('a Struct', () => {
  it('gives back over the wire what was put in', () => {
    const names = fc.string().filter((name) => !KINDS.includes(name));
    const { value } = fc.letrec<{ value: StructValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constant(null),
        fc.boolean(),
        fc.double(),
        fc.string({ unit: 'binary' }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(names, tie('value'), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(names, value), (plain) => {
        expect(bare(fromStruct(overWire(toStruct(plain))))).toEqual(bare(plain));
      }),
    );
  });

  it('leaves out what is undefined', () => {
    expect(toStruct({ a: 'x', b: undefined })).toEqual({ fields: { a: { stringValue: 'x' } } });
  });

  it('without fields is empty, and has no prototype', () => {
    const plain = fromStruct({});
    expect(Object.keys(plain)).toEqual([]);
    expect(Object.getPrototypeOf(plain)).toBeNull();
    expect(plain.constructor).toBeUndefined();
  });

  it.each([
    [{}, null],
    [{ kind: 'nullValue', nullValue: 0 }, null],
    [{ kind: 'numberValue' }, 0],
    [{ kind: 'stringValue' }, ''],
    [{ kind: 'boolValue' }, false],
    [{ kind: 'listValue' }, []],
    [{ kind: 'listValue', listValue: {} }, []],
  ] as const)('with the value %j reads %j', (value, expected) => {
    expect(fromStruct({ fields: { k: value } }).k).toEqual(expected);
  });

  it('reads nested structs without prototypes', () => {
    const inner = { fields: { x: { kind: 'numberValue', numberValue: 1 } } } as const;
    const { k } = fromStruct({ fields: { k: { kind: 'structValue', structValue: inner } } });
    expect(Object.getPrototypeOf(k)).toBeNull();
    expect(bare(k)).toEqual(new Map([['x', 1]]));
  });
});

/** Objects as Maps, so that prototypes do not matter and `__proto__` is a key. */
function bare(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(bare);
  return new Map(Object.entries(value).map(([key, item]) => [key, bare(item)]));
}
