/** What the next document of a rollout says, besides what people wrote. Pure. */
import { API_VERSION } from '../bundle/built-manifest.js';
import type { Digest } from '../bundle/types.js';
import { EXPIRES_AFTER_REVIEW_MS } from '../constants.js';
import { type RolloutPayload, WRITTEN_FOR_READER } from './payload.js';
import type { ResolvedBundle, RolloutSource, VerifiedDocument, VerifiedRollout } from './types.js';

export interface NextDocument {
  /** Those that came before, ascending, of either kind; each verified, by the rules of now or of its day. */
  readonly history: readonly VerifiedDocument[];
  /**
   * Those of them that still count. Whoever holds a stolen key may have made the others: they are followed,
   * and what they revoked stays revoked, but nothing that helps a bundle is taken from them. Default: all.
   */
  readonly counting?: readonly VerifiedDocument[];
  readonly source: RolloutSource;
  readonly sourceText: string;
  readonly active: ResolvedBundle;
  readonly candidate: ResolvedBundle | undefined;
  readonly author: string;
  readonly trust: Digest;
  /** For the first document only. */
  readonly newSeed: string;
  readonly issuedAtMs: number;
  readonly evidence: Digest | undefined;
  /** Bundles that stop at once, besides those revoked before. */
  readonly revoke: readonly Digest[];
  /** Whether it takes over the emergency that is open. */
  readonly reconcile: boolean;
}

export function nextDocument(next: NextDocument): RolloutPayload {
  const { history, counting = history, source, active, issuedAtMs } = next;
  const newest = history.at(-1);
  const last = rolloutOf(counting.at(-1));
  const revoked = unique([...history.flatMap(revokedBy), ...next.revoke]);
  return {
    apiVersion: API_VERSION,
    kind: 'PolicyRollout',
    environment: source.environment,
    name: source.name,
    sequence: (newest?.sequence ?? 0) + 1,
    previous: newest?.digest ?? null,
    author: next.author,
    source: next.sourceText,
    resolved: {
      active,
      candidate: next.candidate ?? null,
      rollback: rollbackTarget(counting, active, revoked) ?? null,
    },
    superseded: unique([
      ...(last?.superseded ?? []),
      ...(last === undefined ? [] : [last.resolved.active.digest]),
    ]).filter((digest) => digest !== active.digest),
    revoked,
    trust: next.trust,
    seed: last?.seed ?? next.newSeed,
    issuedAt: timeOf(issuedAtMs),
    expiresAt: timeOf(source.change.reviewByMs + EXPIRES_AFTER_REVIEW_MS),
    minReader: WRITTEN_FOR_READER,
    evidence: next.evidence ?? null,
    reconciles: reconciled(next, rolloutOf(newest)),
  };
}

/**
 * Every emergency that was ever taken over. A pod that stopped at one and missed the document that
 * took it over would else refuse all later ones.
 */
function reconciled(
  { history, reconcile }: NextDocument,
  last: VerifiedRollout | undefined,
): Digest[] {
  const since = history.filter(({ kind, sequence }) => {
    return kind === 'emergency' && sequence > (last?.sequence ?? 0);
  });
  const open = reconcile ? since.map(({ digest }) => digest) : [];
  const before = history.flatMap((document) => rolloutOf(document).reconciles);
  return unique([...before, ...open]);
}

/** What anybody revoked stays revoked: nobody un-revokes by taking an emergency over, or by removing a key. */
export function revokedBy(document: VerifiedDocument): readonly Digest[] {
  return [
    ...rolloutOf(document).revoked,
    ...(document.kind === 'emergency' ? document.revoke : []),
  ];
}

/** The document, or what an emergency stands on. */
export function rolloutOf(document: VerifiedDocument): VerifiedRollout;
export function rolloutOf(document: VerifiedDocument | undefined): VerifiedRollout | undefined;
export function rolloutOf(document: VerifiedDocument | undefined): VerifiedRollout | undefined {
  return document?.kind === 'emergency' ? document.base : document;
}

/**
 * The way back: the last bundle that was active before, and neither revoked nor left by going back.
 * A bundle that was left so counts again once it is made active again.
 */
export function rollbackTarget(
  history: readonly VerifiedDocument[],
  active: ResolvedBundle,
  revoked: readonly Digest[],
): ResolvedBundle | undefined {
  const stack: ResolvedBundle[] = [];
  const push = (bundle: ResolvedBundle) => {
    const at = stack.findIndex(({ digest }) => digest === bundle.digest);
    // One that is there already lies below: what came after it was left by going back to it.
    if (at === -1) stack.push(bundle);
    else stack.length = at + 1;
  };
  for (const document of history) {
    if (document.kind === 'rollout') push(document.resolved.active);
  }
  push(active);
  return stack
    .slice(0, -1)
    .reverse()
    .find(({ digest }) => !revoked.includes(digest));
}

function unique(digests: readonly Digest[]): Digest[] {
  return [...new Set(digests)];
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
