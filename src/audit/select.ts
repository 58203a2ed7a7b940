/** Which documents of a history an auditor needs for an interval. */
import type { Digest } from '../bundle/types.js';
import type { JudgedEntry, JudgedHistory } from '../repository/judge.js';
import type { VerifiedDocument } from '../rollout/types.js';
import type { Interval } from './log-facts.js';
import type { Run } from './runs.js';

/**
 * Those that were issued, in force or seen running in the interval, without gaps; the one before the
 * first, and bases of emergencies, to judge them by; what took an emergency over; and every file that
 * does not verify: nobody knows when it is from. Ascending; empty when there is nothing to tell.
 */
export function selectEntries(
  { entries, documents }: JudgedHistory,
  runs: ReadonlyMap<Digest, readonly Run[]>,
  interval: Interval,
): JudgedEntry[] {
  const wanted = new Set<number>();
  for (const [i, entry] of entries.entries()) {
    const document = entry.document ?? entry.examined?.document;
    if (document === undefined) continue;
    const next = documents.find(({ sequence }) => sequence > document.sequence);
    const inForce = { fromMs: document.issuedAtMs, toMs: next?.issuedAtMs ?? Infinity };
    const ran = runs.get(document.digest) ?? [];
    if ([inForce, ...ran.map(spanOf)].some((span) => overlaps(span, interval))) wanted.add(i);
  }
  const first = Math.min(...wanted);
  const last = Math.max(...[...wanted].map((i) => takenOver(entries, i)));
  const begin = earliestBase(entries, Math.max(0, first - 1), last);
  return entries.filter((entry, i) => {
    const isUnknown = entry.document === undefined && entry.examined === undefined;
    return isUnknown || (i >= begin && i <= last);
  });
}

function spanOf({ from, until }: Run): Interval {
  return { fromMs: Date.parse(from), toMs: until === null ? Infinity : Date.parse(until) };
}

/** A document that is replaced in the moment it is issued was in force for none, and counts. */
function overlaps(a: Interval, b: Interval): boolean {
  return a.fromMs < b.toMs && Math.max(a.toMs, a.fromMs + 1) > b.fromMs;
}

function takenOver(entries: readonly JudgedEntry[], i: number): number {
  const document = entries[i]?.document;
  if (document?.kind !== 'emergency') return i;
  return Math.max(
    i,
    entries.findIndex((entry) => reconciles(entry.document, document.digest)),
  );
}

function reconciles(document: VerifiedDocument | undefined, digest: Digest): boolean {
  return document?.kind === 'rollout' && document.reconciles.includes(digest);
}

/** Index of the first entry that is needed. */
function earliestBase(entries: readonly JudgedEntry[], begin: number, last: number): number {
  const bases = entries.slice(begin, last + 1).map(({ document }) => {
    if (document?.kind !== 'emergency') return begin;
    const at = entries.findIndex((entry) => entry.document?.digest === document.base.digest);
    return at === -1 ? begin : at;
  });
  return Math.min(begin, ...bases);
}
