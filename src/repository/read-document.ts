/** One sealed document with its surroundings: judged by the trust file, held against its history. */
import { relative, resolve, sep } from 'node:path';
import { NAME_PATTERN } from '../bundle/names.js';
import { readBounded } from '../bundle/read-bounded.js';
import { DOCUMENT_BYTES_MAX } from '../constants.js';
import type { Problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { Before, Examined } from '../rollout/card.js';
import { documentOf } from '../rollout/card.js';
import { claimedPlace } from '../rollout/claimed-place.js';
import { parseSealed } from '../rollout/documents.js';
import type { VerifiedDocument } from '../rollout/types.js';
import { examineRollout, type JudgedBy, verifyDocument } from '../rollout/verify.js';
import { type History, type HistoryEntry, readHistory } from './history.js';
import { historyFolder, type RolloutId, sequenceOfFile } from './layout.js';
import type { Repository } from './open.js';
import { openHistory } from './open-history.js';

export interface ReadDocument {
  /** As it was named. */
  readonly file: string;
  readonly bytes: Buffer;
  readonly id: RolloutId;
  readonly by: JudgedBy;
  readonly examined: Examined;
  readonly history: History;
  /** The one before, where only the rules of its day take it. */
  readonly past: VerifiedDocument | undefined;
  /** What the history has against this very document. */
  readonly problems: readonly Problem[];
}

/**
 * Reads and verifies a document, approvals apart. Problem codes: `file_unreadable`,
 * `rollout_unreadable`, and those of `verifyDocument`.
 */
export async function readDocument(
  repository: Repository,
  file: string,
): Promise<Result<ReadDocument>> {
  const { root, trust } = repository;
  const bytes = await readBounded(file, file, DOCUMENT_BYTES_MAX);
  if (!bytes.ok) return failed({ ...bytes.problems[0], code: 'file_unreadable' });
  // A document in the history of test is judged as one of test, whatever it says of itself.
  const place = placeOfFile(root, file) ?? claimedPlace(bytes.value);
  const by = { trust, environment: place?.environment ?? '' };
  const examined = examine(bytes.value, file, by);
  if (!examined.ok) return examined;
  const document = documentOf(examined.value);
  const { name, environment } = document.kind === 'emergency' ? document.base : document;
  const id = { name: place?.name ?? name, environment };
  const history = await readHistory(root, id, by);
  if (!history.ok) return history;
  const own = history.value.entries.filter((entry) => digestOf(entry) === document.digest);
  const past = await pastBefore(repository, document, history.value);
  const problems = history.value.problems.filter((each) => own.some((e) => e.file === each.file));
  return ok({
    ...{ file, bytes: bytes.value, id, by, examined: examined.value, history: history.value },
    ...{ past, problems },
  });
}

/** Sequence of the newest document that counts, when it came after this one. */
export function overtakenBy({ examined, history: { newest } }: ReadDocument): number | undefined {
  const { sequence } = documentOf(examined);
  return newest !== undefined && newest.sequence > sequence ? newest.sequence : undefined;
}

/** What stands before the document in the history. */
export function documentBefore({ examined, history, past }: ReadDocument): Before {
  const document = documentOf(examined);
  const earlier = history.entries.filter((entry) => entry.sequence < document.sequence);
  if (document.kind === 'emergency') {
    const last = earlier.flatMap((entry) => entry.document ?? []).at(-1);
    // Its base is inside it, and verified with it: a history may lag behind.
    const { base } = document;
    const before = last === undefined || last.sequence < base.sequence ? base : last;
    return { kind: 'document', document: before, approved: true };
  }
  if (document.previous === null) return { kind: 'nothing' };
  if (past !== undefined) return { kind: 'document', document: past, approved: true };
  const entry = earlier.find((each) => digestOf(each) === document.previous);
  const before = entry && knownDocument(entry);
  if (before !== undefined) {
    return { kind: 'document', document: before, approved: entry?.document !== undefined };
  }
  const why = `the history has no document \`${document.previous}\` that verifies`;
  return { kind: 'unknown', why };
}

/** Asked only where the rules of now do not take it: the whole history is read for that once more. */
async function pastBefore(
  repository: Repository,
  document: VerifiedDocument,
  { id, entries }: History,
): Promise<VerifiedDocument | undefined> {
  if (document.kind === 'emergency' || document.previous === null) return undefined;
  const { previous } = document;
  if (entries.some((entry) => entry.document?.digest === previous)) return undefined;
  const open = await openHistory(repository, id);
  return open.ok ? open.value.documents.find(({ digest }) => digest === previous) : undefined;
}

function examine(bytes: Uint8Array, file: string, by: JudgedBy): Result<Examined> {
  const sealed = parseSealed(bytes, file);
  if (!sealed.ok) return sealed;
  if (sealed.value.kind === 'SealedRollout') {
    const rollout = examineRollout(bytes, file, by);
    return rollout.ok ? ok({ kind: 'rollout', rollout: rollout.value }) : rollout;
  }
  const verified = verifyDocument(bytes, file, by);
  if (!verified.ok) return verified;
  if (verified.value.kind === 'rollout') throw new Error('an emergency was verified as a rollout');
  return ok({ kind: 'emergency', emergency: verified.value });
}

/** `history/<environment>/<name>/0042.json` below the repository; undefined for other files. */
function placeOfFile(root: string, file: string): RolloutId | undefined {
  const parts = relative(resolve(root), resolve(file)).split(sep);
  const [, environment = '', name = '', last = ''] = parts;
  const id = { environment, name };
  const isName = [environment, name].every((part) => NAME_PATTERN.test(part));
  const folder = parts.slice(0, -1).join(sep);
  const isPlace = isName && folder === historyFolder(id) && sequenceOfFile(last) !== undefined;
  return isPlace ? id : undefined;
}

function digestOf(entry: HistoryEntry) {
  return knownDocument(entry)?.digest;
}

function knownDocument({ document, examined }: HistoryEntry): VerifiedDocument | undefined {
  return document ?? examined?.document;
}
