/** `bundle diff` for pull requests: a short summary, then tables, details folded. */
import type { BundleDiff, DiffSide } from '../analysis/bundle-diff.js';
import type { Flip, MeaningDiff } from '../analysis/meaning/types.js';
import type { TrafficDiff } from '../analysis/traffic.js';
import {
  allCallers,
  askedSentence,
  count,
  decidedBy,
  environmentText,
  explainCommand,
  fieldText,
  flipSentence,
  itemText,
  kindOf,
  limitsOf,
  notComparedSentence,
  policyText,
  refText,
  trafficAccount,
  trafficSentence,
} from './bundle-diff-words.js';
import { cell, code, escapeText, folded, table } from './markdown.js';

/** Sentences in the summary; all rows are in the tables. */
const SUMMARY_ROWS = 10;

export function diffMarkdown(diff: BundleDiff): string {
  const { before, after } = diff;
  const title = `### Policy diff: ${code(`${before.name} ${before.version}`)} to ${code(`${after.name} ${after.version}`)}`;
  if (!diff.differs) return `${title}\n\nNo differences.`;
  return [
    title,
    summary(diff),
    ...diff.meaning.map(meaningTable),
    ...(diff.traffic ?? []).map(trafficTable),
    structure(diff),
    account(diff),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function summary({ meaning, structure: { policies } }: BundleDiff): string {
  const counted = [
    [policies.added.length, 'added'],
    [policies.removed.length, 'removed'],
    [policies.changed.length, 'changed'],
  ] as const;
  const changes = counted.filter(([number]) => number > 0).map(([n, what]) => `${n} ${what}`);
  const head = changes.length === 0 ? 'No policy changed.' : `Policies: ${changes.join(', ')}.`;
  const lines = meaning.flatMap(({ flips, environment }) => {
    const where = meaning.length > 1 ? `${environmentText(environment)}: ` : '';
    if (flips.length === 0) return [`- ${where}no decision changes, as far as was asked`];
    const shown = flips.slice(0, SUMMARY_ROWS).map((flip) => {
      return `- **${kindOf(flip)}** ${where}${code(flipSentence(flip))}`;
    });
    const more = flips.length - shown.length;
    return more > 0 ? [...shown, `- and ${count(more)} more below`] : shown;
  });
  return [head, '', ...lines].join('\n');
}

function meaningTable({ flips, environment }: MeaningDiff): string {
  if (flips.length === 0) return '';
  const rows = flips.map((flip) => [
    cell(code(flipSentence(flip))),
    `${flip.from} → ${flip.to}`,
    cell(code(decidedBy(flip.before))),
    cell(code(decidedBy(flip.after))),
  ]);
  const head = ['what changes', 'decision', 'decided by, before', 'decided by, after'];
  const title = `Requests decided differently, ${escapeText(environmentText(environment))} (${flips.length})`;
  const commands = flips.flatMap((flip) => witnessText(flip) ?? []);
  const requests =
    commands.length === 0 ? '' : `\n\nOne request of each:\n\n${commands.join('\n')}`;
  return folded(title, `${table(head, rows)}${requests}`);
}

function witnessText(flip: Flip): string | undefined {
  const command = explainCommand(flip.witness);
  const lines = [command, allCallers(flip)].filter((line) => line !== undefined).map(code);
  return lines.length === 0 ? undefined : `- ${lines.join('\n  ')}`;
}

function trafficTable(traffic: TrafficDiff): string {
  const { flips, environment, fieldsNotInBoth } = traffic;
  const rows = flips.map((flip) => [cell(code(trafficSentence(flip))), code(flip.example)]);
  const body =
    rows.length === 0 ? 'No observed request changes.' : table(['what changes', 'example'], rows);
  const lacking =
    fieldsNotInBoth.length === 0
      ? ''
      : `\n\nOnly one side declares, so the log may lack: ${fieldsNotInBoth.map(code).join(', ')}.`;
  const title = `Observed traffic, ${escapeText(environmentText(environment))} (${flips.length})`;
  return folded(title, `${body}\n\n${escapeText(trafficAccount(traffic))}.${lacking}`);
}

function structure({ change, structure: parts, entities }: BundleDiff): string {
  const { manifest, policies, schema, routes } = parts;
  const rows: string[][] = [];
  const add = (part: string, lines: readonly string[]) => {
    for (const line of lines) rows.push([part, cell(code(line))]);
  };
  add('change', change.map(fieldText));
  add('manifest', manifest.map(fieldText));
  for (const [what, list] of [
    ['policy removed', policies.removed],
    ['policy added', policies.added],
  ] as const) {
    add(what, list.map(refText));
  }
  add('policy changed', policies.changed.map(policyText));
  add('schema', schema.map(itemText));
  add('routes', routes.map(itemText));
  for (const { environment, changes } of entities) {
    add(`entities ${escapeText(environmentText(environment))}`, changes.map(itemText));
  }
  if (rows.length === 0) return '';
  return folded(
    `What the bundles say differently (${rows.length})`,
    table(['part', 'change'], rows),
  );
}

function account({ before, after, meaning, environmentsNotCompared }: BundleDiff): string {
  const sides = [before, after].map(sideText);
  const lines = meaning.flatMap((each) => [
    `- ${escapeText(environmentText(each.environment))}: ${askedSentence(each.asked)}`,
    ...limitsOf(each).map((limit) => `  - ${code(limit)}`),
  ]);
  const rest = notComparedSentence(environmentsNotCompared);
  const last = rest === undefined ? [] : [`- ${escapeText(rest)}`];
  return folded('How this was found', [...sides, ...lines, ...last].join('\n'));
}

function sideText({ path, digest, ticket, url }: DiffSide): string {
  const reason = [ticket, url]
    .filter((part) => part !== null)
    .map((part) => `, ${escapeText(part)}`);
  return `- ${code(path)}: ${code(digest)}${reason.join('')}`;
}
