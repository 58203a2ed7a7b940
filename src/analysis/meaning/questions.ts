/** The questions of a cell: every combination of the values that its conditions can tell apart. */
import type { CedarValue, ContextShape } from '../../cedar/types.js';
import type { Reads } from './atoms.js';
import type { Cell, SideOfCell } from './cells.js';
import { type Dimension, dimensionsOf, type FieldAtoms, mergeReads } from './dimensions.js';
import { type FieldValue, type TriedValue, textPattern } from './field-values.js';
import { PATHLESS, takes } from './methods.js';
import { pathClasses, routePattern, segmentsOf, withinSegment } from './paths.js';
import { type AskedRequest, requestOf } from './requests.js';
import { ANY_RUN, ONE_PLAIN, type Pattern, PLAIN_RUN, type Step } from './strings.js';

export interface CellQuestions {
  /** The path first. A combination is an index into the values of each. */
  readonly dimensions: readonly Dimension[];
  /** Combinations as they are numbered; fillers make some of them equal. */
  readonly total: number;
  /** Combinations that differ. */
  readonly distinct: number;
  readonly shapes: readonly ContextShape[];
  readonly readsExpiry: boolean;
  /** What is not understood, by the policy that has it. */
  readonly inexact: ReadonlyMap<string, readonly string[]>;
  /** Fields whose values may not cover everything. */
  readonly cutFields: readonly string[];
}

/** Far beyond what is asked, and still exact as a number. */
const TOTAL_MAX = 2 ** 50;

export class Questions {
  /** By the policies and the frame of a cell: many cells share them. */
  readonly #dimensions = new Map<string, CellQuestions>();
  readonly #paths = new Map<string, Dimension>();

  constructor(private readonly valuesOf: (name: string) => readonly CedarValue[]) {}

  of(cell: Cell): CellQuestions {
    const { a, b, pair, method } = cell;
    const policies = [a, b].map((side) => side.policies.map(({ source }) => source.id));
    const frame = [method.representative, pair.a?.name, pair.b?.name, a.action, b.action];
    const key = JSON.stringify([frame, policies]);
    let known = this.#dimensions.get(key);
    if (known === undefined) {
      known = this.#make(cell);
      this.#dimensions.set(key, known);
    }
    return known;
  }

  #make(cell: Cell): CellQuestions {
    const reads = new Map<string, Reads>();
    for (const { side, policies } of [cell.a, cell.b]) {
      for (const policy of policies) {
        reads.set(policy.meaning, side.conditionReads(policy, this.valuesOf));
      }
    }
    const fields = mergeReads(reads.values());
    const shapes = [cell.a, cell.b].flatMap(({ side, action }) => {
      return side.shapeOf(action)?.context ?? [];
    });
    const path = this.#pathOf(cell, fields);
    const dimensions = [path, ...dimensionsOf(fields, shapes)];
    const cutFields = dimensions.filter(({ complete }) => !complete).map(({ field }) => field);
    const { total, distinct } = sizesOf(dimensions);
    const inexact = inexactOf([cell.a, cell.b], this.valuesOf);
    const readsExpiry = fields.has('task.expiresAt');
    return { dimensions, total, distinct, shapes, readsExpiry, inexact, cutFields };
  }

  #pathOf({ method, pair, a, b }: Cell, fields: FieldAtoms): Dimension {
    const tests = pathTests(
      fields,
      [pair.a, pair.b].filter((route) => route !== undefined),
    );
    const key = JSON.stringify([
      method.representative,
      pair.a?.name,
      pair.b?.name,
      tests.map(({ text }) => text),
    ]);
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    const dimension = makePath(method.representative, { a, b, pair }, tests);
    this.#paths.set(key, dimension);
    return dimension;
  }
}

interface PathTest {
  readonly text: string;
  readonly pattern: Pattern;
}

/** Tests of the path and of its parts, all as patterns of the whole path. */
function pathTests(
  fields: FieldAtoms,
  routes: readonly NonNullable<Cell['pair']['a']>[],
): PathTest[] {
  const tests: PathTest[] = [];
  for (const [field, atoms] of fields) {
    for (const atom of atoms.values()) {
      const pattern = textPattern(atom);
      if (pattern === undefined) continue;
      const text = atom.kind === 'beside' ? `context.${field} == "same"` : atom.text;
      for (const whole of wholePatterns(field, pattern, routes))
        tests.push({ text, pattern: whole });
    }
  }
  return tests;
}

/** One name between slashes, at least one character long. */
const SEGMENT: Pattern = [ONE_PLAIN, PLAIN_RUN];

function wholePatterns(
  field: string,
  pattern: Pattern,
  routes: readonly NonNullable<Cell['pair']['a']>[],
): Pattern[] {
  if (field === 'path') return [pattern];
  const inside = withinSegment(pattern);
  if (field === 'grpc.service') return [['/', ...inside, '/', ...SEGMENT]];
  if (field === 'grpc.method') return [['/', ...SEGMENT, '/', ...inside]];
  if (!field.startsWith('params.')) return [];
  const name = field.slice('params.'.length);
  return routes.flatMap((route) => {
    const index = segmentsOf(route).findIndex((s) => 'param' in s && s.param === name);
    return index === -1 ? [] : [routePattern(route, new Map([[index, inside]]))];
  });
}

function makePath(
  method: string | undefined,
  { a, b, pair }: Pick<Cell, 'a' | 'b' | 'pair'>,
  tests: readonly PathTest[],
): Dimension {
  const routes = ({ side }: SideOfCell) => side.bundle.routes.filter((r) => takes(r, method));
  const none: TriedValue = { value: undefined, truths: new Set() };
  if (method === undefined) return { field: 'path', values: [none], complete: true };
  // Allowing `;` on one side only is seen when there is a path with one.
  const allowed = [a, b].map(({ side }) => JSON.stringify(side.bundle.manifest.path));
  const routeAllows = [pair.a, pair.b].map((r) => r?.kind === 'http' && r.allowSemicolon);
  const odd = allowed[0] !== allowed[1] || routeAllows[0] !== routeAllows[1];
  const semicolon: Step[] = [ANY_RUN, ';', ANY_RUN];
  const all = odd ? [...tests, { text: 'context.path like "*;*"', pattern: semicolon }] : tests;
  const { classes, complete } = pathClasses({
    method,
    routesA: routes(a),
    routesB: routes(b),
    pair,
    patterns: all.map(({ pattern }) => pattern),
  });
  const values: TriedValue[] = classes.map(({ target, matches }) => ({
    value: target,
    truths: new Set([...matches].map((index) => all[index]?.text ?? '')),
  }));
  const bare = pair.a === undefined && pair.b === undefined;
  if (method === PATHLESS && bare) values.push(none);
  return { field: 'path', values, complete };
}

function sizesOf(dimensions: readonly Dimension[]): { total: number; distinct: number } {
  let total = 1;
  let distinct = 1;
  const records = new Map<string, number>();
  for (const { field, values, fills } of dimensions) {
    total *= values.length;
    if (fills !== undefined) continue;
    const record = field.split('.')[0] ?? '';
    const filled = dimensions.some((other) => other.fills === record);
    if (filled) records.set(record, (records.get(record) ?? 1) * values.length);
    else distinct *= values.length;
  }
  for (const { fills } of dimensions) {
    if (fills !== undefined) distinct *= (records.get(fills) ?? 1) + 1;
  }
  return { total: Math.min(total, TOTAL_MAX), distinct: Math.min(distinct, TOTAL_MAX) };
}

function inexactOf(
  sides: readonly SideOfCell[],
  valuesOf: (name: string) => readonly CedarValue[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const { side, policies } of sides) {
    for (const policy of policies) {
      const { inexact } = side.conditionReads(policy, valuesOf);
      if (inexact.length > 0) found.set(policy.source.id, inexact);
    }
  }
  return found;
}

/** Which value of each dimension a combination has. */
export type Combination = readonly number[];

/** Fillers count only where their record is empty: equal combinations become the same. */
export function combinationAt(questions: CellQuestions, index: number): Combination {
  const { dimensions } = questions;
  const digits: number[] = [];
  let rest = index;
  for (const { values } of dimensions) {
    digits.push(rest % values.length);
    rest = Math.floor(rest / values.length);
  }
  dimensions.forEach(({ fills }, position) => {
    if (fills === undefined || digits[position] === 0) return;
    const filled = dimensions.some(({ field, values, fills: filler }, other) => {
      const within = filler === undefined && field.startsWith(`${fills}.`);
      return within && values[digits[other] ?? 0]?.value !== undefined;
    });
    if (filled) digits[position] = 0;
  });
  return digits;
}

/** Undefined when no request can be like this. */
export function requestAt(
  cell: Cell,
  { dimensions, shapes, readsExpiry }: CellQuestions,
  combination: Combination,
): AskedRequest | undefined {
  const chosen: [string, FieldValue][] = [];
  let target: string | undefined;
  dimensions.forEach(({ field, values }, position) => {
    const value = values[combination[position] ?? 0]?.value;
    if (field === 'path') target = value as string | undefined;
    else if (value !== undefined) chosen.push([field, value]);
  });
  const frame = {
    caller: cell.caller.representative,
    method: cell.method.representative,
    target,
  };
  return requestOf(frame, chosen, { shapes, readsExpiry });
}
