/** Emergencies, and what took them over: made from the documents alone, so that anybody can again. */
import type { Digest } from '../bundle/types.js';
import type { JudgedHistory } from '../repository/judge.js';
import type { VerifiedDocument, VerifiedEmergency } from '../rollout/types.js';

export interface EmergencyRecord {
  readonly environment: string;
  readonly name: string;
  readonly sequence: number;
  readonly digest: Digest;
  readonly author: string;
  readonly ticket: string;
  readonly issuedAt: string;
  readonly reconcileBy: string;
  readonly relax: readonly string[] | 'all';
  readonly rollback: boolean;
  /** Names. */
  readonly blocks: readonly string[];
  readonly revoke: readonly Digest[];
  /** Null = not yet. */
  readonly reconciled: {
    readonly sequence: number;
    readonly digest: Digest;
    readonly issuedAt: string;
    readonly author: string;
    readonly approvers: readonly string[];
    /** Later than it should have been. */
    readonly late: boolean;
  } | null;
}

export function emergencyRecords({
  id,
  documents,
}: Pick<JudgedHistory, 'id' | 'documents'>): EmergencyRecord[] {
  return documents.flatMap((document) => {
    if (document.kind !== 'emergency') return [];
    const { sequence, digest, author, ticket, relax, rollback, blocks, revoke } = document;
    return [
      {
        ...{ environment: id.environment, name: id.name, sequence, digest, author, ticket },
        issuedAt: timeOf(document.issuedAtMs),
        reconcileBy: timeOf(document.reconcileByMs),
        ...{ relax, rollback, blocks: blocks.map(({ name }) => name), revoke },
        reconciled: reconciledBy(document, documents),
      },
    ];
  });
}

function reconciledBy(
  emergency: VerifiedEmergency,
  documents: readonly VerifiedDocument[],
): EmergencyRecord['reconciled'] {
  for (const document of documents) {
    if (document.kind !== 'rollout' || !document.reconciles.includes(emergency.digest)) continue;
    const { sequence, digest, issuedAtMs, author, approvers } = document;
    const late = issuedAtMs > emergency.reconcileByMs;
    return { sequence, digest, issuedAt: timeOf(issuedAtMs), author, approvers, late };
  }
  return null;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
