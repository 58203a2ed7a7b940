/**
 * What values from outside must look like, and what is wrong with those that do not. This file has what
 * all shapes can do; kinds.ts has the kinds there are. It is what this program needs and no more: the
 * library that was here before took 100 ms of each start to load, and as much again to make the shapes.
 */

export interface Issue {
  readonly code: 'invalid_type' | 'invalid_value' | 'unrecognized_keys' | 'custom';
  /** Where in the value. */
  path: readonly PropertyKey[];
  /** Completes "`name` ...". */
  readonly message: string;
  /** Of `invalid_type`. */
  readonly expected: string;
  /** Of `invalid_value`: what is allowed. */
  readonly values: readonly unknown[];
  /** Of `unrecognized_keys`. */
  readonly keys: readonly string[];
  /** The value has not the form that further checks count on. */
  fatal: boolean;
}

export type Parsed<T> =
  | { readonly success: true; readonly data: T; readonly error?: never }
  | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } };

/** What JSON Schema can say of a shape, of the side of whoever writes it. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** How checks tell what they find. */
export interface Teller {
  addIssue(found: { readonly message: string; readonly path?: readonly PropertyKey[] }): void;
}

/** A message, or one with the place inside the value. */
type Told = string | { readonly error: string; readonly path?: readonly PropertyKey[] };

export type Reader = (value: unknown, issues: Issue[]) => unknown;
type Check = (value: never, issues: Issue[]) => void;

export type AnyShape = Shape<unknown>;
export type Output<S extends AnyShape> = S extends Shape<infer Out, infer _> ? Out : never;
export type Input<S extends AnyShape> = S extends Shape<infer _, infer In> ? In : never;

/** What a transform returns after it told an issue. */
export const NEVER = undefined as never;

/** Where nobody says it better. */
export const WRONG_FORM = 'has a form that is not allowed';

const NOTHING = { expected: '', values: [], keys: [], fatal: false } as const;

/** `Out` is what is read, `In` what is written. Shapes never change: each method makes another. */
export class Shape<Out, In = unknown> {
  declare readonly types: [Out, In];

  constructor(
    protected readonly reader: Reader,
    readonly json: JsonSchema = {},
    protected readonly checks: readonly Check[] = [],
  ) {}

  safeParse(value: unknown): Parsed<Out> {
    const issues: Issue[] = [];
    const data = this.read(value, issues) as Out;
    return issues.length === 0 ? { success: true, data } : { success: false, error: { issues } };
  }

  /** For what is known to fit. Throws. */
  parse(value: unknown): Out {
    const parsed = this.safeParse(value);
    if (parsed.success) return parsed.data;
    const [{ path, message }] = parsed.error.issues as [Issue];
    throw new Error(`\`${path.join('.')}\` ${message}`);
  }

  /** The value, if nothing was added to `issues`. A value in which nothing changes is not copied. */
  read(value: unknown, issues: Issue[]): unknown {
    const before = issues.length;
    const read = this.reader(value, issues);
    for (const check of this.checks) {
      for (let i = before; i < issues.length; i += 1) if (issues[i]?.fatal) return read;
      check(read as never, issues);
    }
    return read;
  }

  refine(holds: (value: Out) => boolean, told: Told = WRONG_FORM): this {
    const { error: message, path = [] } = typeof told === 'string' ? { error: told } : told;
    return this.checked((value: Out, issues) => {
      if (!holds(value)) issues.push({ ...NOTHING, code: 'custom', message, path });
    });
  }

  superRefine(check: (value: Out, teller: Teller) => void): this {
    return this.checked((value: Out, issues) => check(value, tellerOf(issues, false)));
  }

  transform<T>(to: (value: Out, teller: Teller) => T): Shape<T, In> {
    return new Shape((value, issues) => {
      const before = issues.length;
      const read = this.read(value, issues) as Out;
      if (issues.length === before) return to(read, tellerOf(issues, true));
      // What comes after counts on what it would have been turned into.
      for (const issue of issues.slice(before)) issue.fatal = true;
      return read;
    }, this.json);
  }

  optional(): Shape<Out | undefined, In | undefined> {
    return this.unless((value) => value === undefined);
  }

  nullable(): Shape<Out | null, In | null> {
    return this.unless((value) => value === null);
  }

  nullish(): Shape<Out | null | undefined, In | null | undefined> {
    return this.unless((value) => value === null || value === undefined);
  }

  default<T extends Out>(value: T): Shape<Out, In | undefined> {
    const json = { default: value, ...this.json };
    return new Shape(
      (given, issues) => (given === undefined ? value : this.read(given, issues)),
      json,
    );
  }

  /** A default as it is written, which is read like what is given. */
  prefault<T extends In>(value: T): Shape<Out, In | undefined> {
    return new Shape((given, issues) => this.read(given === undefined ? value : given, issues), {
      default: value,
      ...this.json,
    });
  }

  /** A check that JSON Schema has words for. */
  protected bounded(holds: (value: Out) => boolean, message: string, json: JsonSchema): this {
    return this.checked((value, issues) => {
      if (!holds(value)) issues.push({ ...NOTHING, code: 'custom', message, path: [] });
    }, json);
  }

  private checked(check: (value: Out, issues: Issue[]) => void, json?: JsonSchema): this {
    const copy = Object.create(Object.getPrototypeOf(this));
    const checks = [...this.checks, check as Check];
    return Object.assign(copy, this, { checks, json: { ...this.json, ...json } });
  }

  private unless(passes: (value: unknown) => boolean) {
    return new Shape<never, never>(
      (value, issues) => (passes(value) ? value : this.read(value, issues)),
      this.json,
    );
  }
}

function tellerOf(issues: Issue[], fatal: boolean): Teller {
  return {
    addIssue: ({ message, path = [] }) =>
      issues.push({ ...NOTHING, code: 'custom', message, path, fatal }),
  };
}

/** Nothing can be said of what is inside. */
export function wrongType(expected: string, issues: Issue[]): void {
  const message = `must be of type ${expected}`;
  issues.push({ ...NOTHING, code: 'invalid_type', expected, message, path: [], fatal: true });
}

/** One of `values` was wanted. */
export function wrongValue(values: readonly unknown[], issues: Issue[]): void {
  const message = `must be ${values.map((value) => `\`${value}\``).join(' or ')}`;
  issues.push({ ...NOTHING, code: 'invalid_value', values, message, path: [], fatal: true });
}

export function unknownKeys(keys: readonly string[], issues: Issue[]): void {
  const message = `has an unknown field \`${keys[0]}\``;
  issues.push({ ...NOTHING, code: 'unrecognized_keys', keys, message, path: [], fatal: true });
}

export function wrongForm(message: string): Issue {
  return { ...NOTHING, code: 'custom', message, path: [], fatal: true };
}
