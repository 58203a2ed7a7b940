/**
 * A line of the decision log as slices, blocks and exceptions see its request. Logs pass through many
 * hands: every field is judged again as it would be on the way in.
 */
import { readCaller } from '../check/identity.js';
import type { Traits } from '../check/match.js';
import type { Reason } from '../check/reasons.js';
import { Stop } from '../check/stop.js';
import type { LoggedDecision } from './logged-decision.js';

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
export function traitsOf(line: LoggedDecision): Traits | undefined {
  const [namespace, name, route, ...more] = line.resource?.split('/') ?? [];
  if (namespace === undefined || name === undefined || more.length > 0) return undefined;
  return traitsFrom({ ...line, destination: `${namespace}/${name}`, route });
}

/** `''` is nobody here, and not a connection without a certificate. */
function callerOf(principal: string): Traits['caller'] {
  if (principal === '') return undefined;
  const text = principal === ANONYMOUS ? '' : principal;
  const caller = readCaller({ principal: text, certificate: '' }, false);
  return caller instanceof Stop ? undefined : caller;
}
