/**
 * From what conditions read to dimensions: independent choices that make up a request. Every
 * combination of them is a question.
 */
import type { ContextShape, ValueShape } from '../../cedar/types.js';
import type { Atom, Reads } from './atoms.js';
import { type FieldType, type TriedValue, valuesToTry } from './field-values.js';

export interface Dimension {
  /** `path`, `claims.tenant`, `task.expiresAt`; `claims` for a token with nothing that is read. */
  readonly field: string;
  readonly values: readonly TriedValue[];
  readonly complete: boolean;
  /** Set for a filler: it counts only where every field of this record is absent. */
  readonly fills?: string;
}

/** Atoms of one field by text, from all policies that are looked at. */
export type FieldAtoms = ReadonlyMap<string, ReadonlyMap<string, Atom>>;

/** Records of the context that a request fills field by field. */
const RECORDS = ['headers', 'query', 'claims', 'task'] as const;
const ABSENT: TriedValue = { value: undefined, truths: new Set() };

export function mergeReads(reads: Iterable<Reads>): FieldAtoms {
  const merged = new Map<string, Map<string, Atom>>();
  for (const { fields } of reads) {
    for (const [field, atoms] of fields) {
      const known = merged.get(field) ?? new Map<string, Atom>();
      for (const [text, atom] of atoms) known.set(text, atom);
      merged.set(field, known);
    }
  }
  return merged;
}

/** All but the path and what is a part of it. */
export function dimensionsOf(fields: FieldAtoms, shapes: readonly ContextShape[]): Dimension[] {
  const dimensions: Dimension[] = [];
  for (const [field, atoms] of fields) {
    const types = typesOf(field, shapes);
    if (types.length === 0) continue;
    const tried = types.map((type) => valuesToTry(field, type, [...atoms.values()]));
    const present = tried.flatMap(({ values }) => values);
    // The clock is always there.
    const values = field === 'time' ? present : [ABSENT, ...present];
    dimensions.push({ field, values, complete: tried.every(({ complete }) => complete) });
  }
  for (const record of RECORDS) {
    const filler = fillerOf(record, fields, shapes);
    if (!fields.has(record) || filler === undefined) continue;
    const truths = new Set([`context has ${record}`]);
    const values = [ABSENT, { ...filler.value, truths }];
    dimensions.push({ field: filler.field, values, complete: true, fills: record });
  }
  return dimensions.sort((one, other) => (one.field < other.field ? -1 : 1));
}

/** A declared field that nobody reads: with it a record can be there and say nothing. */
function fillerOf(record: string, fields: FieldAtoms, shapes: readonly ContextShape[]) {
  const names = shapes.flatMap((shape) => namesIn(record, shape));
  const field = names
    .map((name) => `${record}.${name}`)
    .find((candidate) => ![...fields.keys()].some((read) => isWithin(read, candidate)));
  if (field === undefined) return undefined;
  const value = typesOf(field, shapes)
    .flatMap((type) => valuesToTry(field, type, []).values)
    .find((tried) => tried !== undefined);
  return value === undefined ? undefined : { field, value };
}

function isWithin(field: string, record: string): boolean {
  return field === record || field.startsWith(`${record}.`);
}

function namesIn(record: string, shape: ContextShape): string[] {
  const declared = shape[record as (typeof RECORDS)[number]];
  return declared === undefined ? [] : [...declared.keys()];
}

/** Each way in which one of the sides declares the field; none for parts of the path. */
function typesOf(field: string, shapes: readonly ContextShape[]): FieldType[] {
  const found = new Map<string, FieldType>();
  for (const shape of shapes) {
    const type = typeOf(field, shape);
    if (type !== undefined) found.set(JSON.stringify(type), type);
  }
  return [...found.values()];
}

const TEXTS: FieldType = { kind: 'set', element: 'string', fillable: false };

function typeOf(field: string, shape: ContextShape): FieldType | undefined {
  if (field === 'time') return shape.time ? { kind: 'time' } : undefined;
  if (field === 'sourceAddress') return shape.sourceAddress ? { kind: 'address' } : undefined;
  const [record, ...names] = field.split('.');
  // A name may hold dots of its own.
  const name = names.join('.');
  if (name === '') return undefined;
  if (record === 'query') return shape.query?.has(name) ? TEXTS : undefined;
  if (record === 'headers') {
    const kind = shape.headers?.get(name);
    return kind === 'set' ? TEXTS : kind && { kind };
  }
  if (record === 'claims') return shape.claims && claimType(shape.claims, names);
  if (record !== 'task' || !shape.task?.has(name as 'id')) return undefined;
  if (name === 'chain') return TEXTS;
  if (name === 'expiresAt') return { kind: 'expiry' };
  return { kind: name === 'credentialSeconds' ? 'long' : 'string' };
}

function claimType(
  fields: ReadonlyMap<string, ValueShape>,
  names: readonly string[],
): FieldType | undefined {
  const path = claimPath(fields, names);
  const shape = path?.shape;
  if (shape === undefined) return undefined;
  if (shape.kind !== 'set') return { kind: shape.kind };
  const { kind } = shape.element;
  const plain = kind === 'string' || kind === 'long' || kind === 'boolean';
  return plain ? { kind: 'set', element: kind, fillable: true } : undefined;
}

/** The names of a claim, put together again where one of them holds dots. */
export function claimPath(
  fields: ReadonlyMap<string, ValueShape>,
  names: readonly string[],
): { readonly path: readonly string[]; readonly shape: ValueShape } | undefined {
  for (let length = 1; length <= names.length; length += 1) {
    const name = names.slice(0, length).join('.');
    const shape = fields.get(name);
    if (shape === undefined) continue;
    if (length === names.length) return { path: [name], shape };
    if (shape.kind !== 'record') continue;
    const inner = claimPath(shape.fields, names.slice(length));
    if (inner !== undefined) return { path: [name, ...inner.path], shape: inner.shape };
  }
  return undefined;
}
