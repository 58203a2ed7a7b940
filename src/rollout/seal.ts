/** Writes sealed documents: what verify.ts reads, in canonical JSON. */
import { compareBytewise } from '../bundle/names.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { decodeBase64, encodeBase64 } from '../signing/base64.js';
import { pae, type SignatureSet } from '../signing/dsse.js';
import { type PrivateKey, type PublicKey, sign, verify } from '../signing/keys.js';
import { type ApprovalStatement, formatStatement } from './approvals.js';
import {
  APPROVAL_PAYLOAD_TYPE,
  documentDigest,
  EMERGENCY_PAYLOAD_TYPE,
  type Envelope,
  formatSealed,
  parseSealed,
  ROLLOUT_PAYLOAD_TYPE,
} from './documents.js';
import { type EmergencyPayload, formatEmergencyPayload } from './emergency-payload.js';
import { formatRolloutPayload, type RolloutPayload } from './payload.js';

/** A rollout signed by its author, without approvals. */
export function sealRollout(payload: RolloutPayload, key: PrivateKey): Buffer {
  const bytes = formatRolloutPayload(payload);
  const author = signed(ROLLOUT_PAYLOAD_TYPE, bytes, key);
  return formatSealed({ kind: 'SealedRollout', payload: bytes, author, approvals: [] });
}

/** An emergency signed by whoever declares it. */
export function sealEmergency(payload: EmergencyPayload, key: PrivateKey): Buffer {
  const bytes = formatEmergencyPayload(payload);
  const author = signed(EMERGENCY_PAYLOAD_TYPE, bytes, key);
  return formatSealed({ kind: 'SealedEmergency', payload: bytes, author });
}

/**
 * The document with an approval added, or put in the place of those by the same person, whose keys
 * are `own` (default: the one that signs); approvals are in order of their key ids. Whether it counts is not asked here. Problem codes: those of a document's
 * form, and `rollout_invalid` for a statement about another document, and for an emergency.
 */
export function addApproval(
  sealedBytes: Uint8Array,
  file: string,
  statement: ApprovalStatement,
  key: PrivateKey,
  own: readonly PublicKey[] = [key.publicKey],
): Result<Buffer> {
  const parsed = parseSealed(sealedBytes, file);
  if (!parsed.ok) return parsed;
  const sealed = parsed.value;
  const refuse = (message: string) => failed(problem('rollout_invalid', message, { file }));
  if (sealed.kind !== 'SealedRollout') return refuse('nobody approves an emergency');
  if (statement.document !== documentDigest(sealed)) {
    return refuse(`the approval is about another document, \`${statement.document}\``);
  }
  const payload = formatStatement(statement);
  const approval = { ...signed(APPROVAL_PAYLOAD_TYPE, payload, key), payload };
  const others = sealed.approvals.filter((envelope) => !isBy(envelope, own));
  const approvals = [...others, approval].sort(compareEnvelopes);
  return ok(formatSealed({ ...sealed, approvals }));
}

function signed(payloadType: string, payload: Uint8Array, key: PrivateKey): SignatureSet {
  const sig = encodeBase64(sign(key, pae(payloadType, payload)));
  return { payloadType, signatures: [{ keyid: key.publicKey.id, sig }] };
}

/** By the signature: a key id is only a hint. */
function isBy({ payloadType, payload, signatures }: Envelope, keys: readonly PublicKey[]): boolean {
  const bytes = pae(payloadType, payload);
  return signatures.some(({ sig }) => {
    const signature = decodeBase64(sig);
    return signature !== undefined && keys.some((key) => verify(key, bytes, signature));
  });
}

function compareEnvelopes(a: Envelope, b: Envelope): number {
  const [first, second] = [a, b].map(({ signatures: [signature] }) => signature);
  return (
    compareBytewise(first?.keyid ?? '', second?.keyid ?? '') ||
    compareBytewise(first?.sig ?? '', second?.sig ?? '')
  );
}
