/**
 * The outside of a sealed document, which is what lies in the history and what is mounted: a payload
 * in base64, who signed it, who approved it. Nothing here is believed yet; the payload is only bytes.
 */
import { bytesDigest } from '../bundle/digest.js';
import { readJson } from '../bundle/json.js';
import { checkJsonShape } from '../bundle/json-shape.js';
import type { Digest } from '../bundle/types.js';
import { APPROVALS_MAX, DOCUMENT_BYTES_MAX, SEALED_ROLLOUT_BYTES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { type Failed, failed, type Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { decodeBase64, encodeBase64 } from '../signing/base64.js';
import { canonicalJson, type JsonValue } from '../signing/canonical-json.js';
import { type SignatureSet, signatureSetSchema } from '../signing/dsse.js';

/** What is signed with each kind of payload, so that none can be taken for another (DSSE). */
export const ROLLOUT_PAYLOAD_TYPE = 'application/vnd.cedargate.rollout.v1+json';
export const APPROVAL_PAYLOAD_TYPE = 'application/vnd.cedargate.approval.v1+json';
export const EMERGENCY_PAYLOAD_TYPE = 'application/vnd.cedargate.emergency.v1+json';

/** A DSSE envelope: a payload with its signatures. */
export interface Envelope extends SignatureSet {
  readonly payload: Uint8Array;
}

export interface SealedRollout {
  readonly kind: 'SealedRollout';
  readonly payload: Uint8Array;
  /** Over the payload. */
  readonly author: SignatureSet;
  readonly approvals: readonly Envelope[];
}

export interface SealedEmergency {
  readonly kind: 'SealedEmergency';
  readonly payload: Uint8Array;
  readonly author: SignatureSet;
}

export type Sealed = SealedRollout | SealedEmergency;

const base64 = shape.string().transform((text, context): Uint8Array => {
  const bytes = decodeBase64(text);
  if (bytes !== undefined && bytes.length > 0) return bytes;
  context.addIssue({ message: 'must be base64, and not empty' });
  return shape.NEVER;
});

const signaturesFor = (payloadType: string) =>
  signatureSetSchema.extend({ payloadType: shape.literal(payloadType) });

const rolloutShape = shape.strictObject({
  kind: shape.literal('SealedRollout'),
  payload: base64,
  author: signaturesFor(ROLLOUT_PAYLOAD_TYPE),
  approvals: shape
    .array(
      // One approval is one person's word; so the work of checking a document is bounded, too.
      signaturesFor(APPROVAL_PAYLOAD_TYPE)
        .extend({ payload: base64 })
        .refine(({ signatures }) => signatures.length === 1, {
          error: 'must have one signature',
          path: ['signatures'],
        }),
    )
    .max(APPROVALS_MAX, `must be at most ${APPROVALS_MAX}`),
});

const emergencyShape = shape.strictObject({
  kind: shape.literal('SealedEmergency'),
  payload: base64,
  author: signaturesFor(EMERGENCY_PAYLOAD_TYPE),
});

/** Problem codes: `not_utf8`, `json_invalid`, `rollout_invalid`. */
export function parseSealed(bytes: Uint8Array, file: string): Result<Sealed> {
  if (bytes.length > DOCUMENT_BYTES_MAX) return tooLarge(file, DOCUMENT_BYTES_MAX);
  const json = readJson(file, bytes);
  if (!json.ok) return json;
  const kind = kindOf(json.value);
  if (kind === 'SealedEmergency') {
    return checkJsonShape(json.value, emergencyShape, { code: 'rollout_invalid', file });
  }
  if (kind === 'SealedRollout') {
    if (bytes.length > SEALED_ROLLOUT_BYTES_MAX) return tooLarge(file, SEALED_ROLLOUT_BYTES_MAX);
    return parseSealedRollout(json.value, file);
  }
  const message = '`kind` must be `SealedRollout` or `SealedEmergency`';
  return failed(problem('rollout_invalid', message, { file }));
}

/** A rollout that was read as part of something. Problem code: `rollout_invalid`. */
export function parseSealedRollout(value: unknown, file: string): Result<SealedRollout> {
  return checkJsonShape(value, rolloutShape, { code: 'rollout_invalid', file });
}

/** What it says it is; undefined when it says nothing of the kind. */
export function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'kind')
    ? (value as { readonly kind: unknown }).kind
    : undefined;
}

/** As JSON. */
export function sealedValue(sealed: Sealed): JsonValue {
  const { kind, payload, author } = sealed;
  const common = { kind, payload: encodeBase64(payload), author: signaturesValue(author) };
  if (sealed.kind === 'SealedEmergency') return common;
  const approvals = sealed.approvals.map((envelope) => ({
    ...signaturesValue(envelope),
    payload: encodeBase64(envelope.payload),
  }));
  return { ...common, approvals };
}

/** The file: canonical JSON. INVARIANT: parseSealed gives the same document back. */
export function formatSealed(sealed: Sealed): Buffer {
  return Buffer.from(canonicalJson(sealedValue(sealed)), 'utf8');
}

/** Of the payload's bytes, so that neither approving nor signing once more changes it. */
export function documentDigest({ payload }: Pick<Sealed, 'payload'>): Digest {
  return bytesDigest(payload);
}

function signaturesValue({ payloadType, signatures }: SignatureSet) {
  return { payloadType, signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig })) };
}

function tooLarge(file: string, max: number): Failed {
  return failed(problem('rollout_invalid', `the file has more than ${max} bytes`, { file }));
}
