/**
 * The four questions, answered for each document of a rollout: what changed, who approved it, where it
 * ran from when to when, and what became of the version before. Pure; the form of `--json`.
 */
import type { Digest } from '../bundle/types.js';
import { formatProblem, type Problem } from '../errors.js';
import { isProposal, type JudgedEntry, type JudgedHistory } from '../repository/judge.js';
import { type Change, changesBetween } from '../rollout/changes.js';
import { approvedState } from '../rollout/effective.js';
import type { ResolvedBundle, VerifiedDocument } from '../rollout/types.js';
import type { ExaminedRollout } from '../rollout/verify.js';
import type { Live } from './live.js';
import { type Run, sourceOf } from './runs.js';

export type Standing = 'verified' | 'not_approved' | 'not_verified';

/** null = not known, since the document does not verify, or does not apply. */
export interface DocumentReport {
  /** Relative to the repository. */
  readonly file: string;
  readonly sequence: number;
  readonly kind: 'rollout' | 'emergency' | null;
  readonly standing: Standing;
  readonly digest: Digest | null;
  readonly issuedAt: string | null;
  readonly ticket: string | null;
  readonly owner: string | null;
  readonly reason: string | null;
  readonly changed: {
    /** Number of the document before; null for the first. */
    readonly against: number | null;
    readonly changes: readonly Change[];
  } | null;
  readonly approved: ApprovedReport | null;
  readonly ran: { readonly runs: readonly Run[]; readonly live: readonly Live[] };
  readonly previous: PreviousReport | null;
  /** Number of the document that took the emergency over; null = none yet, or no emergency. */
  readonly reconciledBy: number | null;
  /** The rules by which it was judged, and why those of today would not take it. */
  readonly trust: Digest;
  readonly todayProblems: readonly string[];
  /** Why it does not verify, or what is missing. */
  readonly problems: readonly string[];
}

/** People whose keys signed; never what a document claims. */
export interface ApprovedReport {
  readonly author: string;
  /** An emergency counts by its one signature. */
  readonly needsApproval: boolean;
  readonly approvals: readonly {
    readonly person: string;
    readonly signedAt: string;
    readonly comment: string | null;
  }[];
  /** Approvals that do not count. */
  readonly notCounted: readonly { readonly keyid: string; readonly why: string }[];
}

export interface PreviousReport {
  readonly sequence: number;
  readonly digest: Digest;
  /** What it ran; null for none. */
  readonly bundle: ResolvedBundle | null;
  /** `in_force`: the document after it does not count yet. `revoked` beats `superseded`. */
  readonly state: 'in_force' | 'superseded' | 'revoked';
  /** Number of the first document that revokes its bundle. */
  readonly revokedBy: number | null;
  /** Its bundle runs on under the document after it. */
  readonly sameBundle: boolean;
  /** Workloads that said last that they run it, and URLs that say it now. */
  readonly stillRunningOn: readonly string[];
}

export interface Observed {
  readonly runs: ReadonlyMap<Digest, readonly Run[]>;
  readonly live: readonly Live[];
}

/** Newest first. */
export function reportDocuments(history: JudgedHistory, observed: Observed): DocumentReport[] {
  const { entries, documents } = history;
  return entries
    .map((entry, i): DocumentReport => {
      const standing = standingOf(entry, entries.length - 1 - i);
      // Of one that lacks approvals, what it would change is known; of one without an author, nothing.
      const known = entry.document ?? entry.examined?.document;
      const before = known && documents.findLast(({ sequence }) => sequence < known.sequence);
      const { file, sequence, trust } = entry;
      return {
        ...{ file, sequence, kind: known?.kind ?? null, standing },
        ...factsOf(known),
        changed: known === undefined ? null : changedSince(before, known),
        approved: known === undefined ? null : approvedBy(known, entry.examined),
        ran: ranWhere(entry.document, observed),
        previous: before === undefined ? null : previousOf(before, entry, documents, observed),
        reconciledBy: known === undefined ? null : reconciler(known, documents),
        trust,
        todayProblems: entry.todayProblems.map(shortProblem),
        problems: entry.problems.map(shortProblem),
      };
    })
    .reverse();
}

function standingOf(entry: JudgedEntry, after: number): Standing {
  if (entry.document !== undefined) return 'verified';
  return isProposal(entry, after) ? 'not_approved' : 'not_verified';
}

function factsOf(document: VerifiedDocument | undefined) {
  if (document === undefined) {
    return { digest: null, issuedAt: null, ticket: null, owner: null, reason: null };
  }
  const { digest, issuedAtMs } = document;
  const issuedAt = timeOf(issuedAtMs);
  if (document.kind === 'emergency') {
    return { digest, issuedAt, ticket: document.ticket, owner: null, reason: null };
  }
  const { ticket, owner, reason } = document.source.change;
  return { digest, issuedAt, ticket, owner, reason };
}

function changedSince(before: VerifiedDocument | undefined, document: VerifiedDocument) {
  return { against: before?.sequence ?? null, changes: changesBetween(before, document) };
}

function approvedBy(
  document: VerifiedDocument,
  examined: ExaminedRollout | undefined,
): ApprovedReport {
  const approvals: ApprovedReport['approvals'][number][] = [];
  const notCounted: { keyid: string; why: string }[] = [];
  for (const { keyid, approver, statement, fault } of examined?.approvals ?? []) {
    if (fault !== undefined || approver === undefined || statement === undefined) {
      notCounted.push({ keyid, why: fault ?? 'nobody is known by this key' });
    } else {
      const { signedAt, comment } = statement;
      approvals.push({ person: approver, signedAt: timeOf(signedAt), comment });
    }
  }
  const { author, kind } = document;
  return { author, needsApproval: kind === 'rollout', approvals, notCounted };
}

function ranWhere(document: VerifiedDocument | undefined, { runs, live }: Observed) {
  if (document === undefined) return { runs: [], live: [] };
  const { digest } = document;
  return {
    runs: runs.get(digest) ?? [],
    live: live.filter((each) => each.digest === digest),
  };
}

function previousOf(
  before: VerifiedDocument,
  { document }: JudgedEntry,
  documents: readonly VerifiedDocument[],
  observed: Observed,
): PreviousReport {
  const { sequence, digest } = before;
  const { active: bundle } = approvedState(before);
  const revoking = documents.find(
    (each) => bundle !== undefined && approvedState(each).revoked.has(bundle.digest),
  );
  const { runs, live } = ranWhere(before, observed);
  const last = runs.filter(({ until }) => until === null).map(sourceOf);
  const replaced = document === undefined ? 'in_force' : 'superseded';
  const after = document && approvedState(document).active;
  return {
    ...{ sequence, digest, bundle: bundle ?? null },
    state: revoking === undefined ? replaced : 'revoked',
    revokedBy: revoking?.sequence ?? null,
    sameBundle: bundle !== undefined && after?.digest === bundle.digest,
    stillRunningOn: [...last, ...live.map(({ url }) => url)],
  };
}

function reconciler(
  document: VerifiedDocument,
  documents: readonly VerifiedDocument[],
): number | null {
  const { digest } = document;
  const by = documents.find((each) => each.kind === 'rollout' && each.reconciles.includes(digest));
  return by?.sequence ?? null;
}

/** Without its help: a report has many. */
export function shortProblem(problem: Problem): string {
  return formatProblem(problem).replace(/\nhelp: .*$/s, '');
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
