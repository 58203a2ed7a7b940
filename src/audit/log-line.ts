/**
 * One line of a decision log, as far as an audit needs it: changes that were taken or refused, and
 * decisions for which an exception spoke. Logs pass through many hands: nothing in them is believed
 * that a verified document does not say too.
 */
import { digestSchema } from '../bundle/built-manifest.js';
import * as shape from '../shape/kinds.js';

/** Who wrote a line: two clusters may have a workload of one name. */
const origin = {
  schema_version: shape.literal(1),
  timestamp: shape.datetime(),
  workload: shape.string(),
  environment: shape.string().nullable(),
  cluster: shape.string().nullable(),
};

const changeSchema = shape.object({
  ...origin,
  type: shape.literal('change'),
  result: shape.oneOf(['taken', 'refused']),
  to: shape.string().nullable(),
  /** Absent in lines of versions that had no rollouts. */
  rollout: shape.string().nullable().default(null),
  rollout_digest: digestSchema.nullable().default(null),
  sequence: shape.int().nullable().default(null),
});

const useSchema = shape.object({
  ...origin,
  type: shape.literal('decision'),
  exception: shape.string(),
  principal: shape.string().nullable(),
  mode: shape.oneOf(['shadow', 'enforce']),
  rollout: shape.string().nullable(),
});

export interface ChangeLine {
  readonly kind: 'change';
  readonly atMs: number;
  readonly workload: string;
  readonly cluster: string | null;
  readonly environment: string | null;
  readonly result: 'taken' | 'refused';
  readonly rollout: string | null;
  /** Of the document. */
  readonly digest: string | null;
  readonly sequence: number | null;
  /** As it was written. */
  readonly text: string;
}

/** A decision for which an exception spoke. */
export interface UseLine {
  readonly kind: 'use';
  readonly atMs: number;
  readonly environment: string | null;
  readonly rollout: string | null;
  readonly exception: string;
  /** Null when it could not be read. */
  readonly caller: string | null;
  /** In enforce it let the request pass; in shadow it only would have. */
  readonly enforced: boolean;
}

export type LogLine =
  | ChangeLine
  | UseLine
  /** A line of cedargate that says nothing about either. */
  | { readonly kind: 'other' }
  | { readonly kind: 'bad'; readonly why: string };

const OTHER_TYPES: ReadonlySet<unknown> = new Set(['decision', 'program']);

export function readLogLine(text: string): LogLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'bad', why: 'it is not JSON' };
  }
  if (typeof value !== 'object' || value === null) return { kind: 'bad', why: 'it is no object' };
  const { type, exception = null } = value as { readonly type?: unknown; exception?: unknown };
  if (type === 'change') return readChange(value, text);
  if (type === 'decision' && exception !== null) return readUse(value);
  return OTHER_TYPES.has(type)
    ? { kind: 'other' }
    : { kind: 'bad', why: 'it is no line of cedargate' };
}

function readChange(value: object, text: string): LogLine {
  const parsed = changeSchema.safeParse(value);
  if (!parsed.success) return bad(parsed.error.issues);
  const { timestamp, workload, cluster, environment, result, rollout, sequence } = parsed.data;
  const digest = parsed.data.rollout_digest;
  const atMs = Date.parse(timestamp);
  return {
    kind: 'change',
    atMs,
    workload,
    cluster,
    environment,
    result,
    rollout,
    digest,
    sequence,
    text,
  };
}

function readUse(value: object): LogLine {
  const parsed = useSchema.safeParse(value);
  if (!parsed.success) return bad(parsed.error.issues);
  const { timestamp, environment, rollout, exception, principal, mode } = parsed.data;
  return {
    kind: 'use',
    atMs: Date.parse(timestamp),
    ...{ environment, rollout, exception },
    caller: principal,
    enforced: mode === 'enforce',
  };
}

function bad([issue]: readonly shape.Issue[]): LogLine {
  const field = issue?.path.join('.') ?? '';
  return { kind: 'bad', why: `\`${field}\` is missing or wrong` };
}
