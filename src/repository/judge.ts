/**
 * A history, each document judged by the rules that are believed: those given first, then, where
 * they do not take it, those of its day. Rules get stricter; what was approved by rule stays so.
 */
import type { Digest } from '../bundle/types.js';
import { type Problem, problem } from '../errors.js';
import { parseSealed } from '../rollout/documents.js';
import { checkOrder, NOTHING_SEEN, remember } from '../rollout/order.js';
import type { Trust } from '../rollout/trust.js';
import type { VerifiedDocument } from '../rollout/types.js';
import { examineRollout, verifyDocument } from '../rollout/verify.js';
import { chainProblems, type History, type HistoryEntry } from './history.js';

export interface JudgedEntry extends HistoryEntry {
  /** By whose rules. */
  readonly trust: Digest;
  /** Why the given rules do not take it, when those of its day do; else empty. */
  readonly todayProblems: readonly Problem[];
}

export interface JudgedHistory {
  readonly id: History['id'];
  /** Ascending. */
  readonly entries: readonly JudgedEntry[];
  /** Those that verify, ascending. */
  readonly documents: readonly VerifiedDocument[];
  /** What does not verify, and what does not fit together. */
  readonly problems: readonly Problem[];
}

export interface Judges {
  readonly given: Trust;
  /** The rules with this digest, if they are believed. */
  readonly believed: (digest: string) => BelievedRules | undefined;
  /** All of them: an emergency names rules in its base alone, and who declared it may have come later. */
  readonly all?: readonly BelievedRules[];
}

export interface BelievedRules {
  readonly trust: Trust;
  /** From when on they were replaced, as far as is known. Milliseconds since 1970. */
  readonly untilMs: number;
}

/** `history` as it was read by the given rules. */
export function judgeHistory({ id, entries: read }: History, judges: Judges): JudgedHistory {
  const entries: JudgedEntry[] = [];
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  for (const entry of read) {
    const judged = judgeEntry(entry, id.environment, notBeforeMs, judges);
    entries.push(judged);
    const { document } = judged;
    // A date of an emergency alone says nothing: nobody looked at it.
    if (document?.kind === 'rollout') notBeforeMs = Math.max(notBeforeMs, document.issuedAtMs);
  }
  const documents = entries.flatMap(({ document }) => document ?? []);
  const problems = [
    ...entries.flatMap((entry, i) =>
      isProposal(entry, entries.length - 1 - i) ? [] : entry.problems,
    ),
    ...chainProblems(id, entries),
    ...emergencyProblems(entries),
    ...orderProblems(entries),
  ];
  return { id, entries, documents, problems };
}

/** The last document may wait for approvals: that is no fault of the history. */
export function isProposal({ document, examined }: HistoryEntry, after: number): boolean {
  return after === 0 && document === undefined && examined !== undefined;
}

/**
 * `notBeforeMs`: when the newest of the documents before it was made. Which rules were those of its day a
 * document only claims: replaced ones do not count for it, and it cannot be older than what it follows.
 */
function judgeEntry(
  entry: HistoryEntry,
  environment: string,
  notBeforeMs: number,
  { given, believed, all = [] }: Judges,
): JudgedEntry {
  const byGiven = { ...entry, trust: given.digest, todayProblems: [] };
  if (entry.document !== undefined) return byGiven;
  const { bytes, file } = entry;
  const recorded = recordedTrust(bytes, file);
  const rules = recorded === undefined ? undefined : believed(recorded);
  for (const { trust, untilMs } of [...(rules === undefined ? [] : [rules]), ...all]) {
    const verified = verifyDocument(bytes, file, { trust, environment });
    if (!verified.ok) continue;
    const { kind, issuedAtMs } = verified.value;
    if (kind === 'rollout' && trust.digest !== recorded) continue;
    if (Math.max(issuedAtMs, notBeforeMs) >= untilMs) continue;
    const examined = examineRollout(bytes, file, { trust, environment });
    return {
      ...entry,
      document: verified.value,
      examined: examined.ok ? examined.value : undefined,
      problems: [],
      trust: trust.digest,
      todayProblems: entry.problems,
    };
  }
  return byGiven;
}

/**
 * The rules that a document says it was made by; of an emergency, those of its base. Nobody has
 * verified it yet: it only chooses among rules that are believed anyway.
 */
export function recordedTrust(bytes: Uint8Array, file: string): string | undefined {
  const sealed = parseSealed(bytes, file);
  if (!sealed.ok) return undefined;
  const payload = jsonOf(sealed.value.payload);
  if (sealed.value.kind === 'SealedRollout') return textField(payload, 'trust');
  const base = textField(field(payload, 'base'), 'payload');
  return base === undefined ? undefined : textField(jsonOf(Buffer.from(base, 'base64')), 'trust');
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return isObject ? (value as Record<string, unknown>)[name] : undefined;
}

function textField(value: unknown, name: string): string | undefined {
  const found = field(value, name);
  return typeof found === 'string' ? found : undefined;
}

/** An emergency names no document before it: its base, and its number, have to do. */
function emergencyProblems(entries: readonly JudgedEntry[]): Problem[] {
  return entries.flatMap(({ document, file, sequence }, i) => {
    if (document?.kind !== 'emergency') return [];
    const { base } = document;
    const place = { file };
    const before = entries[i - 1];
    const isThere = entries.some((entry) => entry.document?.digest === base.digest);
    const isNext = before === undefined || before.sequence === sequence - 1;
    return [
      ...(isThere ? [] : [`its base, number ${base.sequence}, is not in the history`]),
      ...(isNext ? [] : [`number ${sequence - 1} is missing before it`]),
    ].map((message) => problem('history_broken', message, place));
  });
}

/** What a sidecar that saw every document in turn would have refused. */
function orderProblems(entries: readonly JudgedEntry[]): Problem[] {
  const problems: Problem[] = [];
  let memory = NOTHING_SEEN;
  for (const { document, file } of entries) {
    if (document === undefined) continue;
    const wrong = checkOrder(document, memory, 0);
    if (wrong !== undefined) problems.push({ ...wrong, file });
    memory = remember(document, memory);
  }
  return problems;
}

/** Documents that came before the first one are needed to judge it, and are gone. */
export function beginningProblem({ entries: [first] }: JudgedHistory): Problem | undefined {
  const document = first?.document;
  const isFirst =
    document === undefined || (document.kind === 'rollout' && document.previous === null);
  if (isFirst || first === undefined) return undefined;
  const message = `the history begins with number ${first.sequence}: the documents before it are missing`;
  return problem('history_broken', message, { file: first.file });
}
