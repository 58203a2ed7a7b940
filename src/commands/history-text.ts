/** `history` for terminals. What others wrote is in it, so what cannot be seen is escaped. */
import type { Live } from '../audit/live.js';
import type { ApprovedReport, DocumentReport, PreviousReport } from '../audit/report.js';
import type { Contradiction, Run } from '../audit/runs.js';
import { sourceOf } from '../audit/runs.js';
import { escapeName } from '../bundle/names.js';
import { type BundleComparison, comparisonText } from './bundle-changes.js';
import { changeText } from './change-words.js';
import type { HistoryFound } from './history-facts.js';
import { type Sink, style } from './output.js';

const LABEL_WIDTH = 10;

export function historyText(found: HistoryFound, sink: Sink): string {
  const { name, environment, documents, contradictions, status } = found;
  const count = documents.length === 1 ? '1 document' : `${documents.length} documents`;
  return [
    style(sink, 'bold', `${name} in ${environment}: ${count}, newest first`),
    ...documents.map((document) => documentText(document, found, sink)),
    ...sectionText('Does not agree with the history', contradictions.map(contradictionText), sink),
    ...sectionText(
      'No answer',
      status.failed.map(({ url, why }) => `${url}: ${why}`),
      sink,
    ),
  ].join('\n\n');
}

function sectionText(title: string, lines: readonly string[], sink: Sink): string[] {
  if (lines.length === 0) return [];
  const shown = lines.map((line) => `  ${escapeName(line)}`);
  return [[style(sink, 'yellow', title), ...shown].join('\n')];
}

function documentText(
  document: DocumentReport & { readonly bundleDiff: BundleComparison | null },
  found: HistoryFound,
  sink: Sink,
): string {
  const { sequence, kind, issuedAt, ticket, owner, reason, file, bundleDiff } = document;
  const facts = [kind ?? 'unreadable', issuedAt, ticket, owner].filter((fact) => fact !== null);
  const title = `#${sequence}  ${escapeName(facts.join(', '))}`;
  const lines: [string, readonly string[]][] = [
    ['', [file, ...(reason === null ? [] : [`"${reason}"`])]],
    ['changed', changedLines(document, bundleDiff)],
    ['approved', approvedLines(document)],
    ['ran', ranLines(document, found)],
    ['before', document.previous === null ? [] : [previousLine(document.previous)]],
  ];
  const body = lines.flatMap(([label, texts]) => {
    return texts.map((text, i) => {
      return `  ${(i === 0 ? label : '').padEnd(LABEL_WIDTH)}${escapeName(text)}`.trimEnd();
    });
  });
  return [style(sink, colourOf(document), title), ...body].join('\n');
}

function colourOf({ standing }: DocumentReport): 'red' | 'yellow' | 'bold' {
  if (standing === 'not_verified') return 'red';
  return standing === 'not_approved' ? 'yellow' : 'bold';
}

function changedLines({ changed }: DocumentReport, diff: BundleComparison | null): string[] {
  if (changed === null) return ['not known: the document does not verify'];
  const { changes, against } = changed;
  const lines = changes.flatMap((change) => {
    const said = [changeText(change)];
    if (change.what !== 'bundle' || diff === null) return said;
    return [
      ...said,
      `  ${comparisonText(diff)}`,
      ...(diff.command === null ? [] : [`  ${diff.command}`]),
    ];
  });
  if (lines.length > 0) return against === null ? ['everything: it is the first', ...lines] : lines;
  return ['nothing that is decided by: ticket, reason or date alone'];
}

function approvedLines({
  standing,
  approved,
  problems,
  todayProblems,
  trust,
}: DocumentReport): string[] {
  if (standing === 'not_verified') return problems.map((problem) => `not verified: ${problem}`);
  if (approved === null) return [];
  const { author } = approved;
  const by = approved.approvals.map(({ person, signedAt, comment }) => {
    return `by ${person}, ${signedAt}${comment === null ? '' : `: "${comment.replace(/\s+/g, ' ')}"`}`;
  });
  return [
    ...(standing === 'not_approved'
      ? problems.map((problem) => `not approved yet: ${problem}`)
      : []),
    ...emergencyLine(approved),
    ...by,
    ...(approved.needsApproval ? [`author ${author}`] : []),
    ...approved.notCounted.map(({ keyid, why }) => `not counted: ${keyid || 'no key id'}: ${why}`),
    ...todayProblems.map(
      (problem) => `by the rules of its day (${trust}); not by those given: ${problem}`,
    ),
  ];
}

function emergencyLine({ needsApproval, author }: ApprovedReport): string[] {
  return needsApproval
    ? []
    : [`an emergency by ${author}: it needs no approval, and its base has its own`];
}

function ranLines(
  { ran, standing, kind, reconciledBy }: DocumentReport,
  { asked }: HistoryFound,
): string[] {
  const lines = [...ran.live.map(liveText), ...ran.runs.map(runText)];
  const open = kind === 'emergency' && reconciledBy === null ? ['not taken over yet'] : [];
  const taken = reconciledBy === null ? [] : [`taken over by #${reconciledBy}`];
  if (lines.length > 0) return [...lines, ...open, ...taken];
  if (standing !== 'verified') return ['nowhere: no sidecar takes it', ...open, ...taken];
  const none = asked
    ? 'nowhere, as far as the logs and /status say'
    : 'not known: give --log or --status-url';
  return [none, ...open, ...taken];
}

export function runText(run: Run): string {
  const { from, until, restarts } = run;
  const again =
    restarts === 0 ? '' : `, started again ${restarts === 1 ? 'once' : `${restarts} times`}`;
  const end = until === null ? 'on, no later change in the logs' : `to ${until}`;
  return `${sourceOf(run)}: ${from} ${end}${again}`;
}

function liveText({ url, service, approved, sequence, lag }: Live): string {
  const what = service === null ? '' : ` (${service})`;
  const newer = approved !== null && approved !== sequence ? `, has verified #${approved}` : '';
  const behind = lag === null ? '' : `, behind since ${lag.since}: ${lag.reason}`;
  return `now: ${url}${what}${newer}${behind}`;
}

function previousLine(previous: PreviousReport): string {
  const { sequence, state, revokedBy, sameBundle, stillRunningOn, bundle } = previous;
  const what = bundle === null ? 'no bundle' : `${bundle.name}@${bundle.version}`;
  const words = {
    in_force: 'in force until this one is approved',
    superseded: sameBundle ? 'superseded, its bundle runs on' : 'superseded',
    revoked: `its bundle revoked by #${revokedBy}`,
  }[state];
  const running =
    stillRunningOn.length === 0 ? '' : `; still running on ${stillRunningOn.join(', ')}`;
  return `#${sequence} (${what}): ${words}${running}`;
}

function contradictionText({ source, at, sequence, digest, why }: Contradiction): string {
  const when = at === null ? 'now' : at;
  return `${source}, ${when}: says number ${sequence ?? 'none'}, ${digest ?? 'no digest'}: ${why}`;
}
