/** `--match key=value` to a match: lists are separated by commas. Its form is judged with the source. */
import { ok, type Result } from '../result.js';
import type { Match } from '../rollout/types.js';
import { refuse } from './change-flags.js';

const LISTS = [
  'callers',
  'namespaces',
  'trustDomains',
  'tenants',
  'destinations',
  'routes',
  'actions',
] as const;

export const MATCH_HELP = `callers, namespaces, trustDomains, tenants, destinations, routes, actions (lists: a,b), access=read|write, percent=N, unidentified=true`;

/** Problem code: `input_invalid`. */
export function parseMatch(pairs: readonly string[]): Result<Match> {
  const match: Record<string, unknown> = {};
  for (const pair of pairs) {
    const [, key = '', value = ''] = /^([A-Za-z]+)=(.+)$/s.exec(pair) ?? [];
    const parsed = readValue(key, value);
    if (parsed === undefined) return refuse(`\`${pair}\` is no match; keys are ${MATCH_HELP}`);
    if (Object.hasOwn(match, key)) return refuse(`--match \`${key}\` is given twice`);
    match[key] = parsed;
  }
  return ok(match as Match);
}

function readValue(key: string, value: string): unknown {
  if ((LISTS as readonly string[]).includes(key)) return value.split(',');
  if (key === 'access' && (value === 'read' || value === 'write')) return value;
  if (key === 'percent' && /^\d{1,2}$/.test(value)) return Number(value);
  if (key === 'unidentified' && value === 'true') return true;
  return undefined;
}

/** For commander: repeatable. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
