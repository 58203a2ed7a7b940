/** An approval added to a document, once it is known to count. Nothing is written here. */
import type { RunTests } from '../bundle/build.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { type ApprovalStatement, formatStatement, parseStatement } from '../rollout/approvals.js';
import { addApproval } from '../rollout/seal.js';
import { type ExaminedRollout, examineRollout } from '../rollout/verify.js';
import type { PrivateKey } from '../signing/keys.js';
import { checkApprovable } from './check-approvable.js';
import type { Repository } from './open.js';
import { personWith } from './people.js';
import type { ReadDocument } from './read-document.js';

export interface Approval {
  readonly key: PrivateKey;
  readonly comment: string | undefined;
  readonly nowMs: number;
  readonly runTests: RunTests;
}

export interface Approved {
  /** The document with the approval in it. */
  readonly bytes: Buffer;
  readonly person: string;
  readonly signedAt: string;
  /** Whether one by the same person gave way. */
  readonly replaced: boolean;
  readonly examined: ExaminedRollout;
}

/**
 * Problem codes: `change_refused` for a person who may not, `input_invalid` for a comment, and
 * everything that `checkApprovable` may find.
 */
export async function approve(
  repository: Repository,
  document: ReadDocument,
  { key, comment, nowMs, runTests }: Approval,
): Promise<Result<Approved>> {
  const { file, bytes, id, by, problems, examined } = document;
  const refuse = (message: string) => failed(problem('change_refused', message, { file }));
  if (examined.kind === 'emergency') return refuse('nobody approves an emergency');
  const { trust } = repository;
  const person = personWith(key, 'approver', trust, nowMs);
  if (!person.ok) return person;
  const rollout = examined.rollout.document;
  if (person.value === rollout.author) {
    return refuse(`\`${person.value}\` is the author, and never approves`);
  }
  const statement: ApprovalStatement = {
    document: rollout.digest,
    approver: person.value,
    role: 'approver',
    signedAt: new Date(nowMs).toISOString(),
    comment: comment ?? null,
    evidence: rollout.evidence,
  };
  const formed = parseStatement(formatStatement(statement), 'approval');
  if (!formed.ok) return failed(problem('input_invalid', formed.problems[0].message));
  const [broken, ...more] = problems;
  if (broken !== undefined) return failed(broken, ...more);
  const approvable = { id, file, document: rollout, nowMs, runTests };
  const checked = await checkApprovable(repository, approvable);
  if (!checked.ok) return checked;

  const own = trust.people.get(person.value)?.keys.map(({ publicKey }) => publicKey) ?? [];
  const signed = addApproval(bytes, file, statement, key, own);
  if (!signed.ok) return signed;
  // The last word is that of whoever will judge the file.
  const after = examineRollout(signed.value, file, by);
  if (!after.ok) return after;
  const verdict = after.value.approvals.find(({ approver }) => approver === person.value);
  if (verdict === undefined || verdict.fault !== undefined) {
    return refuse(`the approval would not count: ${verdict?.fault ?? 'it is not there'}`);
  }
  return ok({
    bytes: signed.value,
    person: person.value,
    signedAt: statement.signedAt,
    replaced: examined.rollout.approvals.some(({ approver }) => approver === person.value),
    examined: after.value,
  });
}
