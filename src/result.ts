/** The answer of a parser of untrusted input: a value, or every problem found. Throwing is for bugs. */
import type { Problem } from './errors.js';

export type Result<T> = Ok<T> | Failed;

export interface Ok<T> {
  readonly ok: true;
  readonly value: T;
}

export interface Failed {
  readonly ok: false;
  /** At least one; the first is the one that `/status` and the change log show. */
  readonly problems: readonly [Problem, ...Problem[]];
}

export function ok<T>(value: T): Ok<T> {
  return { ok: true, value };
}

export function failed(first: Problem, ...rest: Problem[]): Failed {
  return { ok: false, problems: [first, ...rest] };
}

/** Everything in `problems`, or the value when there is none. */
export function okUnless<T>(problems: readonly Problem[], value: () => T): Result<T> {
  const [first, ...rest] = problems;
  return first === undefined ? ok(value()) : failed(first, ...rest);
}
