/**
 * The rules of change that need more than the document: what came before, where the bundle ran, and
 * the clock. CLI and CI ask here; a sidecar cannot, and judges by what the document says.
 */
import type { Digest } from '../bundle/types.js';
import { type Problem, problem } from '../errors.js';
import { timeText } from './document-fields.js';
import { rolloutOf } from './next-document.js';
import type { RolloutPayload } from './payload.js';
import type { Trust } from './trust.js';
import type { VerifiedDocument, VerifiedRollout } from './types.js';

/** Since when a bundle has been active in the environment before, without a break. */
export interface Provenance {
  readonly environment: string;
  /** Undefined: it is not active there. */
  readonly activeSinceMs: number | undefined;
  /** Bundles that are revoked there by now. */
  readonly revoked: ReadonlySet<Digest>;
}

export interface Change {
  readonly payload: RolloutPayload;
  /** What it follows; undefined for the first. */
  readonly newest: VerifiedDocument | undefined;
  /** The newest whose word for a bundle counts; another one than `newest` after a key was stolen. */
  readonly counting: VerifiedDocument | undefined;
  readonly trust: Trust;
  readonly nowMs: number;
  /** Given with `--from`. */
  readonly from: Provenance | undefined;
}

/** Everything that speaks against the change. */
export function changeProblems(change: Change): Problem[] {
  return [
    ...reconcileProblems(change),
    ...promotionProblems(change),
    ...revokedProblems(change),
    ...reviewProblems(change),
    ...dateProblems(change),
  ];
}

/** Nothing may overtake an emergency: a document that says nothing of it would be refused anywhere. */
function reconcileProblems({ payload, newest }: Change): Problem[] {
  if (newest?.kind !== 'emergency' || payload.reconciles.includes(newest.digest)) return [];
  const by = timeText(newest.reconcileByMs);
  const message = `emergency ${newest.sequence} (${newest.ticket}) is open, to be reconciled by ${by}`;
  const help = 'decide what of it stays, write that into the rollout, and give --reconcile';
  return [problem('emergency_unreconciled', message, { help })];
}

/** A bundle gets into an environment from the one before, after it was active there long enough. */
function promotionProblems({ payload, counting, trust, from, nowMs }: Change): Problem[] {
  const { environment, resolved } = payload;
  const refuse = (message: string, help?: string) => [
    problem('change_refused', message, help === undefined ? {} : { help }),
  ];
  const rule = trust.environments.find(({ name }) => name === environment);
  if (trust.environments.length > 0 && rule === undefined) {
    return refuse(`trust.yaml has no environment \`${environment}\``);
  }
  const last = rolloutOf(counting);
  const wasHere = last !== undefined && knownHere(last, resolved.active.digest);
  if (rule?.after === undefined || wasHere) return [];
  if (from === undefined || from.environment !== rule.after) {
    const message = `bundles come to \`${environment}\` from \`${rule.after}\``;
    return refuse(message, `promote with --from ${rule.after}`);
  }
  if (from.revoked.has(resolved.active.digest)) {
    return refuse(`\`${resolved.active.digest}\` is revoked in \`${rule.after}\``);
  }
  if (from.activeSinceMs === undefined) {
    return refuse(`\`${resolved.active.digest}\` is not the active bundle of \`${rule.after}\``);
  }
  const soaked = nowMs - from.activeSinceMs;
  const soak = rule.soak ?? 0;
  if (soaked >= soak) return [];
  const until = timeText(from.activeSinceMs + soak);
  const message = `the bundle has not been active in \`${rule.after}\` for long enough: until ${until}`;
  return refuse(message);
}

/** Active before, or the way back: it came here by the rules once. */
function knownHere({ resolved, superseded }: VerifiedRollout, digest: Digest): boolean {
  return (
    resolved.active.digest === digest ||
    resolved.rollback?.digest === digest ||
    superseded.includes(digest)
  );
}

function revokedProblems({ payload }: Change): Problem[] {
  const { active, candidate } = payload.resolved;
  return [active, candidate].flatMap((bundle) => {
    if (bundle === null || !payload.revoked.includes(bundle.digest)) return [];
    const message = `\`${bundle.name}@${bundle.version}\` is revoked`;
    return [problem('change_refused', message)];
  });
}

function reviewProblems({ payload, nowMs }: Change): Problem[] {
  if (Date.parse(payload.expiresAt) > nowMs) return [];
  const message = `the document would have expired already, at ${payload.expiresAt}`;
  return [problem('change_refused', message, { help: 'give a later reviewBy' })];
}

/**
 * Which rules, keys and soak times count follows from when a document says that it was made, so it must
 * not say that it is older than the one before. Of an emergency that says nothing: nobody looked at it.
 */
function dateProblems({ payload, newest }: Change): Problem[] {
  const last = rolloutOf(newest);
  if (last === undefined || Date.parse(payload.issuedAt) >= last.issuedAtMs) return [];
  const issuedAt = timeText(last.issuedAtMs);
  const message = `it is dated ${payload.issuedAt}, and document ${last.sequence} was made at ${issuedAt}`;
  return [
    problem('change_refused', message, { help: 'compare the clock of the author with yours' }),
  ];
}
