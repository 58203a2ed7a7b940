/**
 * A line of the decision log as slices, blocks and exceptions see its request. Logs pass through many
 * hands: every field is judged again as it would be on the way in.
 */
import { z } from 'zod';
import { readCaller } from '../check/identity.js';
import type { Traits } from '../check/match.js';
import { REASONS, type Reason } from '../check/reasons.js';
import { Stop } from '../check/stop.js';

const lineSchema = z.object({
  type: z.literal('decision'),
  schema_version: z.literal(1),
  timestamp: z.iso.datetime(),
  decision_id: z.string(),
  environment: z.string().nullable(),
  principal: z.string().nullable(),
  action: z.string().nullable(),
  access: z.enum(['read', 'write']).nullable(),
  resource: z.string().nullable(),
  path: z.string().nullable(),
  decision: z.enum(['allow', 'deny', 'error']),
  reason: z.enum(Object.keys(REASONS) as [Reason, ...Reason[]]),
  exception: z.string().nullable(),
  rollout: z.string().nullable(),
});

export type ObservedRequest = z.output<typeof lineSchema>;

export type ObservedLine =
  | { readonly kind: 'decision'; readonly request: ObservedRequest }
  /** Another line of cedargate: a change, a program message. */
  | { readonly kind: 'other' }
  | { readonly kind: 'bad'; readonly why: string };

const OTHER_TYPES: ReadonlySet<unknown> = new Set(['change', 'program']);

export function readObserved(text: string): ObservedLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'bad', why: 'it is not JSON' };
  }
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return { kind: 'decision', request: parsed.data };
  const type = (value as { readonly type?: unknown } | null)?.type;
  if (OTHER_TYPES.has(type)) return { kind: 'other' };
  const field = parsed.error.issues[0]?.path.join('.') ?? '';
  return { kind: 'bad', why: `\`${field}\` is missing or wrong` };
}

const ANONYMOUS = 'anonymous';

/** Without a path that could be read nobody knows the route. */
const PATH_UNREADABLE: ReadonlySet<Reason> = new Set([
  'request_undecodable',
  'request_too_large',
  'path_rejected',
]);

/** What slices look at, as a log line or a record of a check has it. */
export interface Sighting {
  readonly principal: string | null | undefined;
  readonly action: string | null | undefined;
  readonly access: 'read' | 'write' | null | undefined;
  readonly destination: string;
  readonly route: string | undefined;
  /** Tells whether the path could be read. */
  readonly reason: Reason;
}

export function traitsFrom(seen: Sighting): Traits {
  return {
    caller: callerOf(seen.principal ?? ''),
    action: seen.action ?? undefined,
    access: seen.access ?? undefined,
    destination: seen.destination,
    route: seen.route,
    pathReadable: !PATH_UNREADABLE.has(seen.reason),
  };
}

/** Undefined when the line names no destination: no rollout speaks of such a request. */
export function traitsOf(request: ObservedRequest): Traits | undefined {
  const [namespace, name, route, ...more] = request.resource?.split('/') ?? [];
  if (namespace === undefined || name === undefined || more.length > 0) return undefined;
  return traitsFrom({ ...request, destination: `${namespace}/${name}`, route });
}

/** `''` is nobody here, and not a connection without a certificate. */
function callerOf(principal: string): Traits['caller'] {
  if (principal === '') return undefined;
  const text = principal === ANONYMOUS ? '' : principal;
  const caller = readCaller({ principal: text, certificate: '' }, false);
  return caller instanceof Stop ? undefined : caller;
}
