/**
 * Whether a sealed emergency may be believed: one key is enough for it, so what it can do is bounded
 * here, and everything else stands in its base, which is verified like any other rollout.
 */
import { SEQUENCE_JUMP_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import { countAuthors, identifyAuthors } from './authorship.js';
import { documentDigest, formatSealed, type SealedEmergency } from './documents.js';
import { parseEmergencyPayload, type ReadEmergency } from './emergency-payload.js';
import { checkEmergencyLimits } from './limits.js';
import { emergencyRule } from './rules.js';
import type { Trust } from './trust.js';
import type { VerifiedEmergency, VerifiedRollout } from './types.js';
import { type JudgedBy, type Origin, verifyRollout } from './verify-rollout.js';

/** Problem codes: see verify.ts. */
export function verifyEmergency(
  sealed: SealedEmergency,
  { file, bytes }: Origin,
  by: JudgedBy,
): Result<VerifiedEmergency> {
  const role = emergencyRule(by.trust, file);
  if (!role.ok) return role;
  const identified = identifyAuthors(sealed, role.value, file);
  if (!identified.ok) return identified;
  const parsed = parseEmergencyPayload(sealed.payload, `${file} (payload)`);
  if (!parsed.ok) return parsed;
  const payload = parsed.value;
  const origin = { file: `${file} (base)`, bytes: formatSealed(payload.base) };
  const verified = verifyRollout(payload.base, origin, by);
  if (!verified.ok) return verified;
  const base = verified.value;
  const atMs = payload.issuedAt;
  const when = { atMs, sinceMs: base.issuedAtMs, file };
  const signed = countAuthors(identified.value, role.value, when);
  if (!signed.ok) return signed;
  const [author = ''] = signed.value;

  const { sequence, relax, rollback, blocks, revoke, ticket, reconcileBy } = payload;
  return okUnless(checkDelta(payload, base, by.trust, file), () => ({
    ...{ kind: 'emergency', digest: documentDigest(sealed), sequence, base, author },
    ...{ relax, rollback, blocks, revoke, ticket },
    issuedAtMs: atMs,
    reconcileByMs: reconcileBy,
    bytes,
  }));
}

function checkDelta(
  payload: ReadEmergency,
  base: VerifiedRollout,
  trust: Trust,
  file: string,
): readonly Problem[] {
  const limits = [
    ...checkEmergencyLimits(payload, trust).map(({ message, help }) => ({ message, help })),
    ...checkReconcileWithin(payload, trust).map((message) => ({ message, help: undefined })),
  ].map(({ message, help }) => {
    return problem('rollout_limit', message, { file, ...(help === undefined ? {} : { help }) });
  });
  const faults = [
    ...checkSequence(payload, base),
    ...checkEffect(payload, base),
    ...checkRelax(payload, base),
    ...checkRollback(payload, base),
    ...checkBlocks(payload, base),
  ].map((message) => problem('rollout_invalid', message, { file }));
  return [...faults, ...limits];
}

function checkSequence({ sequence }: ReadEmergency, base: VerifiedRollout): string[] {
  if (sequence <= base.sequence) {
    return [`sequence ${sequence} is not above that of its base, ${base.sequence}`];
  }
  return sequence > base.sequence + SEQUENCE_JUMP_MAX
    ? [`sequence ${sequence} is more than ${SEQUENCE_JUMP_MAX} above its base, ${base.sequence}`]
    : [];
}

/** An emergency that does nothing was meant to do something. */
function checkEffect(
  { relax, rollback, blocks, revoke }: ReadEmergency,
  base: VerifiedRollout,
): string[] {
  const relaxes = relax === 'all' ? base.source.enforce.length > 0 : relax.length > 0;
  const revokes = revoke.some((digest) => !base.revoked.includes(digest));
  return relaxes || rollback || blocks.length > 0 || revokes
    ? []
    : ['it does nothing: it relaxes, blocks and revokes nothing more, and does not roll back'];
}

function checkRelax({ relax }: ReadEmergency, { source }: VerifiedRollout): string[] {
  if (relax === 'all') return [];
  const enforced = new Set(source.enforce.map(({ name }) => name));
  return relax
    .filter((name) => !enforced.has(name))
    .map((name) => `\`relax\` names \`${name}\`, which its base does not enforce`);
}

function checkRollback({ rollback, revoke }: ReadEmergency, base: VerifiedRollout): string[] {
  if (!rollback) return [];
  const target = base.resolved.rollback;
  if (target === null) return ['it rolls back, and its base has nothing to roll back to'];
  return [...base.revoked, ...revoke].includes(target.digest)
    ? [`it rolls back to \`${target.digest}\`, which is revoked`]
    : [];
}

function checkBlocks({ blocks }: ReadEmergency, { source }: VerifiedRollout): string[] {
  const covered = new Set(source.destinations.map(({ service }) => service));
  const taken = new Set(source.blocks.map(({ name }) => name));
  return blocks.flatMap(({ name, match: { destinations = [] } }) => [
    ...(taken.has(name) ? [`block \`${name}\` is in its base already: names are unique`] : []),
    ...destinations
      .filter((service) => !covered.has(service))
      .map((service) => `block \`${name}\`: \`${service}\` is no destination of its base`),
  ]);
}

function checkReconcileWithin(
  { issuedAt, reconcileBy }: ReadEmergency,
  { limits: { reconcileWithin = Number.POSITIVE_INFINITY } }: Trust,
): string[] {
  if (reconcileBy <= issuedAt) return ['`reconcileBy` must be later than `issuedAt`'];
  return reconcileBy - issuedAt > reconcileWithin
    ? ['`reconcileBy` is later than `limits.reconcileWithin` in trust.yaml allows']
    : [];
}
