/** What `history` and `audit export` find out about one rollout: the form of `history --json`. */
import { type Answer, type LiveFacts, liveFacts } from '../audit/live.js';
import type { LogAccount, LogFacts } from '../audit/log-facts.js';
import { type DocumentReport, reportDocuments, shortProblem } from '../audit/report.js';
import { type Contradiction, runsOf } from '../audit/runs.js';
import type { Digest } from '../bundle/types.js';
import { readHistory } from '../repository/history.js';
import { beginningProblem, type JudgedHistory, judgeHistory } from '../repository/judge.js';
import type { RolloutId } from '../repository/layout.js';
import type { Repository } from '../repository/open.js';
import { allRules, readTrustHistory, rulesWith } from '../repository/trust-history.js';
import { ok, type Result } from '../result.js';
import { type BundleComparison, compareBundles } from './bundle-changes.js';

/** Documented in docs/audit.md; fields are only added without a new schemaVersion. */
export interface HistoryFound {
  readonly schemaVersion: 1;
  readonly name: string;
  readonly environment: string;
  /** Of trust.yaml as it is now. */
  readonly trust: Digest;
  /** Whether every document verifies and all of them fit together. */
  readonly intact: boolean;
  readonly problems: readonly string[];
  /** Newest first. */
  readonly documents: readonly (DocumentReport & {
    readonly bundleDiff: BundleComparison | null;
  })[];
  readonly contradictions: readonly Contradiction[];
  readonly logs: LogAccount;
  readonly status: Pick<LiveFacts, 'failed'>;
  /** Whether any log or sidecar was asked. */
  readonly asked: boolean;
}

export async function findHistory(
  repository: Repository,
  id: RolloutId,
  logs: LogFacts,
  answers: readonly Answer[],
): Promise<Result<HistoryFound>> {
  const judged = await readJudged(repository, id);
  if (!judged.ok) return judged;
  const { documents: verified } = judged.value;
  const { runs, contradictions } = runsOf(id, verified, logs.changes);
  const live = liveFacts(id, verified, answers);
  const reports = reportDocuments(judged.value, { runs, live: live.live });
  const comparisons = await compareBundles(repository, id.environment, reports);
  const beginning = beginningProblem(judged.value);
  const problems = [...judged.value.problems, ...(beginning === undefined ? [] : [beginning])];
  return ok({
    schemaVersion: 1,
    ...{ name: id.name, environment: id.environment, trust: repository.trust.digest },
    intact: problems.length === 0,
    problems: problems.map(shortProblem),
    documents: reports.map((report) => {
      return { ...report, bundleDiff: comparisons.get(report.sequence) ?? null };
    }),
    contradictions: [...live.contradictions, ...contradictions],
    logs: logs.account(),
    status: { failed: live.failed },
    asked: answers.length > 0 || logs.account().lines > 0,
  });
}

/** Git is asked only when the rules of today do not take every document. */
async function readJudged(
  { root, trust }: Repository,
  id: RolloutId,
): Promise<Result<JudgedHistory>> {
  const { environment } = id;
  const history = await readHistory(root, id, { trust, environment });
  if (!history.ok) return history;
  const isTaken = history.value.entries.every(({ document }) => document !== undefined);
  const { versions } = isTaken ? { versions: [] } : await readTrustHistory(root);
  const believed = (digest: string) => rulesWith({ versions }, digest);
  return ok(judgeHistory(history.value, { given: trust, believed, all: allRules({ versions }) }));
}
