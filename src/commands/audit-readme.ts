/** README.md of an audit folder: the same facts for people, one table a rollout. */
import type { AuditFacts } from '../audit/index-file.js';
import type { LogFacts } from '../audit/log-facts.js';
import type { DocumentReport } from '../audit/report.js';
import { escapeName } from '../bundle/names.js';
import type { AuditedRollout } from './audit-folder.js';
import { changeText } from './change-words.js';
import { runText } from './history-text.js';
import { escapeText, table } from './markdown.js';

const HEAD = ['#', 'what', 'changed', 'approved', 'ran', 'the one before'];

export function auditReadme(
  facts: AuditFacts,
  rollouts: readonly AuditedRollout[],
  logs: LogFacts,
): string {
  const { from, to, problems, notes, trust } = facts;
  const parts = [
    '# Audit of policy changes',
    `From ${timeOf(from)} until before ${timeOf(to)}. Check this folder with ` +
      '`cedargate verify DIR --trust trust.yaml`; `index.json` has the digest of every file.',
    ...section('What does not hold', problems),
    ...section('Notes', notes),
    ...rollouts.map(rolloutText),
    usesText(logs),
    section(
      'Rules that were in force (trust.yaml)',
      trust.map(({ digest, since, present }) => {
        const when = since === null ? 'time not known' : `since ${timeOf(since)}`;
        return `${digest}, ${when}${present ? ', the present one' : ''}`;
      }),
    ).join('\n\n'),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return [`## ${title}`, lines.map((line) => `- ${shown(line)}`).join('\n')];
}

function rolloutText({ id, reports, contradictions }: AuditedRollout): string {
  const title = `## ${shown(id.name)} in ${shown(id.environment)}`;
  const found = contradictions.map(({ source, at, sequence, why }) => {
    return `- ${shown(`${source}, ${at}: number ${sequence ?? 'none'}: ${why}`)}`;
  });
  const strange = found.length === 0 ? [] : ['Lines that do not agree:', found.join('\n')];
  return [title, table(HEAD, reports.map(rowOf)), ...strange].join('\n\n');
}

function rowOf(report: DocumentReport): string[] {
  const { sequence, kind, issuedAt, ticket, changed, ran, previous } = report;
  const what = [kind ?? 'unreadable', ticket, issuedAt].filter((part) => part !== null);
  return [
    String(sequence),
    cellOf(what),
    cellOf(changed === null ? ['not known'] : changed.changes.map(changeText)),
    cellOf(approvedWords(report)),
    cellOf(ran.runs.map(runText)),
    previous === null
      ? ''
      : cellOf([`#${previous.sequence}`, previous.state.replace('_', ' '), ...stillOn(report)]),
  ];
}

function approvedWords({ standing, approved, problems, reconciledBy }: DocumentReport): string[] {
  if (approved === null || standing === 'not_verified') return ['not verified', ...problems];
  const people = approved.approvals.map(({ person, signedAt }) => `${person}, ${signedAt}`);
  const taken = reconciledBy === null ? 'not taken over yet' : `taken over by #${reconciledBy}`;
  if (!approved.needsApproval) return [`emergency by ${approved.author}`, taken];
  const missing = standing === 'not_approved' ? ['not approved yet'] : [];
  return [...missing, ...people, `author ${approved.author}`];
}

function stillOn({ previous }: DocumentReport): string[] {
  return (previous?.stillRunningOn ?? []).map((name) => `still on ${name}`);
}

function usesText(logs: LogFacts): string {
  const uses = logs.uses();
  if (uses.length === 0) return '';
  const rows = uses.map((use) => [
    shown(`${use.rollout ?? '-'} in ${use.environment ?? '-'}`),
    shown(use.exception),
    shown(use.caller ?? 'could not be read'),
    String(use.allowed),
    String(use.inShadow),
    shown(`${use.first} to ${use.last}`),
  ]);
  const head = ['rollout', 'exception', 'caller', 'let pass', 'in shadow', 'first and last'];
  return `## Uses of exceptions\n\n${table(head, rows)}`;
}

function cellOf(parts: readonly string[]): string {
  return parts.map(shown).join('<br>');
}

function shown(text: string): string {
  return escapeText(escapeName(text));
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
