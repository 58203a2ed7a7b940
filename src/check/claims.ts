/**
 * Claims of a token that Envoy verified (jwt_authn), cut to what the schema declares. A value of
 * another type than declared counts as absent and is flagged: untrusted JSON never chooses a type.
 */
import { bareRecord } from '../bare-record.js';
import type { CedarValue, TaskField, ValueShape } from '../cedar/types.js';
import { ACT_CHAIN_MAX, CONTEXT_SET_MAX } from '../constants.js';
import { type Stop, stop } from './stop.js';
import type { CheckError, ClaimNames } from './types.js';

/** JSON as google.protobuf.Struct carries it: numbers are doubles, objects have no prototype. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Declared claims with their declared types; what had to be left out is pushed to `flags`. */
export function typedClaims(
  claims: JsonObject,
  shape: ReadonlyMap<string, ValueShape>,
  flags: CheckError[],
): Record<string, CedarValue> {
  return typedRecord(claims, shape, 'claims', flags);
}

function typedRecord(
  source: JsonObject,
  shape: ReadonlyMap<string, ValueShape>,
  field: string,
  flags: CheckError[],
): Record<string, CedarValue> {
  const record = bareRecord<CedarValue>();
  for (const [name, fieldShape] of shape) {
    if (!Object.hasOwn(source, name)) continue;
    const value = source[name] as Json;
    // RFC 7519: `aud` is a string or a list of strings.
    const wrap = field === 'claims' && name === 'aud' && fieldShape.kind === 'set';
    const lone = wrap && typeof value === 'string';
    const typed = typedValue(lone ? [value] : value, fieldShape, `${field}.${name}`, flags);
    if (typed === undefined) flags.push(ignored(`${field}.${name}`));
    else record[name] = typed;
  }
  return record;
}

/** The value in the declared type, or undefined. */
function typedValue(
  value: Json,
  shape: ValueShape,
  field: string,
  flags: CheckError[],
): CedarValue | undefined {
  switch (shape.kind) {
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'long':
      return Number.isSafeInteger(value) ? (value as number) : undefined;
    case 'set':
      return typedSet(value, shape.element, field, flags);
    case 'record':
      return isObject(value) ? typedRecord(value, shape.fields, field, flags) : undefined;
  }
}

/** All elements or none: half a set would let a `contains` test miss. */
function typedSet(value: Json, element: ValueShape, field: string, flags: CheckError[]) {
  if (!Array.isArray(value) || value.length > CONTEXT_SET_MAX) return undefined;
  const set: CedarValue[] = [];
  for (const item of value as readonly Json[]) {
    const typed = typedValue(item, element, field, flags);
    if (typed === undefined) return undefined;
    set.push(typed);
  }
  return set;
}

/** `context.task`: what a verified token says of the task its bearer performs. */
export function taskOf(
  claims: JsonObject,
  declared: ReadonlySet<TaskField>,
  names: ClaimNames,
  flags: CheckError[],
): Record<string, CedarValue> | Stop {
  const task = bareRecord<CedarValue>();
  for (const field of declared) {
    const value = taskValue(field, claims, names, flags);
    if (value === 'too-long') {
      return stop(
        'context_incomplete',
        'chain_too_long',
        'the act claim is nested too deep',
        'task',
      );
    }
    if (value !== undefined) task[field] = value;
  }
  return task;
}

function taskValue(
  field: TaskField,
  claims: JsonObject,
  names: ClaimNames,
  flags: CheckError[],
): CedarValue | undefined {
  switch (field) {
    case 'id':
      return textClaim(claims, names.taskId, field, flags);
    case 'kind':
      return textClaim(claims, names.taskKind, field, flags);
    case 'intent':
      return textClaim(claims, names.taskIntent, field, flags);
    case 'chain':
      return chainOf(claims, flags);
    case 'expiresAt':
      return expiryOf(own(claims, 'exp'), flags);
    case 'credentialSeconds': {
      const seconds = lifetime(own(claims, 'exp'), own(claims, 'iat'));
      if (seconds === undefined && own(claims, 'exp') !== undefined)
        flags.push(ignored('task.credentialSeconds'));
      return seconds;
    }
  }
}

function textClaim(claims: JsonObject, name: string, field: string, flags: CheckError[]) {
  const value = own(claims, name);
  if (typeof value === 'string') return value;
  if (value !== undefined) flags.push(ignored(`task.${field}`));
  return undefined;
}

/** Subjects of nested `act` claims (RFC 8693), the current actor first. */
function chainOf(claims: JsonObject, flags: CheckError[]): string[] | 'too-long' | undefined {
  const chain: string[] = [];
  let actor = own(claims, 'act');
  for (let depth = 0; actor !== undefined; depth += 1) {
    if (depth === ACT_CHAIN_MAX) return 'too-long';
    if (!isObject(actor) || typeof own(actor, 'sub') !== 'string') {
      flags.push(ignored('task.chain'));
      return undefined;
    }
    chain.push(own(actor, 'sub') as string);
    actor = own(actor, 'act');
  }
  return chain.length === 0 ? undefined : chain;
}

/** Seconds since the epoch that a four-digit year can express. */
const EPOCH_SECONDS_MAX = 253_402_300_799;

function expiryOf(exp: Json | undefined, flags: CheckError[]): CedarValue | undefined {
  if (exp === undefined) return undefined;
  if (!isEpochSeconds(exp)) {
    flags.push(ignored('task.expiresAt'));
    return undefined;
  }
  return datetime(Math.floor(exp * 1000));
}

function lifetime(exp: Json | undefined, iat: Json | undefined): number | undefined {
  if (!isEpochSeconds(exp) || !isEpochSeconds(iat)) return undefined;
  const seconds = exp - iat;
  return Number.isSafeInteger(seconds) ? seconds : Math.ceil(seconds);
}

function isEpochSeconds(value: Json | undefined): value is number {
  return typeof value === 'number' && value >= 0 && value <= EPOCH_SECONDS_MAX;
}

/** A Cedar datetime; the only extension value that is made from a token, and from a number only. */
export function datetime(epochMs: number): CedarValue {
  return { __extn: { fn: 'datetime', arg: new Date(epochMs).toISOString() } };
}

function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function ignored(field: string): CheckError {
  return { code: 'value_ignored', message: 'the value has not the declared type', field };
}
