/**
 * The change card of a sealed document, as plain data: what it means, what it changes, who stands
 * behind it, who must still, and the way back. Only what was verified is in it as a fact.
 */
import type {
  EntityDifference,
  EnvironmentPolicy,
  EnvironmentReason,
} from '../bundle/environments.js';
import type { Digest } from '../bundle/types.js';
import type { Result } from '../result.js';
import {
  type CardApproval,
  type CardNeed,
  type CardPerson,
  cardApprovals,
  cardNeeds,
  personOf,
} from './card-approvals.js';
import { type CardCommand, waysBack } from './card-commands.js';
import { type CardEvidence, cardEvidence } from './card-evidence.js';
import { meaningOf } from './card-sentences.js';
import { type Change, changesBetween } from './changes.js';
import { timeText } from './document-fields.js';
import { approvedState } from './effective.js';
import type { Elsewhere } from './elsewhere.js';
import type { Evidence } from './evidence.js';
import { isExpired } from './expiry.js';
import type { Assessment } from './impact.js';
import { bundleRefText } from './source.js';
import type { Trust } from './trust.js';
import type {
  ApprovedState,
  ResolvedBundle,
  VerifiedDocument,
  VerifiedEmergency,
} from './types.js';
import { utcDayText } from './utc-time.js';
import type { ExaminedRollout } from './verify-rollout.js';

/** A rollout with what its approvals are worth, or an emergency, which nobody approves. */
export type Examined =
  | { readonly kind: 'rollout'; readonly rollout: ExaminedRollout }
  | { readonly kind: 'emergency'; readonly emergency: VerifiedEmergency };

/** What came before; `unknown` when the history does not have it, or it does not verify. */
export type Before =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'document'; readonly document: VerifiedDocument; readonly approved: boolean }
  | { readonly kind: 'unknown'; readonly why: string };

/** What differs between the environments that one bundle serves, and in which files that is said. */
export interface EnvironmentFacts {
  readonly files: readonly string[];
  /** null = without one. */
  readonly environments: readonly (string | null)[];
  readonly differences: readonly EntityDifference[];
  readonly reasons: readonly EnvironmentReason[];
  readonly policies: readonly EnvironmentPolicy[];
}

export interface CardBundle extends ResolvedBundle {
  /** Relative to the repository; null where it is not at hand, or does not count. */
  readonly file: string | null;
  /** Why there is no file. */
  readonly why: string | null;
}

export interface CardInput {
  /** As it was named. */
  readonly file: string;
  readonly examined: Examined;
  readonly before: Before;
  /** Sequence of a newer document that counts. */
  readonly overtakenBy: number | undefined;
  readonly trust: Trust;
  /** The repository's bundles by digest: the file of one that counts, or why there is none. */
  readonly bundle: (digest: Digest) => Pick<CardBundle, 'file' | 'why'>;
  /** Of the active bundle; undefined when that is not at hand. */
  readonly environments: EnvironmentFacts | undefined;
  readonly elsewhere: readonly Elsewhere[];
  /** From beside the document; undefined where it names none. */
  readonly evidence: Result<Evidence> | undefined;
  readonly nowMs: number;
}

/** The form of `show --json`, but for commands, which are lines there. */
export interface Card {
  readonly kind: VerifiedDocument['kind'];
  readonly file: string;
  readonly name: string;
  readonly environment: string;
  readonly sequence: number;
  readonly digest: Digest;
  /** Whether it counts now, as far as people are concerned: an emergency does at once. */
  readonly status: 'approved' | 'waiting' | 'emergency';
  /** Sequence of the newest document of the history, when it came after this one. */
  readonly overtakenBy: number | null;
  readonly means: readonly string[];
  readonly comparedWith: {
    readonly kind: VerifiedDocument['kind'];
    readonly sequence: number;
    readonly digest: Digest;
    readonly approved: boolean;
  } | null;
  /** null when nobody can say, and why. */
  readonly changes: readonly Change[] | null;
  readonly notCompared: string | null;
  readonly author: CardPerson;
  /** `url` as trust.yaml has it. */
  readonly ticket: { readonly id: string; readonly url: string | null };
  /** `emergency`, or what the source says. */
  readonly type: string;
  /** Of the rollout; of its base for an emergency. */
  readonly owner: string;
  /** null for an emergency: its ticket says why. */
  readonly reason: string | null;
  /** null for an emergency. */
  readonly impact: Pick<Assessment, 'impact' | 'because'> | null;
  readonly approvals: readonly CardApproval[];
  readonly needed: readonly CardNeed[];
  readonly issuedAt: string;
  readonly reviewBy: string;
  readonly expiresAt: string;
  readonly expired: boolean;
  readonly reconcileBy: string | null;
  /** Digest of what was seen in shadow. */
  readonly evidence: Digest | null;
  /** What that evidence says; null without. */
  readonly seen: CardEvidence | null;
  readonly bundles: {
    readonly active: CardBundle | null;
    readonly candidate: CardBundle | null;
    readonly rollback: CardBundle | null;
  };
  readonly environments: EnvironmentFacts | null;
  /** The same rollout in other environments, and what differs. */
  readonly elsewhere: readonly Elsewhere[];
  /** Destinations that this document begins to enforce: their Envoy must ask before it forwards. */
  readonly firstEnforced: readonly string[];
  readonly check: readonly CardCommand[];
  readonly back: readonly CardCommand[];
}

export function makeCard(input: CardInput): Card {
  const { examined, before, trust, file, nowMs } = input;
  const document = documentOf(examined);
  const rollout = document.kind === 'emergency' ? document.base : document;
  const is = approvedState(document);
  const earlier = before.kind === 'document' ? before.document : undefined;
  const was = earlier && approvedState(earlier);
  const changes = before.kind === 'unknown' ? null : changesBetween(earlier, document);
  const bundles = bundlesOf(is, rollout.resolved.rollback, input);
  const isEmergency = document.kind === 'emergency';
  const { type, owner, reason } = rollout.source.change;
  return {
    kind: document.kind,
    file,
    name: rollout.name,
    environment: rollout.environment,
    sequence: document.sequence,
    digest: document.digest,
    status: statusOf(examined),
    overtakenBy: input.overtakenBy ?? null,
    means: meaningOf(document, is, was),
    comparedWith: comparedWith(before),
    changes,
    notCompared: before.kind === 'unknown' ? before.why : null,
    author: personOf(document.author, trust),
    ticket: ticketOf(is.ticket, trust),
    type: isEmergency ? document.kind : type,
    owner,
    reason: isEmergency ? null : reason,
    ...approvalFacts(examined, trust),
    issuedAt: timeText(document.issuedAtMs),
    reviewBy: utcDayText(is.reviewByMs),
    expiresAt: timeText(is.expiresAtMs),
    expired: isExpired(document, nowMs),
    reconcileBy: isEmergency ? timeText(document.reconcileByMs) : null,
    evidence: isEmergency ? null : document.evidence,
    seen: input.evidence === undefined ? null : cardEvidence(input.evidence),
    bundles,
    environments: input.environments ?? null,
    elsewhere: input.elsewhere,
    firstEnforced: firstEnforced(is, was),
    check: checks(document.sequence, was, bundles, input),
    back: waysBack(document, changes),
  };
}

export function documentOf(examined: Examined): VerifiedDocument {
  return examined.kind === 'rollout' ? examined.rollout.document : examined.emergency;
}

function statusOf(examined: Examined): Card['status'] {
  if (examined.kind === 'emergency') return 'emergency';
  return examined.rollout.unmet.length === 0 ? 'approved' : 'waiting';
}

function comparedWith(before: Before): Card['comparedWith'] {
  if (before.kind !== 'document') return null;
  const { kind, sequence, digest } = before.document;
  return { kind, sequence, digest, approved: before.approved };
}

function ticketOf(id: string, { limits: { ticketUrl } }: Trust): Card['ticket'] {
  return { id, url: ticketUrl?.replaceAll('{ticket}', () => encodeURIComponent(id)) ?? null };
}

function approvalFacts(
  examined: Examined,
  trust: Trust,
): Pick<Card, 'impact' | 'approvals' | 'needed'> {
  if (examined.kind === 'emergency') return { impact: null, approvals: [], needed: [] };
  const { impact, because } = examined.rollout.assessment;
  return {
    impact: { impact, because },
    approvals: cardApprovals(examined.rollout, trust),
    needed: cardNeeds(examined.rollout, trust),
  };
}

function bundlesOf(
  { active, candidate }: ApprovedState,
  rollback: ResolvedBundle | null,
  { bundle }: CardInput,
): Card['bundles'] {
  const found = (ref: ResolvedBundle | null | undefined) =>
    ref === null || ref === undefined ? null : { ...ref, ...bundle(ref.digest) };
  return { active: found(active), candidate: found(candidate), rollback: found(rollback) };
}

/** Destinations that nothing was enforced for, and something is now. */
function firstEnforced(is: ApprovedState, was: ApprovedState | undefined): string[] {
  const before = new Set(was === undefined ? [] : enforcedDestinations(was));
  return enforcedDestinations(is).filter((service) => !before.has(service));
}

function enforcedDestinations({ enforce, destinations }: ApprovedState): string[] {
  const all = destinations.map(({ service }) => service);
  return all.filter((service) =>
    enforce.some(({ match }) => match.destinations?.includes(service) ?? true),
  );
}

function checks(
  sequence: number,
  was: ApprovedState | undefined,
  { active, candidate }: Card['bundles'],
  { bundle }: CardInput,
): CardCommand[] {
  const verify = [active, candidate].flatMap((found): CardCommand[] => {
    if (found?.file == null) return [];
    const argv = ['cedargate', 'verify', found.file, '--trust', 'trust.yaml'];
    return [{ what: `who signed ${bundleRefText(found)}`, argv }];
  });
  const diff = (
    from: ResolvedBundle | null | undefined,
    to: CardBundle | null,
    what: string,
  ): CardCommand[] => {
    if (from == null || to?.file == null || from.digest === to.digest) return [];
    const { file } = bundle(from.digest);
    if (file === null) return [];
    return [{ what, argv: ['cedargate', 'bundle', 'diff', file, to.file] }];
  };
  const status = ['curl', '-s', 'http://127.0.0.1:9292/status'];
  return [
    ...verify,
    ...diff(was?.active, active, 'what the bundles decide differently'),
    ...diff(active, candidate, 'what the candidate decides differently'),
    {
      what: `in the pod: \`sequence\` is ${sequence} in \`approved\` and in \`rollout\``,
      argv: status,
    },
  ];
}
