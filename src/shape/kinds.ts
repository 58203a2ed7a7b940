/** The kinds of shapes: text, numbers, lists, objects, and one of several. Files import this one. */
import {
  type AnyShape,
  type Input,
  type Issue,
  type Output,
  type Reader,
  Shape,
  unknownKeys,
  WRONG_FORM,
  wrongForm,
  wrongType,
  wrongValue,
} from './shape.js';

export {
  type AnyShape,
  type Input,
  type Issue,
  type JsonSchema,
  NEVER,
  type Output,
  Shape,
} from './shape.js';

const ofType =
  (type: 'string' | 'number' | 'boolean'): Reader =>
  (value, issues) => {
    if (typeof value !== type) wrongType(type, issues);
    return value;
  };

class Text extends Shape<string, string> {
  min(least: number, told = `must have at least ${least} characters`): this {
    return this.bounded(({ length }) => length >= least, told, { minLength: least });
  }

  max(most: number, told = `must have at most ${most} characters`): this {
    return this.bounded(({ length }) => length <= most, told, { maxLength: most });
  }

  /** INVARIANT: `pattern` has no state (flags `g` and `y`). */
  regex(pattern: RegExp, told = `must match ${pattern}`): this {
    return this.bounded((text) => pattern.test(text), told, { pattern: pattern.source });
  }

  /** The same, where types say more than `string`. */
  typed<T extends string>(): Shape<T, T> {
    return this as unknown as Shape<T, T>;
  }
}

class Amount extends Shape<number, number> {
  min(least: number, told = `must be at least ${least}`): this {
    return this.bounded((n) => n >= least, told, { minimum: least });
  }

  max(most: number, told = `must be at most ${most}`): this {
    return this.bounded((n) => n <= most, told, { maximum: most });
  }

  positive(told = 'must be above 0'): this {
    return this.bounded((n) => n > 0, told, { exclusiveMinimum: 0 });
  }
}

class List<S extends AnyShape> extends Shape<Output<S>[], Input<S>[]> {
  min(least: number, told = `must have at least ${least}`): this {
    return this.bounded(({ length }) => length >= least, told, { minItems: least });
  }

  max(most: number, told = `must have at most ${most}`): this {
    return this.bounded(({ length }) => length <= most, told, { maxItems: most });
  }
}

export function string(): Text {
  return new Text(ofType('string'), { type: 'string' });
}

export function boolean(): Shape<boolean, boolean> {
  return new Shape(ofType('boolean'), { type: 'boolean' });
}

export function number(): Amount {
  return new Amount(
    (value, issues) => {
      if (typeof value !== 'number' || !Number.isFinite(value)) wrongType('number', issues);
      return value;
    },
    { type: 'number' },
  );
}

/** Within 2^53. */
export function int(): Amount {
  return new Amount(
    (value, issues) => {
      if (typeof value !== 'number') wrongType('number', issues);
      else if (!Number.isSafeInteger(value)) wrongType('int', issues);
      return value;
    },
    { type: 'integer' },
  );
}

export function literal<const T extends string | number | boolean>(wanted: T): Shape<T, T> {
  return new Shape(
    (value, issues) => {
      if (value !== wanted) wrongValue([wanted], issues);
      return value;
    },
    { type: typeof wanted, const: wanted },
  );
}

export function oneOf<const T extends string>(wanted: readonly T[]): Shape<T, T> {
  const known = new Set<unknown>(wanted);
  return new Shape(
    (value, issues) => {
      if (!known.has(value)) wrongValue(wanted, issues);
      return value;
    },
    { type: 'string', enum: wanted },
  );
}

export function unknown(): Shape<unknown> {
  return new Shape<unknown>((value) => value);
}

/** A time as RFC 3339 has it; with `offset` also in other zones than UTC. */
export function datetime({
  offset = false,
  error = 'must be a time in UTC',
} = {}): Shape<string, string> {
  return string().refine((text) => {
    const [, time = '', zone] =
      /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(.+)$/.exec(text) ?? [];
    const inUtc = new Date(`${time}Z`);
    // 30 February is read as 2 March.
    if (Number.isNaN(inUtc.getTime()) || !inUtc.toISOString().startsWith(time.slice(0, 16))) {
      return false;
    }
    return zone === 'Z' || (offset && /^[+-](?:[01]\d|2[0-3]):[0-5]\d$/.test(zone ?? ''));
  }, error);
}

export function array<S extends AnyShape>(item: S): List<S> {
  return new List<S>(
    (value, issues) => {
      if (!Array.isArray(value)) {
        wrongType('array', issues);
        return value;
      }
      let copy: unknown[] | undefined;
      for (let i = 0; i < value.length; i += 1) {
        const read = readInner(item, value[i], i, issues);
        if (copy === undefined && read !== value[i]) copy = value.slice(0, i);
        copy?.push(read);
      }
      return copy ?? value;
    },
    { type: 'array', items: item.json },
  );
}

/** A map with keys of any name; keys that `key` does not take are issues like any other. */
export function record<K extends Shape<string>, S extends AnyShape>(
  key: K,
  item: S,
): Shape<Record<string, Output<S>>, Record<string, Input<S>>> {
  return new Shape((value, issues) => {
    if (!isObject(value)) {
      wrongType('record', issues);
      return value;
    }
    // As fields of its own, whatever their names.
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => {
        readInner(key, name, name, issues);
        return [name, readInner(item, each, name, issues)] as const;
      }),
    );
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Fields = Readonly<Record<string, AnyShape>>;

type Optional<F extends Fields, Side extends 'in' | 'out'> = {
  [K in keyof F]: undefined extends SideOf<F[K], Side> ? K : never;
}[keyof F];
type SideOf<S extends AnyShape, Side> = Side extends 'in' ? Input<S> : Output<S>;
type Plain<T> = { [K in keyof T]: T[K] };
type ObjectOf<F extends Fields, Side extends 'in' | 'out'> = Plain<
  { [K in Exclude<keyof F, Optional<F, Side>>]: SideOf<F[K], Side> } & {
    [K in Optional<F, Side>]?: SideOf<F[K], Side>;
  }
>;

export class ObjectShape<F extends Fields> extends Shape<ObjectOf<F, 'out'>, ObjectOf<F, 'in'>> {
  constructor(
    readonly fields: F,
    readonly isStrict: boolean,
  ) {
    super(objectReader(fields, isStrict), { type: 'object' });
  }

  /** Further fields, or others in place of these. */
  extend<G extends Fields>(more: G): ObjectShape<Plain<Omit<F, keyof G> & G>> {
    const fields = { ...this.fields, ...more } as unknown as Plain<Omit<F, keyof G> & G>;
    return new ObjectShape(fields, this.isStrict);
  }
}

/** Other fields than these are an issue. */
export function strictObject<F extends Fields>(fields: F): ObjectShape<F> {
  return new ObjectShape(fields, true);
}

/** Other fields than these are not looked at, and left out. */
export function object<F extends Fields>(fields: F): ObjectShape<F> {
  return new ObjectShape(fields, false);
}

/** Loops by index and makes no lists: an index of ten thousand policies has half a million fields. */
function objectReader(fields: Fields, isStrict: boolean): Reader {
  const names = Object.keys(fields);
  const shapes = Object.values(fields);
  return (value, issues) => {
    if (!isObject(value)) {
      wrongType('object', issues);
      return value;
    }
    const given = value as Readonly<Record<string, unknown>>;
    let changed: Record<string, unknown> | undefined;
    let found = 0;
    for (let i = 0; i < names.length; i += 1) {
      const name = names[i] as string;
      const isGiven = Object.hasOwn(given, name);
      if (isGiven) found += 1;
      const field = isGiven ? given[name] : undefined;
      const read = readInner(shapes[i] as AnyShape, field, name, issues);
      if (read !== field) {
        changed ??= {};
        changed[name] = read;
      }
    }
    const others = found < countOf(given) ? othersThan(fields, given) : [];
    if (others.length > 0 && isStrict) unknownKeys(others, issues);
    if (changed === undefined && (isStrict || others.length === 0)) return given;
    const kept = Object.entries(given).filter(([name]) => Object.hasOwn(fields, name));
    return { ...Object.fromEntries(kept), ...changed };
  };
}

/** All of its keys, its own or not. */
function countOf(given: object): number {
  let count = 0;
  for (const _ in given) count += 1;
  return count;
}

function othersThan(fields: Fields, given: object): string[] {
  return Object.keys(given).filter((name) => !Object.hasOwn(fields, name));
}

/** The first that takes it. When just one would but for a detail, that detail is told. */
export function union<const T extends readonly AnyShape[]>(
  shapes: T,
  { error = WRONG_FORM } = {},
): Shape<Output<T[number]>, Input<T[number]>> {
  return new Shape(
    (value, issues) => {
      const near: Issue[][] = [];
      for (const shape of shapes) {
        const found: Issue[] = [];
        const read = shape.read(value, found);
        if (found.length === 0) return read;
        if (!found.some(({ fatal }) => fatal)) near.push(found);
      }
      const [only] = near;
      if (only !== undefined && near.length === 1) issues.push(...only);
      else issues.push(wrongForm(error));
      return value;
    },
    { anyOf: shapes.map(({ json }) => json) },
  );
}

/** One of several objects, which the field `name` tells apart. */
export function discriminatedUnion<
  const Name extends string,
  const T extends Readonly<Record<string, ObjectShape<Fields>>>,
>(name: Name, shapes: T): Shape<Output<T[keyof T]>, Input<T[keyof T]>> {
  return new Shape((value, issues) => {
    if (!isObject(value)) {
      wrongType('object', issues);
      return value;
    }
    const kind = (value as Readonly<Record<string, unknown>>)[name];
    const shape =
      typeof kind === 'string' && Object.hasOwn(shapes, kind) ? shapes[kind] : undefined;
    if (shape !== undefined) return shape.read(value, issues);
    readInner(oneOf(Object.keys(shapes)), kind, name, issues);
    return value;
  });
}

/** Any value that JSON has. */
export function json(): Shape<JsonData, JsonData> {
  const scalar = ['string', 'boolean'];
  const shape: Shape<JsonData, JsonData> = new Shape((value, issues) => {
    if (value === null || scalar.includes(typeof value) || Number.isFinite(value)) return value;
    if (Array.isArray(value)) return array(shape).read(value, issues);
    return isObject(value)
      ? record(string(), shape).read(value, issues)
      : wrongType('json', issues);
  });
  return shape;
}

export type JsonData = string | number | boolean | null | JsonData[] | { [key: string]: JsonData };

/** Of a value inside: what is found in it is found below `step`. */
function readInner(shape: AnyShape, value: unknown, step: PropertyKey, issues: Issue[]): unknown {
  const before = issues.length;
  const read = shape.read(value, issues);
  for (let i = before; i < issues.length; i += 1) {
    const issue = issues[i] as Issue;
    issue.path = [step, ...issue.path];
  }
  return read;
}
