/**
 * Values to try of one field: one for every way in which its atoms can come out, or a few of them
 * where that cannot be told.
 */
import { DIFF_STATES_MAX, DIFF_SUBSETS_MAX } from '../../constants.js';
import { addressClasses } from './addresses.js';
import { type Atom, type Limit, SHARED_TEXT } from './atoms.js';
import type { Plain } from './operands.js';
import { literal, matchesPattern, type Pattern, partition } from './strings.js';

/** `after`: an expiry this many milliseconds after the time of the request. */
export type FieldValue = Plain | readonly Plain[] | { readonly after: number };

export interface TriedValue {
  /** Undefined: the field is not there. */
  readonly value: FieldValue | undefined;
  /** What is true of it, in Cedar's words or plain ones. */
  readonly truths: ReadonlySet<string>;
}

export interface TriedValues {
  readonly values: readonly TriedValue[];
  /** False when the values may not cover everything that the atoms can tell apart. */
  readonly complete: boolean;
}

export type FieldType =
  | { readonly kind: 'string' | 'long' | 'boolean' | 'record' | 'address' | 'time' | 'expiry' }
  /** `fillable`: an empty one is not the same as none. */
  | {
      readonly kind: 'set';
      readonly element: 'string' | 'long' | 'boolean';
      readonly fillable: boolean;
    };

/** 2026-01-01T00:00:00Z, for questions in which no policy looks at the clock: reports stay equal. */
export const QUESTION_TIME_MS = Date.UTC(2026, 0, 1);
const SECOND_MS = 1000;
/** Text and number that no atom names. */
const OTHERS = ['other', 'another', 'anything', 'something'];

export function valuesToTry(name: string, type: FieldType, atoms: readonly Atom[]): TriedValues {
  switch (type.kind) {
    case 'string':
      return texts(name, atoms);
    case 'long':
      return exactly(aroundLimits(`context.${name}`, atoms, 1, 0));
    case 'boolean':
      return exactly(
        [true, false].map((value) => ({ value, truths: truth(`context.${name}`, value) })),
      );
    case 'record':
      return exactly([{ value: [], truths: new Set() }]);
    case 'address':
      return exactly(addresses(atoms));
    case 'time':
      return exactly(aroundLimits(`context.${name}`, atoms, 1, QUESTION_TIME_MS));
    case 'expiry':
      return expiries(name, atoms);
    case 'set':
      return subsets(name, type, atoms);
  }
}

function exactly(values: readonly TriedValue[]): TriedValues {
  return { values, complete: true };
}

function truth(text: string, value: boolean): ReadonlySet<string> {
  return new Set([value ? text : `!${text}`]);
}

function texts(name: string, atoms: readonly Atom[]): TriedValues {
  const tests = atoms.flatMap((atom): { text: string; pattern: Pattern }[] => {
    const pattern = textPattern(atom);
    if (pattern === undefined) return [];
    // A comparison of two fields depends on both: what can be said here is which text this one has.
    const text = atom.kind === 'beside' ? `context.${name} == "${SHARED_TEXT}"` : atom.text;
    return [{ text, pattern }];
  });
  const patterns = tests.map(({ pattern }) => pattern);
  const { classes, complete } = partition(patterns, { statesMax: DIFF_STATES_MAX });
  const values = classes.map(({ matches, witness }) => ({
    value: readable(witness, matches, patterns),
    truths: new Set(matches.map((index) => tests[index]?.text ?? '')),
  }));
  return { values, complete };
}

/** The pattern that an atom on a text stands for. */
export function textPattern(atom: Atom): Pattern | undefined {
  if (atom.kind === 'like') return atom.pattern;
  if (atom.kind === 'beside') return literal(SHARED_TEXT);
  if (atom.kind === 'equals' && typeof atom.value === 'string') return literal(atom.value);
  return undefined;
}

/** A word where any text will do: easier to see in a report than `x` or nothing. */
function readable(
  witness: string,
  matches: readonly number[],
  patterns: readonly Pattern[],
): string {
  if (witness.length > 1) return witness;
  const same = (text: string) =>
    patterns.every((pattern, index) => {
      return matchesPattern(pattern, text) === matches.includes(index);
    });
  return OTHERS.find(same) ?? witness;
}

/** A value in every part that the limits make; `base` where there is no limit. */
function aroundLimits(
  field: string,
  atoms: readonly Atom[],
  step: number,
  base: number,
): TriedValue[] {
  const limits = limitsOf(atoms);
  const candidates = [0, -step, step].flatMap((beside) => {
    return limits.map(({ value }) => value + beside);
  });
  if (candidates.length === 0) candidates.push(base);
  const found = new Map<string, { value: number; truths: ReadonlySet<string> }>();
  for (const value of candidates) {
    if (!Number.isSafeInteger(value)) continue;
    const truths = new Set(limits.flatMap((limit) => comparison(field, value, limit) ?? []));
    const key = [...truths].join();
    if (!found.has(key)) found.set(key, { value, truths });
  }
  return [...found.values()].sort((x, y) => x.value - y.value);
}

function limitsOf(atoms: readonly Atom[]): Limit[] {
  return atoms.flatMap((atom) => (atom.kind === 'limit' ? [atom] : []));
}

/** What is true of the value, and of all in its part. */
function comparison(field: string, value: number, { value: limit, written, by }: Limit) {
  if (by === '==') return value === limit ? `${field} == ${written}` : undefined;
  if (by === '<') return `${field} ${value < limit ? '<' : '>='} ${written}`;
  return `${field} ${value <= limit ? '<=' : '>'} ${written}`;
}

function addresses(atoms: readonly Atom[]): TriedValue[] {
  const tests = atoms.flatMap((atom) => (atom.kind === 'range' ? [atom] : []));
  return addressClasses(tests.map(({ range }) => range)).map(({ address, inside }) => ({
    value: address,
    truths: new Set([...inside].map((index) => tests[index]?.text ?? '')),
  }));
}

/** Tokens carry seconds, so an expiry can only be tried a second beside a limit. */
function expiries(name: string, atoms: readonly Atom[]): TriedValues {
  const field = `context.${name}`;
  const beside = atoms.some(({ kind }) => kind === 'beside');
  const hasLimits = limitsOf(atoms).length > 0;
  const base = QUESTION_TIME_MS + SECOND_MS;
  const absolute = hasLimits || !beside ? aroundLimits(field, atoms, SECOND_MS, base) : [];
  if (!beside) return exactly(absolute);
  const relative = [
    { value: { after: -SECOND_MS }, truths: new Set([`${field} < context.time`]) },
    { value: { after: 0 }, truths: new Set([`${field} == context.time`]) },
    { value: { after: SECOND_MS }, truths: new Set([`${field} > context.time`]) },
  ];
  return { values: [...relative, ...absolute], complete: !hasLimits };
}

function subsets(
  name: string,
  { element, fillable }: Extract<FieldType, { kind: 'set' }>,
  atoms: readonly Atom[],
): TriedValues {
  const elements = new Map<Plain, string>();
  for (const atom of atoms) if (atom.kind === 'contains') elements.set(atom.value, atom.text);
  const all = [...elements.keys()];
  const few = all.length <= DIFF_SUBSETS_MAX;
  const chosen = few ? powerSet(all) : [[], ...all.map((each) => [each]), all, ...allButOne(all)];
  const other = otherElement(element, elements);
  const withOther = other === undefined ? [] : chosen.map((subset) => [...subset, other]);
  const values = [...chosen, ...withOther]
    .filter((subset) => fillable || subset.length > 0)
    .map((subset) => {
      const truths = new Set(subset.flatMap((each) => elements.get(each) ?? []));
      if (subset.length === 0) truths.add(`context.${name}.isEmpty()`);
      if (other !== undefined && subset.includes(other)) {
        truths.add(`context.${name} has an element that no policy names`);
      }
      return { value: subset, truths };
    });
  return { values, complete: few };
}

function powerSet(all: readonly Plain[]): Plain[][] {
  let sets: Plain[][] = [[]];
  for (const element of all) sets = sets.concat(sets.map((set) => [...set, element]));
  return sets;
}

function allButOne(all: readonly Plain[]): Plain[][] {
  return all.map((left) => all.filter((element) => element !== left));
}

function otherElement(
  element: 'string' | 'long' | 'boolean',
  known: ReadonlyMap<Plain, string>,
): Plain | undefined {
  if (element === 'boolean') return [true, false].find((value) => !known.has(value));
  if (element === 'string') return OTHERS.find((text) => !known.has(text)) ?? '';
  let number = 0;
  while (known.has(number)) number += 1;
  return number;
}
