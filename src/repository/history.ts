/**
 * The numbered history of one rollout, as the repository has it: each document verified, each held
 * against the one before. Claims are never taken for facts: what does not verify is shown as that.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readBounded } from '../bundle/read-bounded.js';
import { systemErrorCode, systemErrorText } from '../bundle/system-error.js';
import type { Digest } from '../bundle/types.js';
import { DOCUMENT_BYTES_MAX, HISTORY_FILES_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { VerifiedDocument, VerifiedRollout } from '../rollout/types.js';
import type { JudgedBy } from '../rollout/verify.js';
import { type ExaminedRollout, examineRollout, verifyDocument } from '../rollout/verify.js';
import { documentFile, historyFolder, type RolloutId, sequenceOfFile } from './layout.js';

export interface HistoryEntry {
  /** Relative to the repository. */
  readonly file: string;
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** Undefined when it does not verify, or is not approved yet. */
  readonly document: VerifiedDocument | undefined;
  /** A rollout whose author's signature counts, with what its approvals are worth. */
  readonly examined: ExaminedRollout | undefined;
  /** Why there is no document; for one that only lacks approvals, which. */
  readonly problems: readonly Problem[];
}

export interface History {
  readonly id: RolloutId;
  /** Ascending. */
  readonly entries: readonly HistoryEntry[];
  /** The newest document that counts, of either kind. */
  readonly newest: VerifiedDocument | undefined;
  /** The newest of those that is no emergency. */
  readonly lastRollout: VerifiedRollout | undefined;
  /** The last entry, when it is a rollout that still lacks approvals. */
  readonly proposal: HistoryEntry | undefined;
  /** What does not fit together. */
  readonly problems: readonly Problem[];
}

/** Empty when there is no history. Problem code: `rollout_unreadable`. */
export async function readHistory(
  repository: string,
  id: RolloutId,
  by: JudgedBy,
): Promise<Result<History>> {
  const sequences = await listSequences(join(repository, historyFolder(id)));
  if (!sequences.ok) return sequences;
  const entries: HistoryEntry[] = [];
  for (const sequence of sequences.value) {
    const file = documentFile(id, sequence);
    const bytes = await readBounded(join(repository, file), file, DOCUMENT_BYTES_MAX);
    if (!bytes.ok) return bytes;
    entries.push(readEntry(file, sequence, bytes.value, by));
  }
  const verified = entries.flatMap(({ document }) => (document === undefined ? [] : [document]));
  const newest = verified.at(-1);
  const last = entries.at(-1);
  return ok({
    id,
    entries,
    newest,
    lastRollout: newest?.kind === 'emergency' ? newest.base : newest,
    proposal: last?.document === undefined && last?.examined !== undefined ? last : undefined,
    problems: chainProblems(id, entries),
  });
}

function readEntry(file: string, sequence: number, bytes: Uint8Array, by: JudgedBy): HistoryEntry {
  const examined = examineRollout(bytes, file, by);
  // Of a rollout that is approved there is no more to ask, and histories have many.
  const isApproved = examined.ok && examined.value.unmet.length === 0;
  const verified = isApproved ? ok(examined.value.document) : verifyDocument(bytes, file, by);
  return {
    file,
    sequence,
    bytes,
    document: verified.ok ? verified.value : undefined,
    examined: examined.ok ? examined.value : undefined,
    problems: verified.ok ? [] : verified.problems,
  };
}

async function listSequences(folder: string): Promise<Result<number[]>> {
  try {
    const names = await readdir(folder);
    const sequences = names.flatMap((name) => sequenceOfFile(name) ?? []);
    if (sequences.length > HISTORY_FILES_MAX) {
      const message = `\`${folder}\` has more than ${HISTORY_FILES_MAX} documents`;
      return failed(problem('rollout_unreadable', message));
    }
    return ok(sequences.sort((a, b) => a - b));
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return ok([]);
    const message = `\`${folder}\` cannot be read: ${systemErrorText(thrown)}`;
    return failed(problem('rollout_unreadable', message));
  }
}

/** Names that claim another number, another rollout's documents, links that lead elsewhere. */
export function chainProblems(id: RolloutId, entries: readonly HistoryEntry[]): Problem[] {
  const problems: Problem[] = [];
  let before: Digest | undefined;
  for (const { file, sequence, document, examined } of entries) {
    const known = document ?? examined?.document;
    if (known === undefined) {
      before = undefined;
      continue;
    }
    const rollout = known.kind === 'emergency' ? known.base : known;
    const broken = (message: string) => problems.push(problem('history_broken', message, { file }));
    if (known.sequence !== sequence) broken(`the document has sequence ${known.sequence}`);
    if (rollout.name !== id.name) broken(`the document is one of rollout \`${rollout.name}\``);
    if (known.kind === 'rollout' && before !== undefined && known.previous !== before) {
      broken(`\`previous\` is \`${known.previous}\`, and the document before is \`${before}\``);
    }
    before = known.digest;
  }
  return problems;
}
