/**
 * The sentences of `bundle diff`, the same in text and in Markdown. What authors and clients wrote is
 * in them, so what cannot be seen is escaped.
 */
import type { Asked, Flip, FlipRoute, MeaningDiff, Witness } from '../analysis/meaning/types.js';
import type { TrafficDiff, TrafficFlip } from '../analysis/traffic.js';
import type { FieldChange, ItemChange, PolicyChange, PolicyRef } from '../bundle/diff.js';
import { escapeName } from '../bundle/names.js';
import type { Decision } from '../check/types.js';
import { shellWord } from './shell-word.js';

const MEMBERS_SHOWN = 3;
const ROUTES_SHOWN = 6;

/** `spiffe://../batch loses GET on shop/payments route refund (always)`. */
export function flipSentence(flip: Flip): string {
  const { caller, actions, from, to } = flip;
  const verb = verbOf(from, to, caller.members.length > 1);
  const when = flip.conditions.length === 0 ? 'always' : `when ${flip.conditions.join(' and ')}`;
  const seen = flip.exhaustive ? '' : ', as far as was asked';
  const who = members(caller.members);
  return escapeName(`${who} ${verb} ${actions.join(', ')} on ${placeOf(flip)} (${when}${seen})`);
}

function verbOf(from: Decision, to: Decision, many: boolean): string {
  if (from === 'allow' && to === 'deny') return many ? 'lose' : 'loses';
  if (to === 'allow') return many ? 'gain' : 'gains';
  const end = to === 'error' ? 'an error' : 'a plain deny';
  const start = from === 'allow' ? ' (now allowed)' : '';
  return `${many ? 'get' : 'gets'} ${end}${start} for`;
}

/** What a row is about: something is lost, gained, or a deny and an error change places. */
export function kindOf({ from, to }: { readonly from: Decision; readonly to: Decision }) {
  if (to === 'allow') return 'gained';
  return from === 'allow' ? 'lost' : 'changed';
}

/** All members, where the sentence has not named them all. */
export function allCallers({ caller }: Flip): string | undefined {
  if (caller.members.length <= MEMBERS_SHOWN) return undefined;
  return escapeName(`callers: ${caller.members.join(', ')}`);
}

export function members(names: readonly string[]): string {
  const shown = names.slice(0, MEMBERS_SHOWN);
  const more = names.length - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  const last = shown.at(-1) ?? '';
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(', ')} and ${last}`;
}

function placeOf({ destination, routes, wholeDestination }: Flip): string {
  const name = members(destination.members);
  if (wholeDestination) return `all of ${name}`;
  const named = routes.filter(({ before, after }) => before !== null || after !== null);
  const bare = named.length < routes.length;
  const list = named.slice(0, ROUTES_SHOWN).map(routeText).join(', ');
  const more = named.length > ROUTES_SHOWN ? ` and ${named.length - ROUTES_SHOWN} more` : '';
  if (named.length === 0) return `${name} outside its routes`;
  const word = named.length === 1 ? 'route' : 'routes';
  return `${name} ${word} ${list}${more}${bare ? ' and outside its routes' : ''}`;
}

function routeText({ before, after }: FlipRoute): string {
  if (before === after) return before ?? 'none';
  return `${after ?? 'none'} (before: ${before ?? 'none'})`;
}

/** The policies that decide, or why there is none. */
export function decidedBy({ reason, policies, errors }: Flip['before']): string {
  if (policies.length > 0) return policies.join(', ');
  const [first] = errors;
  return first === undefined ? reason : escapeName(`${reason}: ${first}`);
}

/** A command line that shows one such request on a side; undefined for TCP. */
export function explainCommand(witness: Witness): string | undefined {
  const { caller, service, environment, method, path, headers, claims, sourceAddress, time } =
    witness;
  if (method === null) return undefined;
  const parts = ['--service', service, '--caller', caller, '--method', method];
  if (environment !== null) parts.push('--environment', environment);
  if (path !== null) parts.push('--path', path);
  for (const [name, value] of headers) parts.push('--header', `${name}=${value}`);
  for (const [name, value] of Object.entries(claims ?? {})) {
    parts.push('--claim', `${name}=${JSON.stringify(value)}`);
  }
  if (sourceAddress !== null) parts.push('--source-address', sourceAddress);
  if (time !== null) parts.push('--time', time);
  return escapeName(`cedargate explain ${parts.map(shellWord).join(' ')}`);
}

export function askedSentence({ classes, differing, questions, combinations }: Asked): string {
  const found = `${count(differing)} of ${count(classes)} classes of requests can differ`;
  if (differing === 0) return `${found}: nothing had to be asked`;
  if (questions >= combinations) return `${found}; asked all ${count(combinations)} combinations`;
  return `${found}; asked ${count(questions)} of ${count(combinations)} combinations`;
}

/** What the enumeration did not cover; none = everything it knows of. */
export function limitsOf({ asked, notExhaustive, sampledFields }: MeaningDiff): string[] {
  const limits: string[] = [];
  const { count: open, examples } = asked.unfinished;
  if (open > 0) {
    const more = open > examples.length ? `, and ${count(open - examples.length)} more` : '';
    limits.push(`classes not finished: ${count(open)} (${examples.join('; ')}${more})`);
  }
  for (const { policy, file, line, expression } of notExhaustive) {
    limits.push(`not exhaustive: \`${expression}\` of policy ${policy} (${file}:${line})`);
  }
  if (sampledFields.length > 0) limits.push(`only sampled: ${sampledFields.join(', ')}`);
  return limits;
}

/** Undefined when there is none. */
export function notComparedSentence(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  return escapeName(`policies name environments that were not compared: ${names.join(', ')}`);
}

export function environmentText(environment: string | null): string {
  return environment === null ? 'without an environment' : `in ${environment}`;
}

export function itemText({ what, change, fields }: ItemChange): string {
  if (change !== 'changed') return escapeName(`${what}: ${change}`);
  return escapeName(`${what}: ${fields.map(fieldText).join('; ')}`);
}

export function fieldText({ field, before, after }: FieldChange): string {
  if (before === null) return escapeName(`${field} ${after} added`);
  if (after === null) return escapeName(`${field} ${before} removed`);
  return escapeName(`${field} ${before} -> ${after}`);
}

export function refText({ id, effect, owner, description, file, line }: PolicyRef): string {
  return escapeName(`${id} (${file}:${line}), ${effect}, ${owner}: ${description}`);
}

export function policyText({ id, before, after, fields }: PolicyChange): string {
  const parts = fields.map((field) => {
    if (field === 'owner' || field === 'effect') {
      return `${field} ${before[field]} -> ${after[field]}`;
    }
    return field === 'file' ? `moved from ${before.file}` : field;
  });
  return escapeName(`${id} (${after.file}:${after.line}): ${parts.join(', ')}`);
}

export function trafficSentence(flip: TrafficFlip): string {
  const { caller, action, destination, route, from, to } = flip;
  const where = route === null ? destination : `${destination} route ${route}`;
  const verb = verbOf(from, to, false);
  return escapeName(`${caller} ${verb} ${action} on ${where}: ${weightOf(flip)}`);
}

export function weightOf({ requests, requestsADay }: TrafficFlip): string {
  const seen = `${count(requests)} ${requests === 1 ? 'request' : 'requests'}`;
  return requestsADay === null ? seen : `${dayCount(requestsADay)} requests a day (${seen} seen)`;
}

function dayCount(number: number): string {
  return number < 10 ? number.toFixed(1) : count(Math.round(number));
}

export function trafficAccount({ lines, observed }: TrafficDiff): string {
  const span =
    observed === null
      ? ''
      : ` over ${observed.days.toFixed(1)} days (${observed.from} to ${observed.to})`;
  const rest = [
    [lines.notReplayable, 'not replayable'],
    [lines.otherEnvironment, 'of another environment'],
    [lines.other, 'other lines of cedargate'],
    [lines.bad, 'not read'],
  ] as const;
  const left = rest
    .filter(([number]) => number > 0)
    .map(([number, what]) => `${count(number)} ${what}`);
  const tail = left.length === 0 ? '' : `; ${left.join(', ')}`;
  return `decided ${count(lines.replayed)} of ${count(lines.total)} lines again${span}${tail}`;
}

export function count(number: number): string {
  return number.toLocaleString('en-US');
}
