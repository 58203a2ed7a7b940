/**
 * The same rollout in another environment: what is not the same there, and which change made it so.
 * Why is what people wrote into those changes; nothing is guessed.
 */
import { type Change, changesBetween } from './changes.js';
import type { VerifiedDocument } from './types.js';

/** The change that made something what it is in an environment. */
export interface Origin {
  readonly sequence: number;
  readonly ticket: string;
  /** Of an emergency, who declared it. */
  readonly owner: string;
  /** null for an emergency: its ticket says why. */
  readonly reason: string | null;
}

export interface RolloutDifference {
  /** From there to here: what was added is here and not there. */
  readonly change: Change;
  /** null: no change of that environment has ever touched it. */
  readonly here: Origin | null;
  readonly there: Origin | null;
}

export interface Elsewhere {
  readonly environment: string;
  /** The newest document that counts there. */
  readonly sequence: number;
  readonly differences: readonly RolloutDifference[];
}

/** What decides; the rest, such as review dates, is each environment's own. */
const COMPARED: ReadonlySet<Change['what']> = new Set([
  ...(['bundle', 'candidate', 'destination', 'enforce', 'hold'] as const),
  ...(['exception', 'block', 'revoked', 'unrevoked'] as const),
]);

/** Documents that count, oldest first, of both; undefined when there is nothing to compare. */
export function compareElsewhere(
  environment: string,
  there: readonly VerifiedDocument[],
  here: readonly VerifiedDocument[],
): Elsewhere | undefined {
  const [newestThere, newestHere] = [there.at(-1), here.at(-1)];
  if (newestThere === undefined || newestHere === undefined) return undefined;
  const origins = [originsOf(here), originsOf(there)] as const;
  const differences = changesBetween(newestThere, newestHere)
    .filter(({ what }) => COMPARED.has(what))
    .map((change) => {
      const [ours, theirs] = origins.map((each) => each.get(subjectOf(change)) ?? null);
      return { change, here: ours ?? null, there: theirs ?? null };
    });
  return { environment, sequence: newestThere.sequence, differences };
}

/** Of everything that was ever changed, the newest document that did it. */
function originsOf(documents: readonly VerifiedDocument[]): Map<string, Origin> {
  const origins = new Map<string, Origin>();
  for (const [i, document] of documents.entries()) {
    for (const change of changesBetween(documents[i - 1], document)) {
      origins.set(subjectOf(change), originOf(document));
    }
  }
  return origins;
}

function originOf(document: VerifiedDocument): Origin {
  const { sequence } = document;
  if (document.kind === 'emergency') {
    const { ticket, author } = document;
    return { sequence, ticket, owner: author, reason: null };
  }
  const { ticket, owner, reason } = document.source.change;
  return { sequence, ticket, owner, reason };
}

/** A revocation that is missing here is one that was made there. */
function subjectOf(change: Change): string {
  if ('name' in change) return `${change.what} ${change.name}`;
  if (change.what === 'revoked' || change.what === 'unrevoked') return `revoked ${change.digest}`;
  return change.what;
}
