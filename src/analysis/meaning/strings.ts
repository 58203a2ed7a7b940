/**
 * The exact partition of strings by patterns: which combinations of them a string can match, and a
 * shortest string for each.
 *
 * All patterns run side by side as one automaton: its state is the set of positions that are still
 * alive, so the states reached breadth first are those of the product of all patterns, and patterns
 * that are dead cost nothing. Characters that no pattern names are all alike: one stands for them.
 */

export const ANY_RUN = Symbol('any run');
export const ONE_PLAIN = Symbol('one character but /');
export const PLAIN_RUN = Symbol('any run without /');
export const MAYBE_SLASH = Symbol('/ or nothing');
/** A string is one character. */
export type Step =
  | string
  | typeof ANY_RUN
  | typeof ONE_PLAIN
  | typeof PLAIN_RUN
  | typeof MAYBE_SLASH;

export type Pattern = readonly Step[];

/** A rule on the whole string, run beside the patterns: paths that a sidecar would accept. */
export interface Guard {
  readonly start: number;
  /** Characters that allowed strings may need, whether a pattern names them or not. */
  readonly characters?: readonly string[];
  /** Undefined: no allowed string goes on like this. */
  readonly next: (state: number, character: string) => number | undefined;
  readonly accepts: (state: number) => boolean;
}

export interface StringClass {
  /** Indices of the patterns that match, ascending. */
  readonly matches: readonly number[];
  /** A shortest string of the class, or one character longer. */
  readonly witness: string;
}

export interface Partition {
  readonly classes: readonly StringClass[];
  /** False when the search was cut off: there may be more classes. */
  readonly complete: boolean;
}

export interface PartitionOptions {
  readonly guard?: Guard;
  /** Characters that no class needs, whatever the patterns name. */
  readonly without?: ReadonlySet<string>;
  /** Product states that are looked at. */
  readonly statesMax: number;
}

const ANYTHING: Guard = { start: 0, next: () => 0, accepts: () => true };
/** Candidates for the character that stands for all others, the most readable first. */
const FRESH = [...'xyzwvutsrqponmlkjihgfedcba0123456789XYZ', '\u00e9', '\u4e2d'];

export function literal(text: string): Pattern {
  return [...text];
}

interface State {
  readonly alive: readonly number[];
  readonly guard: number;
  readonly text: string;
}

export function partition(
  patterns: readonly Pattern[],
  { guard = ANYTHING, without = NONE, statesMax }: PartitionOptions,
): Partition {
  const machine = new Machine(patterns);
  const alphabet = alphabetOf(patterns, guard.characters ?? [], without);
  const classes = new Map<string, StringClass>();
  /** One character more where nobody minds: `/v1/x` reads better than `/v1/`. */
  const readable = ({ alive, guard: before, text }: State, key: string): string => {
    const [fresh = ''] = alphabet;
    const after = /[A-Za-z0-9]$/.test(text) ? undefined : guard.next(before, fresh);
    if (after === undefined || !guard.accepts(after)) return text;
    return machine.matches(machine.step(alive, fresh)).join() === key ? text + fresh : text;
  };
  const first = { alive: machine.start(), guard: guard.start, text: '' };
  const seen = new Set([keyOf(first.alive, first.guard)]);
  const queue: State[] = [first];
  for (let at = 0; at < queue.length; at += 1) {
    const state = queue[at] as State;
    if (guard.accepts(state.guard)) {
      const matches = machine.matches(state.alive);
      const key = matches.join();
      if (!classes.has(key)) classes.set(key, { matches, witness: readable(state, key) });
    }
    for (const character of alphabet) {
      const next = guard.next(state.guard, character);
      if (next === undefined) continue;
      const alive = machine.step(state.alive, character);
      const key = keyOf(alive, next);
      if (seen.has(key)) continue;
      if (seen.size >= statesMax) return { classes: [...classes.values()], complete: false };
      seen.add(key);
      queue.push({ alive, guard: next, text: state.text + character });
    }
  }
  return { classes: [...classes.values()], complete: true };
}

const NONE: ReadonlySet<string> = new Set();

function keyOf(alive: readonly number[], guard: number): string {
  return `${guard}:${alive.join()}`;
}

function alphabetOf(
  patterns: readonly Pattern[],
  needed: readonly string[],
  without: ReadonlySet<string>,
): string[] {
  const named = new Set<string>(needed);
  let plain = false;
  for (const step of patterns.flat()) {
    if (typeof step === 'string') named.add(step);
    else plain ||= step !== ANY_RUN;
  }
  if (plain) named.add('/');
  const fresh = FRESH.find((character) => !named.has(character)) ?? '\ue000';
  return [fresh, ...[...named].sort()].filter((character) => !without.has(character));
}

/** All patterns as one automaton: positions are numbered through. */
class Machine {
  readonly #steps: (Step | undefined)[] = [];
  readonly #pattern: number[] = [];
  readonly #starts: number[] = [];

  constructor(patterns: readonly Pattern[]) {
    patterns.forEach((pattern, index) => {
      this.#starts.push(this.#steps.length);
      // The end of a pattern is a position too: alive there means that it matches.
      for (const step of [...pattern, undefined]) {
        this.#steps.push(step);
        this.#pattern.push(index);
      }
    });
  }

  start(): number[] {
    return this.#closed(new Set(this.#starts));
  }

  step(alive: readonly number[], character: string): number[] {
    const next = new Set<number>();
    for (const position of alive) {
      const step = this.#steps[position];
      const plain = character !== '/';
      if (step === character || (step === ONE_PLAIN && plain)) next.add(position + 1);
      else if (step === MAYBE_SLASH && !plain) next.add(position + 1);
      else if (step === ANY_RUN || (step === PLAIN_RUN && plain)) next.add(position);
    }
    return this.#closed(next);
  }

  matches(alive: readonly number[]): number[] {
    const ends = alive.filter((position) => this.#steps[position] === undefined);
    return ends.map((position) => this.#pattern[position] as number);
  }

  /** A run may be empty: whoever is before it is behind it as well. Sorted, so that keys compare. */
  #closed(positions: Set<number>): number[] {
    for (const position of positions) {
      const step = this.#steps[position];
      const skippable = step === ANY_RUN || step === PLAIN_RUN || step === MAYBE_SLASH;
      if (skippable) positions.add(position + 1);
    }
    return [...positions].sort((a, b) => a - b);
  }
}

/** Whether a pattern matches, by the same automaton. */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  const machine = new Machine([pattern]);
  let alive = machine.start();
  for (const character of text) alive = machine.step(alive, character);
  return machine.matches(alive).length > 0;
}
