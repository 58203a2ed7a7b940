/** Who approved a document, and whose approval it still needs: only what was verified is a fact. */
import { timeText } from './document-fields.js';
import { countAmong, type Requirement } from './impact.js';
import type { Trust } from './trust.js';
import type { ExaminedRollout } from './verify-rollout.js';

export interface CardPerson {
  /** As trust.yaml names them. */
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

export interface CardApproval {
  /** Whose key signed it; null when it is nobody's who may approve. */
  readonly person: CardPerson | null;
  readonly keyid: string;
  readonly counts: boolean;
  /** Why it does not count. */
  readonly why: string | null;
  /** What it says; null where it does not count: it is no fact then. */
  readonly signedAt: string | null;
  readonly comment: string | null;
}

/** One rule about approvals, and how far it is met. */
export interface CardNeed {
  /** null = the change as a whole. */
  readonly destination: string | null;
  readonly people: number;
  readonly got: number;
  readonly missing: number;
  /** Who can still give one that counts. */
  readonly from: readonly string[];
}

export function cardApprovals({ approvals }: ExaminedRollout, trust: Trust): CardApproval[] {
  return approvals.map(({ keyid, approver, statement, fault }) => {
    const counts = fault === undefined;
    return {
      person: approver === undefined ? null : personOf(approver, trust),
      keyid,
      counts,
      why: fault ?? null,
      signedAt: counts && statement !== undefined ? timeText(statement.signedAt) : null,
      comment: counts ? (statement?.comment ?? null) : null,
    };
  });
}

/** Every rule, met or not; that of the change as a whole comes first. */
export function cardNeeds({ document, assessment }: ExaminedRollout, trust: Trust): CardNeed[] {
  const { author, approvers } = document;
  const all = [...(trust.roles.get('approver')?.people.keys() ?? [])];
  return assessment.requirements.map(({ people, among, destination }: Requirement) => {
    const got = countAmong(approvers, among);
    const missing = Math.max(0, people - got);
    const free = all
      .filter((person) => among?.includes(person) ?? true)
      .filter((person) => person !== author && !approvers.includes(person));
    return {
      destination: destination ?? null,
      people,
      got,
      missing,
      from: missing === 0 ? [] : free.sort(),
    };
  });
}

/** INVARIANT: trust-check.ts lets roles name people only. */
export function personOf(id: string, { people }: Pick<Trust, 'people'>): CardPerson {
  const { name = id, email = '' } = people.get(id) ?? {};
  return { id, name, email };
}
