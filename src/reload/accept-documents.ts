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
  /** Documents below it do not count, remembered ones included: what a new pod is told. */
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
  /** What was remembered, and is below the least sequence: as good as not remembered. */
  readonly below: Memories;
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
    if (memory === undefined) continue;
    const ruler = youngerRuler(memory, before, byRollout);
    if (ruler === undefined) {
      after.set(name, memory);
      continue;
    }
    for (const each of mounted) {
      const isNewest = each.document.digest === memory.newest.digest;
      if (isNewest) refuse(each, problem('rollout_sequence', ruler));
    }
  }
  settleConflicts(after, before, byRollout, refuse);
  for (const [name, memory] of before) {
    // What is no longer mounted goes on, unless another rollout has its destinations now.
    if (!after.has(name) && !isReplaced(memory, after)) after.set(name, memory);
  }
  // Only a former process, with a lower one, can have taken it.
  const below = [...after].filter(([, { newest }]) => newest.sequence < rules.minSequence);
  for (const [name] of below) after.delete(name);
  return { memories: after, refusals, below: new Map(below) };
}

/** What speaks against a document by itself, on this sidecar and at this moment. */
function ownFault(document: VerifiedDocument, rules: AcceptRules): Problem | undefined {
  return (
    checkService(rolloutOf(document), rules.service) ?? checkExpiry(document, rules, rules.nowMs)
  );
}

/** `service`: the one destination of this sidecar; undefined = any. Problem code: `rollout_not_ours`. */
export function checkService(
  rollout: VerifiedRollout,
  service: string | undefined,
): Problem | undefined {
  if (service === undefined || destinationsOf(rollout).includes(service)) return undefined;
  return problem('rollout_not_ours', `the document does not cover \`${service}\``);
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
  const least = Math.max(seen.newest?.sequence ?? 0, minSequence);
  const hasNewest = mounted.some(({ document }) => document.sequence >= least);
  const documents = mounted
    .map(({ document }) => document)
    .filter(({ sequence }) => !hasNewest || sequence >= least);
  const { memory, refused } = takeInOrder(documents, seen, minSequence);
  for (const { document, problem: found } of refused) {
    const file = mounted.find((each) => each.document === document);
    if (file !== undefined) refuse(file, found);
  }
  const { newest, lastRollout } = memory;
  if (newest === undefined || lastRollout === undefined) return undefined;
  return { newest, lastRollout, running: before?.running };
}

/**
 * A rollout may take over what another one ruled, but not with a document that is older than that one's:
 * an old document under another name would get round the order of sequences.
 */
function youngerRuler(
  { newest }: RolloutMemory,
  before: Memories,
  mounted: ReadonlyMap<string, unknown>,
): string | undefined {
  const covered = new Set(destinationsOf(rolloutOf(newest)));
  for (const [name, ruler] of before) {
    // One that is mounted too is a conflict, and told as that.
    if (mounted.has(name) || ruler.newest.issuedAtMs <= newest.issuedAtMs) continue;
    const service = destinationsOf(rolloutOf(ruler.newest)).find((each) => covered.has(each));
    if (service === undefined) continue;
    return `the document is older than that of \`${name}\`, which rules \`${service}\``;
  }
  return undefined;
}

/** Two rollouts that are mounted and cover one destination: neither goes further than it was. */
function settleConflicts(
  after: Map<string, RolloutMemory>,
  before: Memories,
  mounted: ReadonlyMap<string, readonly Mounted[]>,
  refuse: (mounted: Mounted, found: Problem) => void,
): void {
  const fallen = new Set<string>();
  // What falls back may cover again what another one has taken over: that one then falls, too.
  for (;;) {
    const conflicts = conflictsOf(after).filter(({ name }) => !fallen.has(name));
    if (conflicts.length === 0) return;
    for (const { name, message } of conflicts) {
      if (fallen.has(name)) continue;
      fallen.add(name);
      const digest = after.get(name)?.newest.digest;
      const file = mounted.get(name)?.find(({ document }) => document.digest === digest);
      // Without one the rollout stands where it stood, and its files were refused already.
      if (file !== undefined) refuse(file, problem('rollout_conflict', message));
    }
    for (const { name } of conflicts) {
      const memory = before.get(name);
      if (memory === undefined) after.delete(name);
      else after.set(name, memory);
    }
  }
}

/** Sorted, so that the same is told in whatever order files came. */
function conflictsOf(memories: Memories): { name: string; message: string }[] {
  const owners = new Map<string, string[]>();
  for (const [name, { newest }] of [...memories].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const service of destinationsOf(rolloutOf(newest))) append(owners, service, name);
  }
  return [...owners].flatMap(([service, names]) => {
    if (names.length === 1) return [];
    return names.map((name) => {
      const others = names.filter((other) => other !== name).map((other) => `\`${other}\``);
      const message = `rollout \`${name}\` covers \`${service}\`, and so does ${others.join(', ')}`;
      return { name, message };
    });
  });
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
