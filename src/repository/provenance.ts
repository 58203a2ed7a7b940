/** Where a bundle has been active before it comes here, and since when. */
import type { Digest } from '../bundle/types.js';
import { ok, type Result } from '../result.js';
import type { Provenance } from '../rollout/change-rules.js';
import { approvedState } from '../rollout/effective.js';
import { unmet } from '../rollout/impact.js';
import type { ResolvedBundle } from '../rollout/types.js';
import type { HistoryEntry } from './history.js';
import type { Repository } from './open.js';
import { asOfItsDay, type OpenEntry, openHistory, revokedIn } from './open-history.js';

export interface ActiveThere extends Provenance {
  /** What is active there; undefined when nothing is. */
  readonly active: ResolvedBundle | undefined;
}

export interface AsOf {
  readonly atMs?: number;
  /** Takes documents at the word of the rules of their day. */
  readonly ofItsDay?: boolean;
}

/**
 * What is active in `environment` under the rollout `name`, and since when without a break. What
 * counts is when the last needed approval was given: before that no sidecar took the document.
 * `atMs`: as of that moment, so that what moved on since is no fault of what was made then; but what
 * was revoked since is revoked. Problem codes: those of `openHistory`, for a document that was put
 * there from another rollout would vouch for what nobody ran.
 */
export async function activeThere(
  repository: Repository,
  { name, environment }: { readonly name: string; readonly environment: string },
  { atMs = Number.POSITIVE_INFINITY, ofItsDay = false }: AsOf = {},
): Promise<Result<ActiveThere>> {
  const history = await openHistory(repository, { environment, name });
  if (!history.ok) return history;
  const { entries: all } = ofItsDay ? asOfItsDay(history.value) : history.value;
  const revoked = revokedIn(history.value);
  const entries = all.slice(0, all.findLastIndex((entry) => ranAt(entry, atMs)) + 1);
  const newest = entries.at(-1)?.document;
  const active = newest && approvedState(newest).active;
  const activeSinceMs = active && activeSince(entries, active.digest);
  return ok({ environment, active, activeSinceMs, revoked });
}

/** Also what does not count any more: it ran, and what was active before it is so no longer. */
function ranAt({ document, past }: OpenEntry, atMs: number): boolean {
  const ran = document ?? past?.document;
  return ran !== undefined && ran.issuedAtMs <= atMs;
}

/** One between that lacks approvals, by the rules of today, may have run all the same. */
function activeSince(entries: readonly HistoryEntry[], digest: Digest): number | undefined {
  let sinceMs: number | undefined;
  for (const entry of [...entries].reverse()) {
    const document = entry.document ?? entry.examined?.document;
    if (document === undefined || approvedState(document).active?.digest !== digest) break;
    if (entry.document !== undefined) sinceMs = approvedAtMs(entry, document.issuedAtMs);
  }
  return sinceMs;
}

/** More approvals than are needed, given later, are no reason to wait longer. */
function approvedAtMs({ examined }: HistoryEntry, issuedAtMs: number): number {
  const counted = (examined?.approvals ?? []).flatMap(({ approver, statement, fault }) =>
    fault === undefined && approver !== undefined && statement !== undefined
      ? [{ approver, signedAt: statement.signedAt }]
      : [],
  );
  const needed = examined?.assessment.requirements ?? [];
  const people: string[] = [];
  let atMs = issuedAtMs;
  for (const { approver, signedAt } of counted.sort((a, b) => a.signedAt - b.signedAt)) {
    if (unmet(needed, people).length === 0) break;
    people.push(approver);
    atMs = Math.max(atMs, signedAt);
  }
  return atMs;
}
