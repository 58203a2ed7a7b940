/**
 * What of a request may be logged: values of headers, claims and query keys only by allow-list.
 * Names stay visible, so that a reader sees what the policies could look at. Pure; never changes
 * what it is given.
 */
import { bareRecord } from '../bare-record.js';
import type { CheckError, ClaimNames, DecisionInput } from '../check/types.js';
import { maskErrors } from './mask-errors.js';

/** What a value that may not be logged is replaced by, whatever its type. */
export const MASKED = '[masked]';

export interface MaskSettings {
  /** Lower-case names of the headers whose values may be logged. */
  readonly headers: ReadonlySet<string>;
  /** Names of the top-level claims whose values, nested ones included, may be logged. */
  readonly claims: ReadonlySet<string>;
  /** Query keys whose values may be logged. */
  readonly query: ReadonlySet<string>;
  /** Which claims fill `context.task`: its texts come from the token and follow the claims list. */
  readonly claimNames: Pick<ClaimNames, 'taskId' | 'taskKind' | 'taskIntent'>;
}

export interface Masked {
  readonly input: DecisionInput | undefined;
  readonly errors: readonly CheckError[];
  /** The input is there and complete. */
  readonly replayable: boolean;
}

export function mask(
  input: DecisionInput | undefined,
  errors: readonly CheckError[],
  settings: MaskSettings,
): Masked {
  if (input === undefined) return { input, errors: maskErrors(errors, []), replayable: false };
  const hidden: unknown[] = [];
  const context = maskContext(input.context, settings, hidden);
  if (context === input.context) return { input, errors, replayable: true };
  return { input: { ...input, context }, errors: maskErrors(errors, hidden), replayable: false };
}

/** The errors of policies that were asked about `context`, which is not logged itself. */
export function maskForeign(
  errors: readonly CheckError[],
  context: Fields | undefined,
  settings: MaskSettings,
): readonly CheckError[] {
  if (errors.length === 0) return errors;
  const hidden: unknown[] = [];
  if (context !== undefined) maskContext(context, settings, hidden);
  return maskErrors(errors, hidden);
}

type Fields = Readonly<Record<string, unknown>>;
type AllowList = Pick<ReadonlySet<string>, 'has'>;

/** The same object where nothing had to be hidden. */
function maskContext(context: Fields, settings: MaskSettings, hidden: unknown[]): Fields {
  let masked: Record<string, unknown> | undefined;
  for (const name in context) {
    const allows = allowListOf(name, settings);
    if (allows === undefined) continue;
    const value = maskFields(context[name], allows, hidden);
    if (value === context[name]) continue;
    masked ??= Object.assign(bareRecord<unknown>(), context);
    masked[name] = value;
  }
  return masked ?? context;
}

/** Which fields of a context record may be shown; undefined = the record is not masked at all. */
function allowListOf(name: string, settings: MaskSettings): AllowList | undefined {
  switch (name) {
    case 'headers':
      return settings.headers;
    case 'claims':
      return settings.claims;
    case 'query':
      return settings.query;
    case 'task':
      return { has: (field) => allowsTaskField(field, settings) };
    default:
      return undefined;
  }
}

/** Times that cedargate computed from numbers tell nothing of the bearer; the rest are claims. */
function allowsTaskField(field: string, { claims, claimNames }: MaskSettings): boolean {
  switch (field) {
    case 'expiresAt':
    case 'credentialSeconds':
      return true;
    case 'id':
      return claims.has(claimNames.taskId);
    case 'kind':
      return claims.has(claimNames.taskKind);
    case 'intent':
      return claims.has(claimNames.taskIntent);
    case 'chain':
      return claims.has('act');
    default:
      return false;
  }
}

function maskFields(value: unknown, allows: AllowList, hidden: unknown[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    hidden.push(value);
    return MASKED;
  }
  const fields = value as Fields;
  let masked: Record<string, unknown> | undefined;
  for (const name in fields) {
    if (allows.has(name)) continue;
    hidden.push(fields[name]);
    masked ??= Object.assign(bareRecord<unknown>(), fields);
    masked[name] = MASKED;
  }
  return masked ?? fields;
}
