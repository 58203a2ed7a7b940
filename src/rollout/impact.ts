/**
 * How much a rollout can do, and so whose approval it needs. It follows from the document and
 * trust.yaml alone: a sidecar that has just started has nothing else.
 */
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { rulesFor } from './destination-rules.js';
import type { RolloutRules } from './rules.js';
import type { Trust } from './trust.js';
import type { Impact, Match, RolloutSource } from './types.js';

/** So many distinct people, of all approvers or of some. */
export interface Requirement {
  readonly people: number;
  /** Undefined = anybody with the role. */
  readonly among: readonly string[] | undefined;
  /** Whose destination asks for it; undefined = the change as a whole. */
  readonly destination: string | undefined;
}

export interface Assessment {
  readonly impact: Impact;
  /** Why it is high, in words; empty when it is low. */
  readonly because: readonly string[];
  /** That of the change as a whole comes first. */
  readonly requirements: readonly Requirement[];
}

/** Problem code: `rollout_destination`, for each destination that no entry is about. */
export function assess(
  source: RolloutSource,
  trust: Pick<Trust, 'destinations'>,
  { approver, thresholds }: RolloutRules,
  file: string,
): Result<Assessment> {
  const ruled = source.destinations.map(({ service }) => ({
    service,
    rules: rulesFor(service, trust),
  }));
  const [first, ...rest] = ruled.flatMap(({ service, rules }): Problem[] => {
    if (rules.length > 0) return [];
    const message = `no entry of \`destinations\` in trust.yaml matches \`${service}\``;
    return [problem('rollout_destination', message, { file })];
  });
  if (first !== undefined) return failed(first, ...rest);

  const because = [
    ...ruled
      .filter(({ rules }) => rules.some(({ impact }) => impact === 'high'))
      .map(({ service }) => `\`${service}\` is of high impact`),
    ...strongParts(source),
  ];
  const impact = because.length > 0 ? 'high' : 'low';
  const people = Math.max(approver.threshold, thresholds[impact]);
  const ofDestinations = ruled.flatMap(({ service, rules }) =>
    rules.flatMap(({ approvers, threshold = 0 }): Requirement[] =>
      approvers === undefined
        ? []
        : [{ people: Math.max(people, threshold), among: approvers, destination: service }],
    ),
  );
  const whole = { people, among: undefined, destination: undefined };
  return ok({ impact, because, requirements: [whole, ...ofDestinations] });
}

/** Those that these people do not meet. */
export function unmet(
  requirements: readonly Requirement[],
  approvers: readonly string[],
): readonly Requirement[] {
  return requirements.filter(({ people, among }) => countAmong(approvers, among) < people);
}

export function countAmong(
  approvers: readonly string[],
  among: readonly string[] | undefined,
): number {
  return new Set(approvers.filter((person) => among?.includes(person) ?? true)).size;
}

/** What can deny writes, or lets through what policy or a fault would stop. */
function strongParts({ enforce, exceptions, destinations }: RolloutSource): string[] {
  return [
    ...enforce
      .filter(({ match }) => !isReadOnly(match))
      .map(({ name }) => `slice \`${name}\` enforces writes`),
    ...exceptions
      .filter(({ overrideForbid }) => overrideForbid)
      .map(({ name }) => `exception \`${name}\` overrides a forbid`),
    ...destinations
      .filter(({ onFault }) => onFault === 'allow')
      .map(({ service }) => `\`${service}\` allows everything when cedargate cannot decide`),
  ];
}

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** `access` says it best: an rpc or a POST may be declared as one that only reads. */
function isReadOnly({ access, actions = [] }: Match): boolean {
  if (access !== undefined) return access === 'read';
  return actions.length > 0 && actions.every((action) => READS.has(action));
}
