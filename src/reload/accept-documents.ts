/**
 * Which of the documents that are mounted become the approved ones: each is held against what was
 * verified before and against the others. Pure, and the same whatever order the files came in.
 */
import { type Problem, problem } from '../errors.js';
import type { Result } from '../result.js';
import { checkExpiry } from '../rollout/expiry.js';
import { takeInOrder } from '../rollout/order.js';
import type { VerifiedDocument, VerifiedRollout } from '../rollout/types.js';
import { type Memories, type RolloutMemory, rolloutNameOf, rolloutOf } from './rollout-memory.js';

/** A document file and what verifying it gave. */
export interface JudgedFile {
  readonly file: string;
  readonly result: Result<VerifiedDocument>;
}

export interface AcceptRules {
  /** Documents below it are refused: what a new pod is told, which has no memory. */
  readonly minSequence: number;
  /** The one destination of this sidecar, which every document must cover; undefined = any. */
  readonly service: string | undefined;
  /** From trust.yaml. */
  readonly refuseExpired: boolean;
  readonly nowMs: number;
}

export interface FileRefusal {
  readonly file: string;
  /** Undefined when the file could not be read so far. */
  readonly document: VerifiedDocument | undefined;
  readonly problems: readonly [Problem, ...Problem[]];
}

export interface Accepted {
  readonly memories: Memories;
  readonly refusals: readonly FileRefusal[];
}

interface Mounted {
  readonly file: string;
  readonly document: VerifiedDocument;
}

export function acceptDocuments(
  files: readonly JudgedFile[],
  before: Memories,
  rules: AcceptRules,
): Accepted {
  const refusals: FileRefusal[] = [];
  const refuse = ({ file, document }: Mounted, found: Problem) => {
    refusals.push({ file, document, problems: [{ file, ...found }] });
  };
  const byRollout = new Map<string, Mounted[]>();
  for (const { file, result } of files) {
    if (!result.ok) {
      refusals.push({ file, document: undefined, problems: result.problems });
      continue;
    }
    const mounted = { file, document: result.value };
    const known = before.get(rolloutNameOf(result.value))?.newest.digest === result.value.digest;
    const fault = known ? undefined : ownFault(result.value, rules);
    if (fault !== undefined) refuse(mounted, fault);
    else append(byRollout, rolloutNameOf(result.value), mounted);
  }
  const after = new Map<string, RolloutMemory>();
  for (const [name, mounted] of byRollout) {
    const memory = acceptOne(mounted, before.get(name), rules, refuse);
    if (memory !== undefined) after.set(name, memory);
  }
  settleConflicts(after, before, byRollout, refuse);
  for (const [name, memory] of before) {
    // What is no longer mounted goes on, unless another rollout has its destinations now.
    if (!after.has(name) && !isReplaced(memory, after)) after.set(name, memory);
  }
  return { memories: after, refusals };
}

/** What speaks against a document by itself, on this sidecar and at this moment. */
function ownFault(document: VerifiedDocument, rules: AcceptRules): Problem | undefined {
  const rollout = rolloutOf(document);
  const { service, nowMs } = rules;
  if (service !== undefined && !destinationsOf(rollout).includes(service)) {
    return problem('rollout_not_ours', `the document does not cover \`${service}\``);
  }
  return checkExpiry(document, rules, nowMs);
}

/** The files of one rollout, held against what was seen of it. */
function acceptOne(
  mounted: readonly Mounted[],
  before: RolloutMemory | undefined,
  { minSequence }: AcceptRules,
  refuse: (mounted: Mounted, found: Problem) => void,
): RolloutMemory | undefined {
  const seen = { newest: before?.newest, lastRollout: before?.lastRollout };
  // Older ones that are mounted beside the newest are its history, and no attempt to go back.
  const seenSequence = seen.newest?.sequence ?? 0;
  const hasNewest = mounted.some(({ document }) => document.sequence >= seenSequence);
  const documents = mounted
    .map(({ document }) => document)
    .filter(({ sequence }) => !hasNewest || sequence >= seenSequence);
  const { memory, refused } = takeInOrder(documents, seen, minSequence);
  for (const { document, problem: found } of refused) {
    const file = mounted.find((each) => each.document === document);
    if (file !== undefined) refuse(file, found);
  }
  const { newest, lastRollout } = memory;
  if (newest === undefined || lastRollout === undefined) return undefined;
  return { newest, lastRollout, running: before?.running };
}

/** Two rollouts that are mounted and cover one destination: neither goes further than it was. */
function settleConflicts(
  after: Map<string, RolloutMemory>,
  before: Memories,
  mounted: ReadonlyMap<string, readonly Mounted[]>,
  refuse: (mounted: Mounted, found: Problem) => void,
): void {
  const owners = new Map<string, string[]>();
  for (const [name, { newest }] of after) {
    for (const service of destinationsOf(rolloutOf(newest))) append(owners, service, name);
  }
  const fallen = new Set<string>();
  for (const [service, names] of owners) {
    for (const name of names.length > 1 ? names : []) {
      if (fallen.has(name)) continue;
      fallen.add(name);
      const others = names.filter((other) => other !== name).map((other) => `\`${other}\``);
      const message = `rollout \`${name}\` covers \`${service}\`, and so does ${others.join(', ')}`;
      const last = mounted.get(name)?.at(-1);
      if (last !== undefined) refuse(last, problem('rollout_conflict', message));
    }
  }
  for (const name of fallen) {
    const memory = before.get(name);
    if (memory === undefined) after.delete(name);
    else after.set(name, memory);
  }
}

function isReplaced({ newest }: RolloutMemory, after: Memories): boolean {
  const ours = new Set(destinationsOf(rolloutOf(newest)));
  return [...after.values()].some((other) =>
    destinationsOf(rolloutOf(other.newest)).some((service) => ours.has(service)),
  );
}

function destinationsOf({ source }: VerifiedRollout): readonly string[] {
  return source.destinations.map(({ service }) => service);
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
