/** What a sidecar knows of rollouts from before: what was verified last, and what it runs. */
import type { Digest } from '../bundle/types.js';
import type { VerifiedDocument, VerifiedRollout } from '../rollout/types.js';

/** Of one rollout. Plain data: it crosses threads. */
export interface RolloutMemory {
  /** The newest verified document: approved, whether or not it runs. */
  readonly newest: VerifiedDocument;
  /** The newest that is no emergency; its emergencies stand on it. */
  readonly lastRollout: VerifiedRollout;
  readonly running: Running | undefined;
}

/** A document and the bundle that decides under it. */
export interface Running {
  /** Older than `newest` while that one's bundle is missing. */
  readonly document: VerifiedDocument;
  /** Undefined: none is there, and requests are answered by blocks and slices alone. */
  readonly bundle: Digest | undefined;
  readonly absence: 'no_bundle' | 'bundle_revoked';
}

export function sameRunning(a: Running | undefined, b: Running): boolean {
  return (
    a !== undefined &&
    a.document.digest === b.document.digest &&
    a.bundle === b.bundle &&
    a.absence === b.absence
  );
}

/** By the name of the rollout. */
export type Memories = ReadonlyMap<string, RolloutMemory>;

/** The name of the rollout that a document belongs to. */
export function rolloutNameOf(document: VerifiedDocument): string {
  return document.kind === 'rollout' ? document.name : document.base.name;
}

/** The approved document that this is, or stands on. */
export function rolloutOf(document: VerifiedDocument): VerifiedRollout {
  return document.kind === 'rollout' ? document : document.base;
}
