/**
 * The parts of trust.yaml that judge rollouts. Bundles do without them, so they may be missing; a
 * rule that is not there is never taken for one that allows everything.
 */
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { Signers } from '../signing/signers.js';
import type { Role, Trust } from './trust.js';

export interface RolloutRules {
  readonly author: Signers;
  readonly approver: Signers;
  readonly thresholds: NonNullable<Trust['thresholds']>;
}

/** Problem code: `trust_invalid`, naming the field that is missing. */
export function rolloutRules(trust: Trust, file: string): Result<RolloutRules> {
  const author = role(trust, 'author', file);
  if (!author.ok) return author;
  const approver = role(trust, 'approver', file);
  if (!approver.ok) return approver;
  if (trust.thresholds === undefined) return missing('thresholds', file);
  if (trust.destinations.length === 0) return missing('destinations', file);
  return ok({ author: author.value, approver: approver.value, thresholds: trust.thresholds });
}

/** Who may declare emergencies. Problem code: `trust_invalid`. */
export function emergencyRule(trust: Trust, file: string): Result<Signers> {
  return role(trust, 'emergency', file);
}

function role({ roles }: Trust, name: Role, file: string): Result<Signers> {
  const signers = roles.get(name);
  return signers === undefined ? missing(`roles.${name}`, file) : ok(signers);
}

function missing(field: string, file: string) {
  const message = `trust.yaml has no \`${field}\`, and without it nobody can judge this document`;
  return failed(problem('trust_invalid', message, { file }));
}
