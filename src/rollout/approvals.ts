/** Approvals: signed statements by other people than the author, about exactly one document. */
import { digestSchema } from '../bundle/built-manifest.js';
import { readJson } from '../bundle/json.js';
import { checkJsonShape } from '../bundle/json-shape.js';
import { nameSchema } from '../bundle/manifest.js';
import type { Digest } from '../bundle/types.js';
import { APPROVAL_COMMENT_CHARS_MAX } from '../constants.js';
import type { Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { canonicalJson } from '../signing/canonical-json.js';
import { identifySigners, type SignatureVerdict, type Signers } from '../signing/signers.js';
import { judgeSince } from './authorship.js';
import { exactTime } from './document-fields.js';
import type { Envelope } from './documents.js';

const statementSchema = shape.strictObject({
  document: digestSchema,
  approver: nameSchema,
  role: shape.literal('approver'),
  signedAt: exactTime,
  comment: shape
    .string()
    .max(
      APPROVAL_COMMENT_CHARS_MAX,
      `must be at most ${APPROVAL_COMMENT_CHARS_MAX} characters long`,
    )
    .regex(/^(?:[^\p{C}]|[\n\t])*$/u, 'must be text without control characters')
    .nullable(),
  evidence: digestSchema.nullable(),
});

/** As it is written: the time is text. */
export type ApprovalStatement = shape.Input<typeof statementSchema>;
/** As it is read: the time is milliseconds since 1970. */
export type ReadStatement = shape.Output<typeof statementSchema>;

export interface ApprovalVerdict {
  readonly keyid: string;
  /** The person whose key it verifies with, whatever the statement says; undefined = nobody's. */
  readonly approver: string | undefined;
  readonly statement: ReadStatement | undefined;
  /** Why it does not count; undefined = it counts. */
  readonly fault: string | undefined;
}

/** What approvals must be about. */
export interface Approved {
  readonly digest: Digest;
  readonly evidence: Digest | null;
  readonly issuedAtMs: number;
  /** People who signed as authors, with any key. */
  readonly authors: ReadonlySet<string>;
}

/** A verdict on every approval, in their order. */
export function judgeApprovals(
  envelopes: readonly Envelope[],
  approved: Approved,
  approvers: Signers,
): readonly ApprovalVerdict[] {
  const counted = new Set<string>();
  return envelopes.map((envelope) => {
    const verdict = judge(envelope, approved, approvers);
    const { approver, fault } = verdict;
    if (approver === undefined || fault !== undefined) return verdict;
    if (counted.has(approver)) {
      return { ...verdict, fault: `\`${approver}\` approved already: a person counts once` };
    }
    counted.add(approver);
    return verdict;
  });
}

/** The bytes that are signed: canonical JSON. */
export function formatStatement(statement: ApprovalStatement): Buffer {
  return Buffer.from(canonicalJson(statement), 'utf8');
}

/** Problem codes: `not_utf8`, `json_invalid`, `rollout_invalid`. */
export function parseStatement(bytes: Uint8Array, file: string): Result<ReadStatement> {
  const json = readJson(file, bytes);
  if (!json.ok) return json;
  return checkJsonShape(json.value, statementSchema, { code: 'rollout_invalid', file });
}

/** The signature first: what nobody signed is not read. */
function judge(envelope: Envelope, approved: Approved, approvers: Signers): ApprovalVerdict {
  const identified = identifySigners(envelope, envelope.payload, approvers);
  const [{ keyid, signer, fault } = NO_SIGNATURE] = identified;
  if (signer === undefined) return { keyid, approver: undefined, statement: undefined, fault };
  const approver = signer.person;
  const parsed = parseStatement(envelope.payload, 'approval');
  if (!parsed.ok) {
    return { keyid, approver, statement: undefined, fault: parsed.problems[0].message };
  }
  const statement = parsed.value;
  const [timed] = judgeSince(identified, statement.signedAt, approved.issuedAtMs);
  return {
    keyid,
    approver,
    statement,
    fault: contentFault(statement, approver, approved) ?? timed?.fault,
  };
}

/** INVARIANT: documents.ts takes envelopes with one signature only. */
const NO_SIGNATURE: SignatureVerdict = {
  keyid: '',
  signer: undefined,
  fault: 'there is no signature',
};

function contentFault(
  statement: ReadStatement,
  approver: string,
  { digest, evidence, authors }: Approved,
): string | undefined {
  if (statement.approver !== approver) {
    return `it speaks for \`${statement.approver}\`, and the key is that of \`${approver}\``;
  }
  if (authors.has(approver)) return `\`${approver}\` is the author, and never approves`;
  if (statement.document !== digest) return `it is about document \`${statement.document}\``;
  if (statement.evidence !== evidence) {
    return `it is about evidence \`${statement.evidence}\`, and the document has \`${evidence}\``;
  }
  return undefined;
}
