/**
 * The history of a rollout, as its next document follows it. What the rules of its day took and those
 * of now do not, since a key was stolen or a rule got stricter, is followed and not trusted: its number
 * is used up and what it revoked stays revoked, but it speaks for nothing that a thief could want.
 */
import type { Digest } from '../bundle/types.js';
import { failed, ok, type Result } from '../result.js';
import { revokedBy, rolloutOf } from '../rollout/next-document.js';
import type { Trust } from '../rollout/trust.js';
import type { VerifiedDocument, VerifiedRollout } from '../rollout/types.js';
import { type ExaminedRollout, examineRollout, verifyDocument } from '../rollout/verify.js';
import { chainProblems, type HistoryEntry, readHistory } from './history.js';
import { type JudgedEntry, judgeHistory, recordedTrust } from './judge.js';
import type { RolloutId } from './layout.js';
import type { Repository } from './open.js';
import { allRules, readTrustHistory, rulesWith, type TrustHistory } from './trust-history.js';

/** `document` and `examined`: as it counts now. */
export interface OpenEntry extends HistoryEntry {
  /** What it was by the rules of its day, where those of now do not take it. */
  readonly past:
    | (Pick<HistoryEntry, 'examined'> & { readonly document: VerifiedDocument })
    | undefined;
  /** It names rules that Git does not know, so that nobody can tell whether it was approved. */
  readonly isUnknown: boolean;
}

export interface OpenHistory {
  readonly id: RolloutId;
  /** Ascending. */
  readonly entries: readonly OpenEntry[];
  /** What sidecars may have taken, ascending: the next document follows the last of them. */
  readonly documents: readonly VerifiedDocument[];
  readonly latest: VerifiedDocument | undefined;
  /** The latest that is no emergency, or on which the latest one stands. */
  readonly lastRollout: VerifiedRollout | undefined;
  /** Those of `documents` that count, ascending. */
  readonly counting: readonly VerifiedDocument[];
  /** The newest of them. */
  readonly newest: VerifiedDocument | undefined;
  /** The last entry, when it is a rollout that was never approved by enough people. */
  readonly proposal: OpenEntry | undefined;
}

/**
 * Problem codes: `history_broken`, and why a document of it verifies by no rules. Git is asked only
 * where the rules of now do not take every document.
 */
export async function openHistory(
  { root, trust }: Repository,
  id: RolloutId,
): Promise<Result<OpenHistory>> {
  const history = await readHistory(root, id, { trust, environment: id.environment });
  if (!history.ok) return history;
  const { entries: read } = history.value;
  // What waits for approval by the rules of now has no others.
  const isPuzzling = read.some((entry) => {
    const isTaken = entry.document !== undefined || entry.examined !== undefined;
    return !isTaken || otherRules(entry, trust) !== undefined;
  });
  const known: TrustHistory = isPuzzling
    ? await readTrustHistory(root)
    : { versions: [], gap: undefined };
  const believed = (digest: string) => rulesWith(known, digest);
  const { entries: judged } = judgeHistory(history.value, {
    given: trust,
    believed,
    all: allRules(known),
  });
  const entries = read.map((entry, i) => {
    const ofItsDay = judged[i];
    const day = ofItsDay && believed(ofItsDay.trust)?.trust;
    const recorded = otherRules(entry, trust);
    const isUnknown = recorded !== undefined && believed(recorded) === undefined;
    const { environment } = id;
    const waited = recorded === undefined ? undefined : believed(recorded)?.trust;
    const examined = entry.examined ?? waitingBy(entry, waited, environment);
    const rules = { ofItsDay, day, now: trust, environment };
    return { ...opened({ ...entry, examined }, rules), isUnknown };
  });
  const seen = entries.map((entry) => ({ ...entry, document: documentOf(entry) }));
  // One that only lacks approvals is no fault; an emergency that verifies has no problems.
  const broken = seen
    .filter(({ document, examined }) => document === undefined && examined === undefined)
    .flatMap((entry) => entry.problems.map((each) => ({ ...each, help: helpWith(entry, known) })));
  const [first, ...rest] = [...chainProblems(id, seen), ...broken];
  return first === undefined ? ok(assemble(id, entries)) : failed(first, ...rest);
}

/** The same with every document taken at the word of its day: for whoever judges something of that day. */
export function asOfItsDay({ id, entries }: OpenHistory): OpenHistory {
  return assemble(
    id,
    entries.map((entry) => (entry.past === undefined ? entry : { ...entry, ...entry.past })),
  );
}

/** Every bundle that any of them revoked. */
export function revokedIn({ documents }: OpenHistory): ReadonlySet<Digest> {
  return new Set(documents.flatMap(revokedBy));
}

function assemble(id: RolloutId, entries: readonly OpenEntry[]): OpenHistory {
  const documents = entries.flatMap((entry) => documentOf(entry) ?? []);
  const counting = entries.flatMap(({ document }) => document ?? []);
  const last = entries.at(-1);
  const isProposal = last !== undefined && documentOf(last) === undefined;
  const latest = documents.at(-1);
  return {
    ...{ id, entries, documents, counting, latest, lastRollout: rolloutOf(latest) },
    newest: counting.at(-1),
    proposal: isProposal ? last : undefined,
  };
}

function documentOf({ document, past }: OpenEntry): VerifiedDocument | undefined {
  return document ?? past?.document;
}

interface Rules {
  readonly ofItsDay: JudgedEntry | undefined;
  readonly day: Trust | undefined;
  readonly now: Trust;
  readonly environment: string;
}

function opened(
  entry: HistoryEntry,
  { ofItsDay, day, now, environment }: Rules,
): Omit<OpenEntry, 'isUnknown'> {
  const document = ofItsDay?.document;
  if (entry.document !== undefined || document === undefined || day === undefined) {
    return { ...entry, past: undefined };
  }
  const past = { document, examined: ofItsDay?.examined };
  const still = stillApproved(entry, { day, now, environment });
  return { ...entry, ...still, past };
}

/**
 * Only the author's key is gone: enough people whose keys count now have approved what it signed, as they
 * would have if the thief had written it. So it counts as it did. An emergency that is signed with a key
 * that is gone does not, nor does what a key that is gone approved.
 */
function stillApproved(
  { bytes, file }: HistoryEntry,
  { day, now, environment }: Pick<Rules, 'now' | 'environment'> & { readonly day: Trust },
): { document: VerifiedDocument; examined: ExaminedRollout | undefined } | undefined {
  const author = day.roles.get('author');
  if (author === undefined) return undefined;
  const trust = { ...now, roles: new Map(now.roles).set('author', author) };
  const document = verifyDocument(bytes, file, { trust, environment });
  if (!document.ok) return undefined;
  const examined = examineRollout(bytes, file, { trust, environment });
  return { document: document.value, examined: examined.ok ? examined.value : undefined };
}

/** A proposal whose author's key is gone still waits; nobody can approve it, and another may take its place. */
function waitingBy({ bytes, file }: HistoryEntry, trust: Trust | undefined, environment: string) {
  const examined = trust && examineRollout(bytes, file, { trust, environment });
  return examined?.ok === true && examined.value.unmet.length > 0 ? examined.value : undefined;
}

/** The rules that a document names, which does not verify by those of now. */
function otherRules(
  { document, bytes, file }: HistoryEntry,
  { digest }: Trust,
): string | undefined {
  const recorded = document === undefined ? recordedTrust(bytes, file) : undefined;
  return recorded === digest ? undefined : recorded;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Of a document that no rules take: what can be done depends on whether its own are known. */
function helpWith({ file, bytes, isUnknown }: OpenEntry, { gap }: TrustHistory): string {
  const restore = `restore the file from Git (\`git log -p -- ${file}\`), and find out who changed it`;
  const recorded = recordedTrust(bytes, file);
  if (!isUnknown || recorded === undefined || !DIGEST.test(recorded)) return restore;
  const why = gap === undefined ? '' : ` (${gap})`;
  return `it names the trust.yaml \`${recorded}\`, which Git does not know here${why}: if a key of it was removed since, fetch the whole history, or commit trust.yaml as it was and then as it is; else ${restore}`;
}
