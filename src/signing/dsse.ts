/**
 * Signatures after DSSE v1 (Dead Simple Signing Envelope), detached: what exactly is signed, and
 * the list of signatures beside it. Who may sign is not decided here.
 */
import { KEY_ID_CHARS_MAX, SIGNATURE_BYTES_MAX, SIGNATURES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { decodeBase64, encodeBase64 } from './base64.js';
import { canonicalJson, parseCanonicalJson } from './canonical-json.js';

export interface Signature {
  /** Whoever signed says which key it was. A hint: it decides nothing. */
  readonly keyid: string;
  /** The signature in standard base64 with padding. */
  readonly sig: string;
}

export interface SignatureSet {
  /** What the signed bytes are. It is signed with them. */
  readonly payloadType: string;
  readonly signatures: readonly Signature[];
}

/**
 * The bytes that are signed for a payload: `DSSEv1 <length> <type> <length> <payload>`, lengths in
 * bytes. So a signature for one type of payload never fits another.
 */
export function pae(payloadType: string, payload: Uint8Array): Buffer {
  const typeBytes = Buffer.from(payloadType, 'utf8');
  const head = `DSSEv1 ${typeBytes.length} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), payload]);
}

/** Printable ASCII: it is shown in messages. */
const KEY_ID = /^[\x21-\x7e]*$/;

/** The shape of a set of signatures, for what holds one inside; `sig` becomes standard base64. */
export const signatureSetSchema = shape.strictObject({
  payloadType: shape.string(),
  signatures: shape
    .array(
      shape.strictObject({
        keyid: shape
          .string()
          .max(KEY_ID_CHARS_MAX, `must be at most ${KEY_ID_CHARS_MAX} characters long`)
          .regex(KEY_ID, 'must be printable ASCII without spaces'),
        sig: shape.string().transform((text, context) => {
          const bytes = decodeBase64(text);
          if (bytes !== undefined && bytes.length > 0 && bytes.length <= SIGNATURE_BYTES_MAX) {
            return encodeBase64(bytes);
          }
          const message = `must be base64 of 1 to ${SIGNATURE_BYTES_MAX} bytes`;
          context.addIssue({ message });
          return shape.NEVER;
        }),
      }),
    )
    .max(SIGNATURES_MAX, `must be at most ${SIGNATURES_MAX}`),
});

/**
 * Reads a file of signatures, which must be canonical JSON and for payloads of type `payloadType`.
 * Problem codes: `json_not_canonical`, `signatures_invalid`.
 */
export function parseSignatureSet(
  bytes: Uint8Array,
  file: string,
  payloadType: string,
): Result<SignatureSet> {
  const json = parseCanonicalJson(bytes, file);
  if (!json.ok) return json;
  const parsed = signatureSetSchema.safeParse(json.value);
  const refuse = (message: string) => failed(problem('signatures_invalid', message, { file }));
  if (!parsed.success) return refuse(describe(parsed.error.issues));
  if (parsed.data.payloadType !== payloadType) {
    // Not shown: it is anybody's text.
    return refuse(`the signatures are not for a payload of type \`${payloadType}\``);
  }
  return ok(parsed.data);
}

/** The file of signatures: canonical JSON. INVARIANT: parseSignatureSet gives the same set back. */
export function formatSignatureSet(set: SignatureSet): Buffer {
  const signatures = set.signatures.map(({ keyid, sig }) => ({ keyid, sig }));
  return Buffer.from(canonicalJson({ payloadType: set.payloadType, signatures }), 'utf8');
}

function describe([issue]: readonly shape.Issue[]): string {
  if (issue === undefined) throw new Error('a value was refused without an issue');
  if (issue.code === 'unrecognized_keys') return 'there is an unknown field';
  const name = issue.path.map((step) =>
    typeof step === 'number' ? `[${step}]` : `.${String(step)}`,
  );
  const what = name.length === 0 ? 'the file' : `\`${name.join('').slice(1)}\``;
  return issue.code === 'invalid_type'
    ? `${what} is missing or not ${issue.expected === 'array' ? 'a list' : `a ${issue.expected}`}`
    : `${what} ${issue.message}`;
}
