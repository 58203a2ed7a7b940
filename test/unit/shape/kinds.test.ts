import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as shape from '../../../src/shape/kinds.js';

/** What is wrong, each as `path message`; empty = nothing. */
function faults(of: shape.Shape<unknown>, value: unknown): string[] {
  const parsed = of.safeParse(value);
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
}

const SHORT = shape.string().max(2, 'is long');

describe('a value is taken, and another refused, by', () => {
  it.each<[string, shape.Shape<unknown>, readonly unknown[], readonly unknown[]]>([
    ['string', shape.string(), ['', 'x'], [1, null, undefined, [], {}]],
    ['string.min', shape.string().min(1), ['x'], ['', 1]],
    ['string.max', shape.string().max(1), ['', 'x'], ['xy', 1]],
    ['string.regex', shape.string().regex(/^x$/), ['x'], ['y', 1]],
    ['boolean', shape.boolean(), [true, false], ['true', 0, null]],
    ['number', shape.number(), [0, -1.5], ['1', Number.NaN, Number.POSITIVE_INFINITY, null]],
    ['number.min and max', shape.number().min(0).max(1), [0, 0.5, 1], [-0.1, 1.1]],
    ['number.positive', shape.number().positive(), [0.1], [0, -1]],
    ['int', shape.int(), [0, -5, 2 ** 53 - 1], [0.5, 2 ** 53, '1', null]],
    ['literal', shape.literal('x'), ['x'], ['y', 1, undefined]],
    ['oneOf', shape.oneOf(['x', 'y']), ['x', 'y'], ['z', undefined, ['x'], '__proto__']],
    ['unknown', shape.unknown(), [undefined, null, 1, {}], []],
    ['optional', SHORT.optional(), [undefined, 'x'], [null, 'xyz']],
    ['nullable', SHORT.nullable(), [null, 'x'], [undefined, 'xyz']],
    ['nullish', SHORT.nullish(), [null, undefined, 'x'], ['xyz', 1]],
    ['array', shape.array(SHORT), [[], ['x']], [['xyz'], [1], {}, 'x', null, { length: 0 }]],
    ['array.min and max', shape.array(SHORT).min(1).max(2), [['x']], [[], ['x', 'y', 'z']]],
    ['record', shape.record(SHORT, shape.int()), [{}, { x: 1 }], [{ xyz: 1 }, { x: '' }, [], null]],
    ['strictObject', shape.strictObject({ a: SHORT }), [{ a: 'x' }], [{}, { a: 'x', b: 1 }, [], 1]],
    ['object', shape.object({ a: SHORT }), [{ a: 'x' }, { a: 'x', b: 1 }], [{}, { b: 1 }, null]],
    ['union', shape.union([SHORT, shape.int()]), ['x', 1], ['xyz', null, 0.5]],
    ['json', shape.json(), [null, 1, 'x', [{ a: [true] }]], [undefined, [() => 1], { a: 1n }]],
    [
      'datetime',
      shape.datetime(),
      ['2026-11-03T09:30:00Z', '2024-02-29T23:59:59.123Z', '2026-11-03T09:30Z'],
      [
        ...['2026-02-29T00:00:00Z', '2026-11-03', '2026-11-03T24:01:00Z', '2026-13-01T00:00:00Z'],
        ...['2026-11-03T09:30:00+01:00', '2026-11-03T09:30:00', 'x', '', 1],
      ],
    ],
    [
      'datetime with an offset',
      shape.datetime({ offset: true }),
      ['2026-11-03T09:30:00+01:00', '2026-11-03T09:30:00Z'],
      ['2026-11-03T09:30:00+24:00', '2026-11-03T09:30:00+1', '2026-11-03T09:30:00'],
    ],
  ])('%s', (_, of, taken, refused) => {
    for (const value of taken) expect(faults(of, value), JSON.stringify(value)).toEqual([]);
    for (const value of refused) expect(faults(of, value), String(value)).not.toEqual([]);
  });

  it('the field that tells objects apart', () => {
    const of = shape.discriminatedUnion('kind', {
      a: shape.strictObject({ kind: shape.literal('a'), x: shape.int() }),
      b: shape.strictObject({ kind: shape.literal('b') }),
    });
    expect(faults(of, { kind: 'a', x: 1 })).toEqual([]);
    expect(faults(of, { kind: 'b' })).toEqual([]);
    expect(faults(of, { kind: 'b', x: 1 })).toEqual([' has an unknown field `x`']);
    expect(faults(of, { kind: 'constructor' })).toEqual(['kind must be `a` or `b`']);
    expect(faults(of, {})).toEqual(['kind must be `a` or `b`']);
    expect(faults(of, 1)).toEqual([' must be of type object']);
  });
});

describe('what is told', () => {
  it('says where it is, and all of it', () => {
    const of = shape.strictObject({ a: shape.array(shape.strictObject({ b: SHORT })), c: SHORT });
    expect(faults(of, { a: [{ b: 'x' }, { b: 'xyz' }, {}], c: 1, d: 2 })).toEqual([
      'a.1.b is long',
      'a.2.b must be of type string',
      'c must be of type string',
      ' has an unknown field `d`',
    ]);
  });

  it('is every check that fails, unless the value has not the form that checks count on', () => {
    const of = shape.string().min(3, 'is short').regex(/^x/, 'is no x');
    expect(faults(of, 'y')).toEqual([' is short', ' is no x']);
    expect(faults(of, 1)).toEqual([' must be of type string']);
  });

  it('has a check of a whole after a detail is wrong, and none after its form is', () => {
    const of = shape.strictObject({ a: SHORT }).refine(() => false, { error: 'no', path: ['a'] });
    expect(faults(of, { a: 'xyz' })).toEqual(['a is long', 'a no']);
    expect(faults(of, { a: 1 })).toEqual(['a must be of type string']);
  });

  it('has nothing from what counts on a transform that was not made', () => {
    const of = SHORT.transform((text) => new Map([[text, 1]])).refine(({ size }) => size > 1, 'no');
    expect(faults(of, 'xyz')).toEqual([' is long']);
    expect(faults(of, 'x')).toEqual([' no']);
  });

  it('can come from checks and transforms themselves', () => {
    const told = shape.string().transform((text, { addIssue }) => {
      addIssue({ message: `is ${text}` });
      return shape.NEVER;
    });
    expect(faults(shape.array(told).min(2, 'is short'), ['x'])).toEqual(['0 is x']);
    const both = shape.array(shape.string()).superRefine((list, { addIssue }) => {
      for (const [i, message] of list.entries()) addIssue({ message, path: [i] });
    });
    expect(faults(both, ['a', 'b'])).toEqual(['0 a', '1 b']);
  });

  it('is of the one shape of a union that nearly fits', () => {
    const of = shape.union([SHORT, shape.int()], { error: 'must be short' });
    expect(faults(of, 'xyz')).toEqual([' is long']);
    expect(faults(of, null)).toEqual([' must be short']);
  });
});

describe('what is read', () => {
  it('is the value itself where nothing changes', () => {
    const of = shape.strictObject({ a: shape.array(shape.object({ b: shape.int().optional() })) });
    const value = { a: [{ b: 1 }, {}] };
    expect(of.parse(value)).toBe(value);
  });

  it('is a copy where something does, and the value stays as it was', () => {
    const upper = shape.string().transform((text) => text.toUpperCase());
    const of = shape.strictObject({ a: shape.array(upper), b: shape.int().default(7) });
    const value = Object.freeze({ a: Object.freeze(['x', 'Y', 'z']) });
    expect(of.parse(value)).toEqual({ a: ['X', 'Y', 'Z'], b: 7 });
    expect(value).toEqual({ a: ['x', 'Y', 'z'] });
  });

  it('has a default as it is read, or as it is written', () => {
    const length = shape.string().transform((text) => text.length);
    expect(length.default(5).parse(undefined)).toBe(5);
    expect(length.prefault('abc').parse(undefined)).toBe(3);
    expect(faults(length.default(5), null)).not.toEqual([]);
  });

  it('has not the fields that were not asked for', () => {
    expect(
      shape.object({ a: shape.int(), c: shape.int().optional() }).parse({ a: 1, b: 2 }),
    ).toEqual({ a: 1 });
  });

  it('takes names that JavaScript knows for names like any other', () => {
    const value = JSON.parse('{"__proto__": 1, "constructor": 2}');
    const read = shape.record(shape.string(), shape.int()).parse(value);
    expect(Object.entries(read)).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
    expect(faults(shape.strictObject({}), JSON.parse('{"__proto__": {}}'))).not.toEqual([]);
    // Nothing is inherited: a field that is not its own is not there.
    expect(faults(shape.object({ constructor: shape.unknown() }), {})).toEqual([]);
    expect(shape.object({ a: SHORT }).safeParse(Object.create({ a: 'x' })).success).toBe(false);
  });

  it('never throws, whatever the value', () => {
    const of = shape.strictObject({
      a: shape.array(shape.union([SHORT, shape.record(SHORT, shape.json())])).optional(),
      b: shape.datetime({ offset: true }).nullish(),
    });
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(() => of.safeParse(value)).not.toThrow();
        expect(() => of.safeParse({ a: [value], b: value })).not.toThrow();
      }),
    );
  });

  it('has the type that it is read with, and that it is written with', () => {
    const of = shape.strictObject({
      a: shape.string().transform((text) => text.length),
      b: shape.int().optional(),
      c: shape.boolean().default(true),
    });
    expectTypeOf<shape.Output<typeof of>>().toEqualTypeOf<{
      a: number;
      b?: number | undefined;
      c: boolean;
    }>();
    expectTypeOf<shape.Input<typeof of>>().toEqualTypeOf<{
      a: string;
      b?: number | undefined;
      c?: boolean | undefined;
    }>();
  });
});

describe('a shape', () => {
  it('can be extended, and is itself as it was', () => {
    const base = shape.strictObject({ a: shape.string(), b: shape.int() });
    const more = base.extend({ a: shape.int(), c: shape.int() });
    expect(more.parse({ a: 1, b: 2, c: 3 })).toEqual({ a: 1, b: 2, c: 3 });
    expect(faults(base, { a: 'x', b: 2 })).toEqual([]);
    const longer = SHORT.min(2, 'is short');
    expect([faults(SHORT, 'x'), faults(longer, 'x')]).toEqual([[], [' is short']]);
  });

  it('says where what is known to fit does not', () => {
    expect(() => shape.object({ a: SHORT }).parse({ a: 'xyz' })).toThrow('`a` is long');
  });
});
