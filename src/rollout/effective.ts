/**
 * What a verified document asks for. An emergency is computed from its base and its delta, so whoever
 * may declare one can do nothing else than what the delta has words for.
 */
import type { Digest } from '../bundle/types.js';
import type {
  ApprovedState,
  Exception,
  ResolvedBundle,
  Slice,
  VerifiedDocument,
  VerifiedEmergency,
  VerifiedRollout,
} from './types.js';

export function approvedState(document: VerifiedDocument): ApprovedState {
  const emergency = document.kind === 'emergency' ? document : undefined;
  const base = document.kind === 'emergency' ? document.base : document;
  const { source, resolved } = base;
  const revoked: ReadonlySet<Digest> = new Set([...base.revoked, ...(emergency?.revoke ?? [])]);
  const candidate = resolved.candidate ?? undefined;
  return {
    name: base.name,
    environment: base.environment,
    sequence: document.sequence,
    digest: document.digest,
    author: document.author,
    // Nobody approved the delta, and saying that those of the base did would be a lie.
    approvers: emergency === undefined ? base.approvers : [],
    ticket: emergency?.ticket ?? source.change.ticket,
    issuedAtMs: document.issuedAtMs,
    expiresAtMs: base.expiresAtMs,
    reviewByMs: source.change.reviewByMs,
    destinations: source.destinations,
    ...bundles(base, emergency?.rollback ?? false, revoked),
    candidate: unless(revoked, candidate),
    revoked,
    enforce: stillEnforced(source.enforce, emergency),
    hold: source.hold,
    exceptions: source.exceptions.map((each) => endingWith(each, base.expiresAtMs)),
    blocks: [...source.blocks, ...(emergency?.blocks ?? [])],
    seed: base.seed,
    emergency: emergency === undefined ? undefined : facts(emergency),
  };
}

/**
 * A revoked bundle never runs: where the active one is revoked, the rollback target takes its place.
 * What was rolled back from is no way back.
 */
function bundles(
  { resolved }: VerifiedRollout,
  rollback: boolean,
  revoked: ReadonlySet<Digest>,
): Pick<ApprovedState, 'active' | 'fallback'> {
  const target = unless(revoked, resolved.rollback ?? undefined);
  const active = rollback ? undefined : unless(revoked, resolved.active);
  return active === undefined
    ? { active: target, fallback: undefined }
    : { active, fallback: target };
}

function unless(
  revoked: ReadonlySet<Digest>,
  bundle: ResolvedBundle | undefined,
): ResolvedBundle | undefined {
  return bundle === undefined || revoked.has(bundle.digest) ? undefined : bundle;
}

/** Of an expired document everything goes on but what it lets through. */
function endingWith(exception: Exception, expiresAtMs: number): Exception {
  return { ...exception, untilMs: Math.min(exception.untilMs, expiresAtMs) };
}

function stillEnforced(
  enforce: readonly Slice[],
  emergency: VerifiedEmergency | undefined,
): readonly Slice[] {
  if (emergency === undefined) return enforce;
  const { relax } = emergency;
  return relax === 'all' ? [] : enforce.filter(({ name }) => !relax.includes(name));
}

function facts(emergency: VerifiedEmergency): ApprovedState['emergency'] {
  const { digest, author, ticket, issuedAtMs, reconcileByMs } = emergency;
  return { digest, author, ticket, issuedAtMs, reconcileByMs };
}
