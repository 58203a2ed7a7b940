/**
 * The order of the documents of one rollout: what was seen before decides whether the next one is
 * taken. Rollouts and emergencies share one counter.
 */
import { compareBytewise } from '../bundle/names.js';
import type { Digest } from '../bundle/types.js';
import { SEQUENCE_JUMP_MAX } from '../constants.js';
import { type ErrorCode, type Problem, problem } from '../errors.js';
import type { VerifiedDocument, VerifiedEmergency, VerifiedRollout } from './types.js';

/** What was verified and taken before, of one rollout. A pod's first start remembers nothing. */
export interface Memory {
  /** Highest sequence, of either kind. */
  readonly newest: VerifiedDocument | undefined;
  /** The newest that is no emergency; the base of an emergency was seen with it. */
  readonly lastRollout: VerifiedRollout | undefined;
}

export const NOTHING_SEEN: Memory = { newest: undefined, lastRollout: undefined };

/**
 * Why a verified document may not follow what was seen before; undefined when it may, also when it
 * is the newest one again. `minSequence` stands in for a memory that a new pod does not have.
 * Problem codes: `rollout_sequence`, `emergency_unreconciled`.
 */
export function checkOrder(
  document: VerifiedDocument,
  memory: Memory,
  minSequence: number,
): Problem | undefined {
  const { sequence } = document;
  if (sequence < minSequence) {
    return refuse(`sequence ${sequence} is below the least one allowed, ${minSequence}`);
  }
  const { newest } = memory;
  if (newest === undefined || newest.digest === document.digest) return undefined;
  if (sequence < newest.sequence) {
    return refuse(`${nameOf(document)} is older than ${nameOf(newest)}, which was seen before`);
  }
  if (sequence === newest.sequence) {
    return refuse(`${nameOf(document)} has the number of ${nameOf(newest)}, which was seen before`);
  }
  if (sequence > newest.sequence + SEQUENCE_JUMP_MAX) {
    const message = `${nameOf(document)} is more than ${SEQUENCE_JUMP_MAX} above ${newest.sequence}, the newest seen before`;
    return refuse(message);
  }
  return document.kind === 'rollout'
    ? checkReconciled(document, newest)
    : checkBase(document, memory.lastRollout);
}

/** What is seen once this document has been taken. INVARIANT: checkOrder had nothing against it. */
export function remember(document: VerifiedDocument, { lastRollout }: Memory): Memory {
  const rollout = document.kind === 'rollout' ? document : document.base;
  const isNewer = lastRollout === undefined || rollout.sequence >= lastRollout.sequence;
  return { newest: document, lastRollout: isNewer ? rollout : lastRollout };
}

export interface Settled {
  readonly memory: Memory;
  readonly refused: readonly { readonly document: VerifiedDocument; readonly problem: Problem }[];
}

/**
 * Takes documents of one rollout that are there at once. The outcome is the same in whatever order
 * they are given: lower sequences come first, and of two with one number neither is taken, unless
 * it was before.
 */
export function takeInOrder(
  documents: readonly VerifiedDocument[],
  memory: Memory,
  minSequence: number,
): Settled {
  const refused: { document: VerifiedDocument; problem: Problem }[] = [];
  let seen = memory;
  for (const document of [...documents].sort(compareDocuments)) {
    const other = documents.find(
      ({ sequence, digest }) => sequence === document.sequence && digest !== document.digest,
    );
    const isKnown = [document, other].some((d) => d !== undefined && isNewest(d, memory));
    const problem =
      other === undefined || isKnown
        ? checkOrder(document, seen, minSequence)
        : refuse(`${nameOf(document)} has the number of ${nameOf(other)}, and both are there`);
    if (problem === undefined) seen = remember(document, seen);
    else refused.push({ document, problem });
  }
  return { memory: seen, refused };
}

/** Nothing overtakes an emergency but what says that it takes it over, or the next emergency. */
function checkReconciled(rollout: VerifiedRollout, newest: VerifiedDocument): Problem | undefined {
  if (newest.kind === 'rollout' || rollout.reconciles.includes(newest.digest)) return undefined;
  const message = `${nameOf(rollout)} would overtake ${nameOf(newest)}, which it does not list in \`reconciles\``;
  return refuse(message, 'emergency_unreconciled');
}

/**
 * An emergency stands on the last approved document, and must not bring an older one back. A newer
 * one than was seen is welcome, also where an emergency was seen meanwhile: whoever declares the
 * next emergency repeats what should stay, and sidecars that saw different parts of the history
 * must agree in the end.
 */
function checkBase(
  emergency: VerifiedEmergency,
  lastRollout: VerifiedRollout | undefined,
): Problem | undefined {
  const { base } = emergency;
  if (lastRollout === undefined || base.digest === lastRollout.digest) return undefined;
  const stands = `${nameOf(emergency)} stands on ${nameOf(base)}`;
  if (base.sequence < lastRollout.sequence) {
    return refuse(`${stands}, and ${nameOf(lastRollout)} came after that`);
  }
  if (base.sequence === lastRollout.sequence) {
    return refuse(`${stands}, which has the number of ${nameOf(lastRollout)}, seen before`);
  }
  return undefined;
}

function isNewest({ digest }: VerifiedDocument, { newest }: Memory): boolean {
  return newest?.digest === digest;
}

/** Of copies of one document, that with more approvals comes last and stays. */
function compareDocuments(a: VerifiedDocument, b: VerifiedDocument): number {
  const approvals = (d: VerifiedDocument) => (d.kind === 'rollout' ? d : d.base).approvers;
  return (
    a.sequence - b.sequence ||
    compareBytewise(a.digest, b.digest) ||
    approvals(a).length - approvals(b).length ||
    compareBytewise(approvals(a).join(), approvals(b).join())
  );
}

function nameOf({
  kind,
  sequence,
  digest,
}: {
  readonly kind: VerifiedDocument['kind'];
  readonly sequence: number;
  readonly digest: Digest;
}): string {
  return `${kind} ${sequence} (\`${digest}\`)`;
}

function refuse(message: string, code: ErrorCode = 'rollout_sequence'): Problem {
  return problem(code, message);
}
