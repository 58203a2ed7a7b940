/**
 * A policy repository with a history of `orders` in production: a first rollout (1), another bundle
 * (2), an emergency (3) and what takes it over (4). Everything verifies.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Digest } from '../../src/bundle/types.js';
import { documentFile } from '../../src/repository/layout.js';
import {
  digestOf,
  makeEmergency,
  makeRollout,
  type RolloutOptions,
  rolloutPayload,
  rolloutTrust,
  rolloutTrustText,
  someDigest,
} from './rollouts.js';

export const ORDERS = { environment: 'production', name: 'orders' } as const;
export const FIRST_BUNDLE = someDigest('a');
export const SECOND_BUNDLE = someDigest('d');

export interface AuditRepository {
  readonly root: string;
  /** Of the documents, by their number. */
  readonly digests: ReadonlyMap<number, Digest>;
}

/** One step of the history; times are a day apart, from 2026-11-20. */
export function rolloutAt(sequence: number, previous: Digest | null, more: RolloutOptions = {}) {
  const day = 19 + sequence;
  return makeRollout({
    ...more,
    payload: {
      ...{ sequence, previous, trust: rolloutTrust().digest, superseded: [] },
      issuedAt: `2026-11-${day}T10:00:00.000Z`,
      resolved: bundles(FIRST_BUNDLE, '2026.11.3'),
      ...more.payload,
    },
    statement: { signedAt: `2026-11-${day}T11:00:00.000Z`, ...more.statement },
  });
}

export function bundles(digest: Digest, version: string) {
  const { resolved } = rolloutPayload();
  return { ...resolved, active: { name: 'orders', version, digest } };
}

export function historyFiles(): Map<number, Buffer> {
  const first = rolloutAt(1, null);
  const second = rolloutAt(2, digestOf(first), {
    source: { bundle: 'orders@2026.11.4' },
    payload: { resolved: bundles(SECOND_BUNDLE, '2026.11.4'), superseded: [FIRST_BUNDLE] },
  });
  const emergency = makeEmergency({
    base: second,
    payload: {
      relax: ['reads'],
      issuedAt: '2026-11-22T03:00:00.000Z',
      reconcileBy: '2026-11-23T03:00:00.000Z',
    },
  });
  const fourth = rolloutAt(4, digestOf(emergency), {
    source: {
      bundle: 'orders@2026.11.4',
      enforce: '[{name: probes, match: {actions: [GET, HEAD]}}]',
    },
    payload: {
      resolved: bundles(SECOND_BUNDLE, '2026.11.4'),
      superseded: [FIRST_BUNDLE],
      revoked: [FIRST_BUNDLE],
      reconciles: [digestOf(emergency)],
    },
    statement: { comment: 'as\nagreed' },
  });
  return new Map([first, second, emergency, fourth].map((bytes, i) => [i + 1, bytes]));
}

export function makeAuditRepository(files = historyFiles()): AuditRepository {
  const root = mkdtempSync(join(tmpdir(), 'cedargate-audit-'));
  writeFileSync(join(root, 'trust.yaml'), rolloutTrustText());
  mkdirSync(join(root, 'bundles'));
  for (const [sequence, bytes] of files) writeDocument(root, sequence, bytes);
  return { root, digests: new Map([...files].map(([n, bytes]) => [n, digestOf(bytes)])) };
}

export function writeDocument(root: string, sequence: number, bytes: Uint8Array): void {
  const path = join(root, documentFile(ORDERS, sequence));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** A change line as cedargate writes it. */
export function changeLine(
  workload: string,
  timestamp: string,
  said: { readonly sequence: number | null; readonly digest: string | null },
  more: object = {},
): string {
  return JSON.stringify({
    type: 'change',
    schema_version: 1,
    timestamp,
    workload,
    environment: 'production',
    cluster: null,
    from: null,
    to: 'x',
    digest: null,
    rollout: 'orders',
    rollout_digest: said.digest,
    sequence: said.sequence,
    ticket: null,
    author: null,
    approvers: [],
    result: 'taken',
    reason: null,
    message: null,
    file: null,
    line: null,
    ...more,
  });
}

/** A decision for which an exception spoke, as far as it is read. */
export function useLine(timestamp: string, caller: string | null, mode: string): string {
  return JSON.stringify({
    type: 'decision',
    schema_version: 1,
    timestamp,
    workload: 'orders-1',
    environment: 'production',
    cluster: null,
    principal: caller,
    mode,
    exception: 'grant',
    rollout: 'orders',
  });
}
