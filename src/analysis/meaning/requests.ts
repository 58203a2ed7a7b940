/** From one combination of values to a request as a client would send it. */
import type { ContextShape } from '../../cedar/types.js';
import type { Json } from '../../check/claims.js';
import type { RequestSketch } from '../check-request.js';
import { DEFAULT_CLAIM_NAMES } from '../settings.js';
import { claimPath } from './dimensions.js';
import { type FieldValue, QUESTION_TIME_MS } from './field-values.js';

export interface AskedRequest {
  readonly sketch: RequestSketch;
  readonly nowMs: number;
}

export interface RequestFrame {
  readonly caller: string;
  /** Undefined for a TCP connection. */
  readonly method: string | undefined;
  /** Undefined for requests without a path. */
  readonly target: string | undefined;
}

/** A field and its value; absent fields are not listed. */
export type Chosen = readonly (readonly [field: string, value: FieldValue])[];

type Claims = { [name: string]: Json };

/** How long a token lives where nothing reads its expiry. */
const LIFETIME_SECONDS = 3600;

/** Undefined when no request can be like this: a lifetime without an expiry. */
export function requestOf(
  frame: RequestFrame,
  chosen: Chosen,
  options: { readonly shapes: readonly ContextShape[]; readonly readsExpiry: boolean },
): AskedRequest | undefined {
  const headers: [string, string][] = [];
  const query: string[] = [];
  const claims: Claims = Object.create(null);
  const task = new Map<string, FieldValue>();
  let nowMs = QUESTION_TIME_MS;
  let sourceAddress: string | undefined;
  let token = false;
  for (const [field, value] of chosen) {
    const [record = '', ...names] = field.split('.');
    const name = names.join('.');
    if (field === 'time') nowMs = value as number;
    else if (field === 'sourceAddress') sourceAddress = value as string;
    else if (record === 'headers') {
      for (const copy of copies(value)) headers.push([name, copy]);
    } else if (record === 'query') {
      for (const copy of copies(value)) query.push(`${encode(name)}=${encode(copy)}`);
    } else if (record === 'task') task.set(name, value);
    else putClaim(claims, names, value, options.shapes);
    token ||= record === 'claims' || record === 'task';
  }
  if (!putTask(claims, task, nowMs, options.readsExpiry)) return undefined;
  const { caller, method, target } = frame;
  const path = query.length === 0 ? target : `${target}?${query.join('&')}`;
  const http = method === undefined ? undefined : { method, path, headers };
  return { sketch: { caller, http, claims: token ? claims : undefined, sourceAddress }, nowMs };
}

function copies(value: FieldValue): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [value as string];
}

function encode(text: string): string {
  return encodeURIComponent(text);
}

function putClaim(
  claims: Claims,
  names: readonly string[],
  value: FieldValue,
  shapes: readonly ContextShape[],
): void {
  const found = shapes.flatMap(({ claims: declared }) => {
    return (declared && claimPath(declared, names)) ?? [];
  });
  const [first] = found;
  if (first === undefined) return;
  let record = claims;
  for (const name of first.path.slice(0, -1)) {
    if (!Object.hasOwn(record, name)) record[name] = Object.create(null);
    record = record[name] as Claims;
  }
  const last = first.path.at(-1) ?? '';
  // A record that is only there; its fields may have made it already.
  if (first.shape.kind === 'record') record[last] ??= Object.create(null);
  else record[last] = value as Json;
}

/** False for a lifetime without an expiry: both come from `exp`. */
function putTask(
  claims: Claims,
  task: ReadonlyMap<string, FieldValue>,
  nowMs: number,
  readsExpiry: boolean,
): boolean {
  const { taskId, taskKind, taskIntent } = DEFAULT_CLAIM_NAMES;
  const names = { id: taskId, kind: taskKind, intent: taskIntent };
  for (const [field, claim] of Object.entries(names)) {
    const value = task.get(field);
    if (value !== undefined) claims[claim] = value as string;
  }
  const chain = task.get('chain');
  if (chain !== undefined) claims.act = actorOf(copies(chain));
  const expiry = task.get('expiresAt');
  const lifetime = task.get('credentialSeconds');
  if (lifetime !== undefined && expiry === undefined && readsExpiry) return false;
  if (expiry !== undefined) claims.exp = secondsOf(expiry, nowMs);
  else if (lifetime !== undefined) claims.exp = Math.floor(nowMs / 1000) + LIFETIME_SECONDS;
  if (lifetime !== undefined) claims.iat = (claims.exp as number) - (lifetime as number);
  return true;
}

function secondsOf(expiry: FieldValue, nowMs: number): number {
  if (typeof expiry === 'number') return expiry / 1000;
  return (nowMs + (expiry as { after: number }).after) / 1000;
}

/** Who acts for whom, the current actor outermost (RFC 8693). */
function actorOf(chain: readonly string[]): Json {
  return chain.reduceRight<Json>(
    (inner, sub) => (inner === null ? { sub } : { sub, act: inner }),
    null,
  );
}
