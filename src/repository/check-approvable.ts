/**
 * What an approver's machine checks before anybody's word is given for a rollout: it is what its
 * history, the rules of change and its bundles make of its source, and nothing else.
 */
import type { RunTests } from '../bundle/build.js';
import { verifyDeep } from '../bundle/verify-deep.js';
import { CLOCK_SKEW_MS } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { changeProblems, type Provenance } from '../rollout/change-rules.js';
import { timeText } from '../rollout/document-fields.js';
import { isExpired } from '../rollout/expiry.js';
import { fitProblem } from '../rollout/fit.js';
import { nextDocument, rolloutOf } from '../rollout/next-document.js';
import type { RolloutPayload } from '../rollout/payload.js';
import { bundleRefText } from '../rollout/source.js';
import type { ResolvedBundle, VerifiedDocument, VerifiedRollout } from '../rollout/types.js';
import { bundleFacts, type FoundBundle, findBundle } from './bundles.js';
import { judgeEvidence } from './evidence.js';
import type { RolloutId } from './layout.js';
import type { Repository } from './open.js';
import { asOfItsDay, type OpenHistory, openHistory } from './open-history.js';
import { type AsOf, activeThere } from './provenance.js';

export interface Approvable {
  readonly id: RolloutId;
  readonly file: string;
  readonly document: VerifiedRollout;
  readonly nowMs: number;
  readonly runTests: RunTests;
}

/** Undefined = nothing speaks against approving it. */
export async function checkApprovable(
  repository: Repository,
  asked: Approvable,
): Promise<Result<undefined>> {
  const history = await openHistory(repository, asked.id);
  if (!history.ok) return history;
  const before = earlierThan(asked.document, history.value);
  const place = placeProblem(asked, before.documents.at(-1));
  if (place !== undefined) return failed(place);
  const expected = expectedPayload(asked.document, before);
  const [wrong, ...more] = [
    ...deviations(asked, expected),
    ...(await ruleProblems(repository, asked, expected, before)),
    ...(await judgeEvidence(asked.file, {
      ...asked.document,
      before: rolloutOf(before.counting.at(-1))?.source,
    })),
  ];
  if (wrong !== undefined) return failed(wrong, ...more);
  return checkBundles(repository, asked, before.counting);
}

interface Earlier {
  readonly documents: readonly VerifiedDocument[];
  readonly counting: readonly VerifiedDocument[];
  readonly ofItsDay: boolean;
}

/**
 * One that was approved in its day, and is again since a key is gone, was made after the documents of that
 * day: it is held against them as they counted then.
 */
function earlierThan({ digest }: VerifiedRollout, history: OpenHistory): Earlier {
  const ofItsDay = history.entries.some(({ past }) => past?.document.digest === digest);
  const { documents, counting } = ofItsDay ? asOfItsDay(history) : history;
  const isOther = (each: VerifiedDocument) => each.digest !== digest;
  return { documents: documents.filter(isOther), counting: counting.filter(isOther), ofItsDay };
}

/** It is the next one, and nothing has come since. */
function placeProblem(
  { document, file }: Approvable,
  newest: VerifiedDocument | undefined,
): Problem | undefined {
  const { sequence, previous } = document;
  const next = (newest?.sequence ?? 0) + 1;
  if (sequence !== next) {
    const message = `it has sequence ${sequence}, and the next one of the history is ${next}`;
    return problem('rollout_sequence', message, { file });
  }
  const before = newest?.digest ?? null;
  if (previous === before) return undefined;
  const message = `\`previous\` is \`${previous}\`, and the newest document is \`${before}\``;
  return problem('history_broken', message, { file });
}

/** What an honest author's command would have sealed from the same source at the same moment. */
function expectedPayload(
  document: VerifiedRollout,
  { documents, counting }: Earlier,
): RolloutPayload {
  const { source, sourceText, resolved, author, trust, seed, issuedAtMs, evidence } = document;
  return nextDocument({
    ...{ history: documents, counting, source, sourceText, author, trust, issuedAtMs },
    active: resolved.active,
    candidate: resolved.candidate ?? undefined,
    newSeed: seed,
    evidence: evidence ?? undefined,
    revoke: document.revoked,
    reconcile: document.reconciles.length > 0,
  });
}

/** Fields that sidecars take at their word, and that follow from the history. */
function deviations({ document, file }: Approvable, expected: RolloutPayload): Problem[] {
  const { resolved, superseded, revoked, seed, expiresAtMs, reconciles } = document;
  const pairs: readonly (readonly [string, string, string])[] = [
    ['resolved.rollback', bundleText(resolved.rollback), bundleText(expected.resolved.rollback)],
    ['superseded', setText(superseded), setText(expected.superseded)],
    ['revoked', setText(revoked), setText(expected.revoked)],
    ['seed', seed, expected.seed],
    ['expiresAt', new Date(expiresAtMs).toISOString(), expected.expiresAt],
    ['reconciles', setText(reconciles), setText(expected.reconciles)],
  ];
  return pairs
    .filter(([, stated, wanted]) => stated !== wanted)
    .map(([field, stated, wanted]) => {
      const message = `\`${field}\` is ${stated || 'empty'}, and the history makes it ${wanted || 'empty'}`;
      return problem('change_refused', message, { file });
    });
}

function bundleText(bundle: ResolvedBundle | null): string {
  return bundle === null ? 'none' : `${bundleRefText(bundle)} ${bundle.digest}`;
}

function setText(digests: readonly string[]): string {
  return [...digests].sort().join(', ');
}

async function ruleProblems(
  repository: Repository,
  { id, document, file, nowMs }: Approvable,
  payload: RolloutPayload,
  { documents, counting: counted, ofItsDay }: Earlier,
): Promise<Problem[]> {
  // As of when it was sealed: what moved on meanwhile is no fault of it. A date ahead gains nothing.
  const atMs = Math.min(document.issuedAtMs, nowMs);
  const from = await provenance(repository, id, payload, { atMs, ofItsDay });
  if (!from.ok) return [...from.problems];
  const { trust } = repository;
  const [newest, counting] = [documents.at(-1), counted.at(-1)];
  const against = { payload, newest, counting, trust, nowMs: atMs, from: from.value };
  const problems = changeProblems(against);
  if (isExpired(document, nowMs)) {
    problems.push(problem('change_refused', `the document expired at ${payload.expiresAt}`));
  }
  if (document.issuedAtMs > nowMs + CLOCK_SKEW_MS) {
    // A sidecar ends exceptions by the latest date that it has seen.
    const message = `it is dated ${payload.issuedAt}, and here it is ${timeText(nowMs)}`;
    problems.push(problem('change_refused', message));
  }
  return problems.map((each) => ({ ...each, file }));
}

async function provenance(
  repository: Repository,
  { name, environment }: RolloutId,
  { resolved }: RolloutPayload,
  asOf: AsOf,
): Promise<Result<Provenance | undefined>> {
  const { after } = repository.trust.environments.find((each) => each.name === environment) ?? {};
  if (after === undefined) return ok(undefined);
  const there = await activeThere(repository, { name, environment: after }, asOf);
  if (!there.ok) return there;
  const { active, activeSinceMs, revoked } = there.value;
  const isActive = active?.digest === resolved.active.digest;
  return ok({ environment: after, activeSinceMs: isActive ? activeSinceMs : undefined, revoked });
}

async function checkBundles(
  repository: Repository,
  { document, file, runTests }: Approvable,
  earlier: readonly VerifiedDocument[],
): Promise<Result<undefined>> {
  const { resolved, source, sourceText } = document;
  for (const role of ['active', 'candidate', 'rollback'] as const) {
    const bundle = resolved[role];
    if (bundle === null) continue;
    const found = await sameBundle(repository, bundle, file);
    if (!found.ok) return found;
    if (role === 'rollback') continue;
    const { opened } = found.value;
    const facts = bundleFacts(opened);
    if (!facts.ok) return facts;
    const check = { routes: role === 'active' };
    const misfit = fitProblem(source, facts.value, check, {
      ...{ text: sourceText, file: `${file} (source)` },
    });
    if (misfit !== undefined) return failed(misfit);
    // What was here before was built again then, perhaps by another version of the engine.
    if (earlier.some((each) => holds(each, bundle))) continue;
    const deep = verifyDeep(opened, runTests);
    if (!deep.ok) return deep;
  }
  return ok(undefined);
}

async function sameBundle(
  repository: Repository,
  bundle: ResolvedBundle,
  file: string,
): Promise<Result<FoundBundle>> {
  const found = await findBundle(repository, bundle);
  if (!found.ok || found.value.digest === bundle.digest) return found;
  const message = `\`${bundleRefText(bundle)}\` is \`${bundle.digest}\` here, and \`${found.value.digest}\` in ${found.value.file}`;
  return failed(problem('bundle_ambiguous', message, { file }));
}

function holds(document: VerifiedDocument, { digest }: ResolvedBundle): boolean {
  const { resolved } = document.kind === 'emergency' ? document.base : document;
  return resolved.active.digest === digest || resolved.candidate?.digest === digest;
}
