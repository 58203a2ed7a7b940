/**
 * Sealed rollouts and emergencies for tests: people with keys, the rules they work by, and documents
 * that verify unless a test asks for something else.
 *
 * ada and carol write rollouts; bob, carol, dan and (never for her own) ada approve them; erin may
 * declare emergencies. ada and bob have two keys each. Everything is for `production` by default.
 */

import type { Digest } from '../../src/bundle/types.js';
import type { ApprovalStatement } from '../../src/rollout/approvals.js';
import { documentDigest, parseSealed, type SealedRollout } from '../../src/rollout/documents.js';
import type { EmergencyPayload } from '../../src/rollout/emergency-payload.js';
import type { RolloutPayload } from '../../src/rollout/payload.js';
import { addApproval, sealEmergency, sealRollout } from '../../src/rollout/seal.js';
import { parseTrust, type Trust } from '../../src/rollout/trust.js';
import type { VerifiedEmergency, VerifiedRollout } from '../../src/rollout/types.js';
import { type JudgedBy, verifyDocument } from '../../src/rollout/verify.js';
import { resultValue } from './result.js';
import { keyEntry, type TestKey, testKey, trustText } from './trust.js';

/** First key of each, and second ones. All count from 2026. */
export const KEYS = {
  ada: testKey('ada-1'),
  ada2: testKey('ada-2', 'ecdsa-p256'),
  bob: testKey('bob-1'),
  bob2: testKey('bob-2', 'ecdsa-p256'),
  carol: testKey('carol-1'),
  dan: testKey('dan-1'),
  erin: testKey('erin-1'),
  /** In nobody's name. */
  mallory: testKey('mallory-1'),
} as const;

export type KeyName = keyof typeof KEYS;
type Person = Exclude<KeyName, 'ada2' | 'bob2' | 'mallory'>;

const PEOPLE: Readonly<Record<Person, readonly TestKey[]>> = {
  ada: [KEYS.ada, KEYS.ada2],
  bob: [KEYS.bob, KEYS.bob2],
  carol: [KEYS.carol],
  dan: [KEYS.dan],
  erin: [KEYS.erin],
};

/** Whose key it is. */
export function personOf(name: KeyName): string {
  return name.replace(/\d$/, '');
}

/** Lines of trust.yaml; a part set to '' is left out. */
export interface TrustOverrides {
  readonly author?: string;
  readonly approver?: string;
  readonly emergency?: string;
  readonly thresholds?: string;
  readonly destinations?: string;
  readonly limits?: string;
  /** Whole top-level fields. */
  readonly more?: string;
  /** Lines of a key besides `from`, by the key's id. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
}

/** `shop/payments` is of high impact and has approvers of its own; everything else is low. */
export function rolloutTrustText(overrides: TrustOverrides = {}): string {
  const {
    author = '{people: [ada, carol], threshold: 1}',
    approver = '{people: [ada, bob, carol, dan], threshold: 1}',
    emergency = '{people: [erin], threshold: 1}',
    thresholds = '{low: 1, high: 2}',
    destinations = '[{match: "**", impact: low}, {match: shop/payments, impact: high, approvers: [bob, carol, dan]}]',
    limits = '{maxException: 30d, maxBlock: 7d, reconcileWithin: 24h, ticketPattern: "(CHG|INC)-[0-9]+"}',
    more = '',
    keys = {},
  } = overrides;
  const field = (name: string, value: string, indent = '') =>
    value === '' ? '' : `${indent}${name}: ${value}\n`;
  return trustText({
    people: Object.entries(PEOPLE)
      .map(([person, its]) => {
        const ids = its.map(({ id }) => id).join(', ');
        return `  ${person}: {name: ${person}, email: ${person}@example.org, keys: [${ids}]}\n`;
      })
      .join(''),
    keys: Object.values(PEOPLE)
      .flat()
      .map((key) => keyEntry(key, keys[key.id] ?? ['from: 2026-01-01T00:00:00Z']))
      .join(''),
    roles: [
      '  bundleSigner: {people: [ada, bob], threshold: 1}\n',
      field('author', author, '  '),
      field('approver', approver, '  '),
      field('emergency', emergency, '  '),
    ].join(''),
    more: [
      field('thresholds', thresholds),
      field('destinations', destinations),
      field('limits', limits),
      more,
    ].join(''),
  });
}

export function rolloutTrust(overrides: TrustOverrides = {}): Trust {
  return resultValue(parseTrust(Buffer.from(rolloutTrustText(overrides)), 'trust.yaml'));
}

/** `sha256:` and one character 64 times: a digest that nothing has. */
export function someDigest(character: string): Digest {
  return `sha256:${character.repeat(64)}`;
}

export const ISSUED_AT = '2026-11-20T10:00:00.000Z';
export const SIGNED_AT = '2026-11-20T11:00:00.000Z';
export const ACTIVE = someDigest('a');
export const CANDIDATE = someDigest('c');
export const ROLLBACK = someDigest('b');

/** YAML values of the top-level fields; '' leaves a field out. Low impact as it stands. */
export type SourceOverrides = Readonly<Record<string, string>>;

const SOURCE: SourceOverrides = {
  apiVersion: 'cedargate.dev/v1',
  kind: 'PolicyRollout',
  name: 'orders',
  environment: 'production',
  destinations: '[{service: shop/orders}]',
  change:
    '{type: normal, ticket: CHG-1041, owner: team-orders, reason: enforce reads, reviewBy: 2027-02-22}',
  bundle: 'orders@2026.11.3',
  enforce: '[{name: reads, match: {access: read}}, {name: probes, match: {actions: [GET, HEAD]}}]',
};

export function sourceText(overrides: SourceOverrides = {}): string {
  return Object.entries({ ...SOURCE, ...overrides })
    .filter(([, value]) => value !== '')
    .map(([field, value]) => `${field}: ${value}\n`)
    .join('');
}

export interface RolloutOptions {
  readonly source?: SourceOverrides;
  readonly payload?: Partial<RolloutPayload>;
  /** Whose key signs; the payload names the person. */
  readonly author?: KeyName;
  /** The first so many of bob, carol, dan; or keys by name. Default 1, which low impact needs. */
  readonly approvals?: number | readonly KeyName[];
  /** What every approval says besides. */
  readonly statement?: Partial<ApprovalStatement>;
}

/** The payload that `makeRollout` seals. */
export function rolloutPayload(options: RolloutOptions = {}): RolloutPayload {
  const fields = { ...SOURCE, ...options.source };
  const ref = (text: string, digest: Digest) => {
    const [name = '', version = ''] = text.split('@');
    return { name, version, digest };
  };
  return {
    apiVersion: 'cedargate.dev/v1',
    kind: 'PolicyRollout',
    environment: fields.environment ?? '',
    name: fields.name ?? '',
    sequence: 42,
    previous: someDigest('4'),
    author: personOf(options.author ?? 'ada'),
    source: sourceText(options.source),
    resolved: {
      active: ref(fields.bundle ?? '', ACTIVE),
      candidate: fields.candidate === undefined ? null : ref(fields.candidate, CANDIDATE),
      rollback: { name: 'orders', version: '2026.11.2', digest: ROLLBACK },
    },
    superseded: [ROLLBACK],
    revoked: [],
    trust: someDigest('7'),
    seed: '5eed5eed5eed5eed5eed5eed5eed5eed',
    issuedAt: ISSUED_AT,
    expiresAt: '2027-03-24T00:00:00.000Z',
    minReader: 1,
    evidence: null,
    reconciles: [],
    ...options.payload,
  };
}

/** A sealed rollout with approvals that count. */
export function makeRollout(options: RolloutOptions = {}): Buffer {
  const { author = 'ada', approvals = 1, statement = {} } = options;
  const payload = rolloutPayload(options);
  let bytes = sealRollout(payload, KEYS[author].privateKey);
  const names: readonly KeyName[] =
    typeof approvals === 'number'
      ? (['bob', 'carol', 'dan'] as const).slice(0, approvals)
      : approvals;
  for (const name of names) {
    const whole = approvalOf(bytes, name, { evidence: payload.evidence ?? null, ...statement });
    bytes = resultValue(addApproval(bytes, 'rollout.json', whole, KEYS[name].privateKey));
  }
  return bytes;
}

/** What the owner of this key would sign about a document. */
export function approvalOf(
  sealed: Uint8Array,
  name: KeyName,
  more: Partial<ApprovalStatement> = {},
): ApprovalStatement {
  return {
    document: digestOf(sealed),
    approver: personOf(name),
    role: 'approver',
    signedAt: SIGNED_AT,
    comment: null,
    evidence: null,
    ...more,
  };
}

export function digestOf(sealed: Uint8Array): Digest {
  return documentDigest(resultValue(parseSealed(sealed, 'document.json')));
}

export function sealedRollout(bytes: Uint8Array): SealedRollout {
  const sealed = resultValue(parseSealed(bytes, 'rollout.json'));
  if (sealed.kind !== 'SealedRollout') throw new Error('an emergency is no rollout');
  return sealed;
}

export interface EmergencyOptions {
  /** Sealed bytes of the rollout it stands on. */
  readonly base?: Uint8Array;
  readonly payload?: Partial<EmergencyPayload>;
  readonly by?: KeyName;
}

/** A sealed emergency that relaxes everything, one above its base. */
export function makeEmergency(options: EmergencyOptions = {}): Buffer {
  const { base = makeRollout(), payload = {}, by = 'erin' } = options;
  const sealed = sealedRollout(base);
  const { sequence } = JSON.parse(Buffer.from(sealed.payload).toString('utf8'));
  const whole: EmergencyPayload = {
    base: sealed,
    sequence: sequence + 1,
    relax: 'all',
    rollback: false,
    blocks: [],
    revoke: [],
    ticket: 'INC-7',
    issuedAt: '2026-11-21T03:00:00.000Z',
    reconcileBy: '2026-11-22T03:00:00.000Z',
    ...payload,
  };
  return sealEmergency(whole, KEYS[by].privateKey);
}

export const BY: JudgedBy = { trust: rolloutTrust(), environment: 'production' };

export function verifiedRollout(options: RolloutOptions = {}, by = BY): VerifiedRollout {
  const verified = resultValue(verifyDocument(makeRollout(options), 'rollout.json', by));
  if (verified.kind !== 'rollout') throw new Error('not a rollout');
  return verified;
}

export function verifiedEmergency(options: EmergencyOptions = {}, by = BY): VerifiedEmergency {
  const verified = resultValue(verifyDocument(makeEmergency(options), 'emergency.json', by));
  if (verified.kind !== 'emergency') throw new Error('not an emergency');
  return verified;
}
