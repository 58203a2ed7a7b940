/** What goes into an audit folder: gathered from repository, Git and logs. The same facts, the same bytes. */
import { join } from 'node:path';
import { emergencyRecords } from '../audit/emergencies.js';
import {
  AUDIT_INDEX_FILE,
  type AuditFacts,
  CHANGES_FILE,
  EMERGENCIES_FILE,
  EXCEPTIONS_FILE,
  formatIndex,
  README_FILE,
  RUNS_FILE,
  trustPath,
} from '../audit/index-file.js';
import { jsonText } from '../audit/json-text.js';
import type { Interval, LogFacts } from '../audit/log-facts.js';
import { type DocumentReport, reportDocuments, shortProblem } from '../audit/report.js';
import { type Contradiction, type Run, runsOf } from '../audit/runs.js';
import { selectEntries } from '../audit/select.js';
import { readBounded } from '../bundle/read-bounded.js';
import type { Digest } from '../bundle/types.js';
import { AUDIT_FILE_BYTES_MAX } from '../constants.js';
import { listHistories } from '../repository/histories.js';
import { readHistory } from '../repository/history.js';
import {
  beginningProblem,
  type JudgedEntry,
  type JudgedHistory,
  judgeHistory,
  recordedTrust,
} from '../repository/judge.js';
import { evidenceFile, type RolloutId } from '../repository/layout.js';
import type { Repository } from '../repository/open.js';
import {
  allRules,
  readTrustHistory,
  rulesWith,
  type TrustHistory,
  type TrustVersion,
} from '../repository/trust-history.js';
import { ok, type Result } from '../result.js';
import { auditReadme } from './audit-readme.js';
import { logWarnings } from './log-reading.js';

/** One rollout, as far as the interval is about it. */
export interface AuditedRollout {
  readonly id: RolloutId;
  readonly entries: readonly JudgedEntry[];
  /** Newest first. */
  readonly reports: readonly DocumentReport[];
  readonly runs: ReadonlyMap<Digest, readonly Run[]>;
  readonly contradictions: readonly Contradiction[];
}

export interface AuditFolder {
  readonly facts: AuditFacts;
  readonly rollouts: readonly AuditedRollout[];
  /** By path, with README.md and index.json. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export async function gatherAudit(
  repository: Repository,
  interval: Interval,
  logs: LogFacts,
): Promise<Result<AuditFolder>> {
  const { root, trust } = repository;
  const ids = await listHistories(root);
  if (!ids.ok) return ids;
  const versions = await readTrustHistory(root);
  const rollouts: AuditedRollout[] = [];
  const problems: string[] = [];
  for (const id of ids.value) {
    const history = await readHistory(root, id, { trust, environment: id.environment });
    if (!history.ok) return history;
    const believed = (digest: string) => rulesWith(versions, digest);
    const judged = judgeHistory(history.value, { given: trust, believed, all: allRules(versions) });
    const audited = auditRollout(judged, interval, logs);
    if (audited.entries.length === 0) continue;
    rollouts.push(audited);
    const beginning = beginningProblem(judged);
    const found = [...judged.problems, ...(beginning === undefined ? [] : [beginning])];
    problems.push(...found.map(shortProblem));
  }
  const kept = neededVersions(rollouts, versions, interval);
  const facts: AuditFacts = {
    from: interval.fromMs,
    to: interval.toMs,
    rollouts: rollouts.map(({ id }) => id),
    trust: kept.versions.map(({ digest, sinceMs }) => {
      return { digest, since: sinceMs, present: digest === trust.digest };
    }),
    notes: [...kept.notes, ...logWarnings(logs.account())],
    problems,
  };
  const files = await filesOf(root, rollouts, kept.versions, interval, logs);
  files.set(README_FILE, Buffer.from(auditReadme(facts, rollouts, logs), 'utf8'));
  files.set(AUDIT_INDEX_FILE, formatIndex(facts, files));
  return ok({ facts, rollouts, files });
}

function auditRollout(judged: JudgedHistory, interval: Interval, logs: LogFacts): AuditedRollout {
  const { id, documents } = judged;
  const { runs, contradictions } = runsOf(id, documents, logs.changes);
  const entries = selectEntries(judged, runs, interval);
  const files = new Set(entries.map(({ file }) => file));
  const reports = reportDocuments(judged, { runs, live: [] }).filter(({ file }) => files.has(file));
  const within = contradictions.filter(
    ({ at }) => at !== null && isWithin(Date.parse(at), interval),
  );
  return { id, entries, reports, runs, contradictions: within };
}

function isWithin(atMs: number, { fromMs, toMs }: Interval): boolean {
  return atMs >= fromMs && atMs < toMs;
}

function versionWith({ versions }: TrustHistory, digest: string): TrustVersion | undefined {
  return versions.find((version) => version.digest === digest);
}

/** Those in force in the interval, those that documents were made by, and the present one; oldest first. */
function neededVersions(
  rollouts: readonly AuditedRollout[],
  history: TrustHistory,
  { fromMs, toMs }: Interval,
): { readonly versions: readonly TrustVersion[]; readonly notes: readonly string[] } {
  const { versions, gap } = history;
  const notes = gap === undefined ? [] : [`${gap}; documents are judged by what is there`];
  const wanted = new Set<string>();
  for (const [i, { digest, sinceMs }] of versions.entries()) {
    const begins = sinceMs ?? Number.NEGATIVE_INFINITY;
    const ends = versions[i - 1]?.sinceMs ?? Number.POSITIVE_INFINITY;
    if (i === 0 || (begins < toMs && ends > fromMs)) wanted.add(digest);
  }
  for (const { file, bytes } of rollouts.flatMap(({ entries }) => entries)) {
    const recorded = recordedTrust(bytes, file);
    if (recorded === undefined) continue;
    if (versionWith(history, recorded) !== undefined) wanted.add(recorded);
    else notes.push(`${file} was made by rules that are not there: \`${recorded}\``);
  }
  // The first time that a version was there counts; it may have come back.
  const oldest = new Map([...versions].reverse().map((version) => [version.digest, version]));
  for (const version of [...versions].reverse()) {
    if (oldest.get(version.digest)?.sinceMs == null) oldest.set(version.digest, version);
  }
  return { versions: [...oldest.values()].filter(({ digest }) => wanted.has(digest)), notes };
}

async function filesOf(
  root: string,
  rollouts: readonly AuditedRollout[],
  versions: readonly TrustVersion[],
  interval: Interval,
  logs: LogFacts,
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const put = (path: string, text: string) => files.set(path, Buffer.from(text, 'utf8'));
  for (const { digest, bytes } of versions) files.set(trustPath(digest), bytes);
  for (const { id, entries } of rollouts) {
    for (const { file, bytes, document, sequence } of entries) {
      files.set(file, bytes);
      if (document?.kind !== 'rollout' || document.evidence === null) continue;
      const path = evidenceFile(id, sequence);
      const evidence = await readBounded(join(root, path), path, AUDIT_FILE_BYTES_MAX);
      if (evidence.ok) files.set(path, evidence.value);
    }
  }
  const changes = logs.changes
    .filter(({ atMs }) => isWithin(atMs, interval))
    .sort((a, b) => a.atMs - b.atMs || (a.text < b.text ? -1 : 1));
  put(CHANGES_FILE, changes.map(({ text }) => `${text}\n`).join(''));
  put(RUNS_FILE, jsonText(rollouts.map(runsFile)));
  put(EXCEPTIONS_FILE, jsonText(logs.uses()));
  const emergencies = rollouts.flatMap(({ id, entries }) => {
    const documents = entries.flatMap(({ document }) => document ?? []);
    return emergencyRecords({ id, documents });
  });
  put(EMERGENCIES_FILE, jsonText(emergencies));
  return files;
}

function runsFile({ id, entries, runs, contradictions }: AuditedRollout) {
  const documents = entries.flatMap(({ document }) => {
    if (document === undefined) return [];
    const { sequence, digest } = document;
    return [{ sequence, digest, runs: runs.get(digest) ?? [] }];
  });
  return { environment: id.environment, name: id.name, documents, contradictions };
}
