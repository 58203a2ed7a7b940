/**
 * Whether a sealed rollout may be believed. The order matters: nothing in the payload is read before
 * somebody who may write rollouts is known to have signed it.
 */
import { escapeName } from '../bundle/names.js';
import { type Problem, problem } from '../errors.js';
import { type Failed, failed, ok, type Result } from '../result.js';
import { type ApprovalVerdict, judgeApprovals } from './approvals.js';
import { countAuthors, identifyAuthors } from './authorship.js';
import { documentDigest, type SealedRollout } from './documents.js';
import { locateFinding, sortProblems } from './finding.js';
import { type Assessment, assess, countAmong, type Requirement, unmet } from './impact.js';
import { checkLimits } from './limits.js';
import { parseRolloutPayload, type ReadPayload } from './payload.js';
import { rolloutRules } from './rules.js';
import { bundleRefText, readRolloutSource } from './source.js';
import type { Trust } from './trust.js';
import type { RolloutSource, VerifiedRollout } from './types.js';

/** The rules and the place by which documents are judged. */
export interface JudgedBy {
  readonly trust: Trust;
  readonly environment: string;
}

/** The file that a document was read from. */
export interface Origin {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** A rollout of which everything holds but, perhaps, that enough people have approved it. */
export interface ExaminedRollout {
  /** `approvers` are those whose approval counts so far. */
  readonly document: VerifiedRollout;
  readonly assessment: Assessment;
  readonly approvals: readonly ApprovalVerdict[];
  /** Requirements that the approvals do not meet. */
  readonly unmet: readonly Requirement[];
}

/** Examined, and approved by enough people. Problem codes: see verify.ts. */
export function verifyRollout(
  sealed: SealedRollout,
  origin: Origin,
  by: JudgedBy,
): Result<VerifiedRollout> {
  const examined = examineSealed(sealed, origin, by);
  if (!examined.ok) return examined;
  const { document, unmet: open } = examined.value;
  return open.length === 0 ? ok(document) : refuseUnapproved(examined.value, origin.file);
}

export function examineSealed(
  sealed: SealedRollout,
  { file, bytes }: Origin,
  { trust, environment }: JudgedBy,
): Result<ExaminedRollout> {
  const rules = rolloutRules(trust, file);
  if (!rules.ok) return rules;
  const { author, approver } = rules.value;
  const identified = identifyAuthors(sealed, author, file);
  if (!identified.ok) return identified;

  const parsed = parseRolloutPayload(sealed.payload, `${file} (payload)`);
  if (!parsed.ok) return parsed;
  const payload = parsed.value;
  const signed = countAuthors(identified.value, author, { atMs: payload.issuedAt, file });
  if (!signed.ok) return signed;
  const stray = strayAuthor(payload, signed.value, file) ?? strayPlace(payload, environment, file);
  if (stray !== undefined) return failed(stray);

  const source = readSource(payload, trust, file);
  if (!source.ok) return source;
  const assessed = assess(source.value, trust, rules.value, file);
  if (!assessed.ok) return assessed;

  const digest = documentDigest(sealed);
  const { evidence, issuedAt } = payload;
  const authors = new Set(identified.value.flatMap(({ signer }) => signer?.person ?? []));
  const approved = { digest, evidence, issuedAtMs: issuedAt, authors };
  const approvals = judgeApprovals(sealed.approvals, approved, approver);
  const approvers = approvals.flatMap((verdict) =>
    verdict.fault === undefined && verdict.approver !== undefined ? [verdict.approver] : [],
  );
  const { impact, requirements } = assessed.value;
  return ok({
    document: {
      ...believed(payload, source.value),
      ...{ digest, approvers: approvers.sort(), impact, bytes },
    },
    assessment: assessed.value,
    approvals,
    unmet: unmet(requirements, approvers),
  });
}

function strayAuthor(
  { author }: ReadPayload,
  signed: readonly string[],
  file: string,
): Problem | undefined {
  if (signed.includes(author)) return undefined;
  const message = `it names \`${author}\` as its author, and \`${signed.join('`, `')}\` signed`;
  return problem('signature_threshold', message, { file });
}

function strayPlace(payload: ReadPayload, environment: string, file: string): Problem | undefined {
  if (payload.environment === environment) return undefined;
  const message = `it is for environment \`${payload.environment}\`, and this is \`${environment}\``;
  return problem('rollout_environment', message, { file });
}

/** The source, when it is what the payload says it is, and within the limits. */
function readSource(payload: ReadPayload, trust: Trust, file: string): Result<RolloutSource> {
  const read = readRolloutSource(payload.source, `${file} (source)`);
  if (!read.ok) return read;
  const { source, document } = read.value;
  const { resolved } = payload;
  const pairs: readonly (readonly [string, string, string])[] = [
    ['name', payload.name, source.name],
    ['environment', payload.environment, source.environment],
    ['resolved.active', bundleRefText(resolved.active), bundleRefText(source.bundle)],
    ['resolved.candidate', refOrNone(resolved.candidate), refOrNone(source.candidate)],
  ];
  const [first, ...rest] = pairs
    .filter(([, stated, written]) => stated !== written)
    .map(([field, stated, written]) => {
      const message = `\`${field}\` is \`${escapeName(stated)}\`, and the source says \`${escapeName(written)}\``;
      return problem('rollout_invalid', message, { file });
    });
  if (first !== undefined) return failed(first, ...rest);
  const [beyond, ...more] = sortProblems(
    checkLimits(source, trust).map((f) => locateFinding('rollout_limit', document, f)),
  );
  return beyond === undefined ? ok(source) : failed(beyond, ...more);
}

function refOrNone(ref: Parameters<typeof bundleRefText>[0] | null | undefined): string {
  return ref === null || ref === undefined ? 'none' : bundleRefText(ref);
}

function believed(payload: ReadPayload, source: RolloutSource) {
  const { name, environment, sequence, previous, author, resolved } = payload;
  const { superseded, revoked, trust, seed, evidence, reconciles } = payload;
  return {
    kind: 'rollout',
    ...{ name, environment, sequence, previous, author, source },
    sourceText: payload.source,
    ...{ resolved, superseded, revoked, trust, seed },
    issuedAtMs: payload.issuedAt,
    expiresAtMs: payload.expiresAt,
    ...{ evidence, reconciles },
  } as const;
}

/** Says what is missing, and of every approval that does not count why. */
function refuseUnapproved(
  { document, assessment, approvals, unmet: open }: ExaminedRollout,
  file: string,
): Failed {
  const { approvers, impact } = document;
  const faults = approvals.flatMap(({ keyid, fault }, i) =>
    fault === undefined ? [] : [`approval ${i + 1} (${keyid || 'no key id'}): ${fault}`],
  );
  const [first, ...rest] = open.map((requirement, i) => {
    const { people, among, destination } = requirement;
    const what = destination === undefined ? `a change of ${impact} impact` : `\`${destination}\``;
    const whom = among === undefined ? '' : ` among \`${among.join('`, `')}\``;
    const count = countAmong(approvers, among);
    const why = destination === undefined && impact === 'high' ? ` (${assessment.because[0]})` : '';
    const message = `${what}${why} needs approvals by ${people}${whom}, and ${count} count`;
    // Once is enough for all of them.
    return problem('approvals_missing', [message, ...(i === 0 ? faults : [])].join('; '), { file });
  });
  if (first === undefined) throw new Error('refused for requirements that are met');
  return failed(first, ...rest);
}
