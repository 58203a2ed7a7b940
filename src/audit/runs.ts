/**
 * Where documents ran, from when to when, by the change lines of logs. A line counts for a document
 * only if it names its digest, and its number; what names anything else contradicts the history.
 */
import type { Digest } from '../bundle/types.js';
import { CLOCK_SKEW_MS } from '../constants.js';
import type { RolloutId } from '../repository/layout.js';
import type { VerifiedDocument } from '../rollout/types.js';
import type { ChangeLine } from './log-line.js';

/** One workload ran one document, from its change line to the next one that says something else. */
export interface Run {
  readonly workload: string;
  readonly cluster: string | null;
  readonly from: string;
  /** Null when no later line of the workload is in the logs: it may run still, or be gone. */
  readonly until: string | null;
  /** Times that it was taken again meanwhile: the workload was started anew. */
  readonly restarts: number;
}

/** A line that does not agree with the history. */
export interface Contradiction {
  /** The workload of a log, or the URL of a `/status`. */
  readonly source: string;
  /** Null for `/status`, which speaks of now. */
  readonly at: string | null;
  readonly sequence: number | null;
  readonly digest: string | null;
  readonly why: string;
}

export interface RunsOf {
  readonly runs: ReadonlyMap<Digest, readonly Run[]>;
  readonly contradictions: readonly Contradiction[];
}

/** `changes` of any rollouts, in any order. */
export function runsOf(
  id: RolloutId,
  documents: readonly VerifiedDocument[],
  changes: readonly ChangeLine[],
): RunsOf {
  const known = new Map<string, VerifiedDocument>(documents.map((d) => [d.digest, d]));
  const runs = new Map<Digest, Run[]>();
  const contradictions: Contradiction[] = [];
  for (const lines of byWorkload(id, changes)) {
    let open: { digest: Digest; run: Run } | undefined;
    const close = (until: string | null) => {
      if (open === undefined) return;
      const { digest, run } = open;
      runs.set(digest, [...(runs.get(digest) ?? []), { ...run, until }]);
      open = undefined;
    };
    for (const line of lines) {
      const at = timeOf(line.atMs);
      const document = line.digest === null ? undefined : known.get(line.digest);
      const why =
        line.rollout === null
          ? undefined
          : (contradiction(line, document, documents) ?? untimely(line, document));
      if (why !== undefined) {
        const { sequence, digest } = line;
        contradictions.push({ source: sourceOf(line), at, sequence, digest, why });
      }
      if (document !== undefined && why === undefined && open?.digest === document.digest) {
        open = { ...open, run: { ...open.run, restarts: open.run.restarts + 1 } };
        continue;
      }
      close(at);
      if (document === undefined || why !== undefined) continue;
      const { workload, cluster } = line;
      const run = { workload, cluster, from: at, until: null, restarts: 0 };
      open = { digest: document.digest, run };
    }
    close(null);
  }
  return { runs, contradictions };
}

/** Lines of each workload that took the rollout, or went over to serving without one; by time. */
function byWorkload(id: RolloutId, changes: readonly ChangeLine[]): ChangeLine[][] {
  const groups = new Map<string, ChangeLine[]>();
  for (const line of changes) {
    if (line.result !== 'taken' || line.environment !== id.environment) continue;
    if (line.rollout !== null && line.rollout !== id.name) continue;
    const key = JSON.stringify([line.cluster, line.workload]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [line]);
    else group.push(line);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, lines]) => lines.sort((a, b) => a.atMs - b.atMs));
}

/** Why what is said to run is none of the history; undefined when it is. */
export function contradiction(
  said: { readonly sequence: number | null; readonly digest: string | null },
  document: VerifiedDocument | undefined,
  documents: readonly VerifiedDocument[],
): string | undefined {
  if (document !== undefined) {
    return document.sequence === said.sequence
      ? undefined
      : `it names the digest of number ${document.sequence}`;
  }
  return documents.some(({ sequence }) => sequence === said.sequence)
    ? 'the document with this number has another digest'
    : 'there is no verified document with this number and digest';
}

/** No clock of a pod makes a document run before somebody wrote it. */
function untimely({ atMs }: ChangeLine, document: VerifiedDocument | undefined) {
  if (document === undefined || atMs >= document.issuedAtMs - CLOCK_SKEW_MS) return undefined;
  return `it is dated before the document, which was made at ${timeOf(document.issuedAtMs)}`;
}

/** `cluster/workload`, as far as it says. */
export function sourceOf({ workload, cluster }: Pick<Run, 'workload' | 'cluster'>): string {
  return cluster === null ? workload : `${cluster}/${workload}`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
