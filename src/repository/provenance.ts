/** Where a bundle has been active before it comes here, and since when. */
import type { Digest } from '../bundle/types.js';
import { ok, type Result } from '../result.js';
import type { Provenance } from '../rollout/change-rules.js';
import { approvedState } from '../rollout/effective.js';
import type { ResolvedBundle } from '../rollout/types.js';
import { type HistoryEntry, readHistory } from './history.js';
import type { Repository } from './open.js';

export interface ActiveThere extends Provenance {
  /** What is active there; undefined when nothing is. */
  readonly active: ResolvedBundle | undefined;
}

/**
 * What is active in `environment` under the rollout `name`, and since when without a break. What
 * counts is when the last needed approval was given: before that no sidecar took the document.
 * `atMs`: as of that moment, so that what moved on since is no fault of what was made then.
 */
export async function activeThere(
  { root, trust }: Repository,
  { name, environment }: { readonly name: string; readonly environment: string },
  atMs = Number.POSITIVE_INFINITY,
): Promise<Result<ActiveThere>> {
  const history = await readHistory(root, { environment, name }, { trust, environment });
  if (!history.ok) return history;
  const entries = history.value.entries.filter(
    ({ document }) => document !== undefined && document.issuedAtMs <= atMs,
  );
  const newest = entries.at(-1)?.document;
  const active = newest && approvedState(newest).active;
  if (active === undefined) return ok({ environment, active, activeSinceMs: undefined });
  return ok({ environment, active, activeSinceMs: activeSince(entries, active.digest) });
}

function activeSince(entries: readonly HistoryEntry[], digest: Digest): number | undefined {
  let sinceMs: number | undefined;
  for (const entry of [...entries].reverse()) {
    if (entry.document === undefined) continue;
    if (approvedState(entry.document).active?.digest !== digest) break;
    sinceMs = approvedAtMs(entry, entry.document.issuedAtMs);
  }
  return sinceMs;
}

function approvedAtMs({ examined }: HistoryEntry, issuedAtMs: number): number {
  const signed = (examined?.approvals ?? [])
    .filter(({ fault }) => fault === undefined)
    .flatMap(({ statement }) => statement?.signedAt ?? []);
  return Math.max(issuedAtMs, ...signed);
}
