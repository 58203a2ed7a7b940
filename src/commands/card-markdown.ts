/** A change card for pull requests and tickets. */
import type { Card } from '../rollout/card.js';
import type { CardCommand } from '../rollout/card-commands.js';
import { evidenceLines } from './card-evidence-words.js';
import {
  approvalText,
  changeLines,
  commandText,
  comparedText,
  differenceRows,
  environmentLines,
  environmentsText,
  envoyText,
  factRows,
  needText,
  statusText,
  titleText,
} from './card-words.js';
import { cell, code, escapeText, folded, table } from './markdown.js';

export function cardMarkdown(card: Card): string {
  const envoy = envoyText(card);
  return [
    `### ${escapeText(titleText(card))}`,
    `**${escapeText(statusText(card))}**`,
    bullets([...card.means, ...(envoy === undefined ? [] : [envoy])]),
    changes(card),
    seen(card),
    table(['fact', 'value'], factRows(card).map(factRow(card))),
    approvals(card),
    environments(card),
    commands('How to check it', card.check),
    commands('The way back', card.back),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${escapeText(line)}`).join('\n');
}

function changes(card: Card): string {
  const title = `**What changes**, ${escapeText(comparedText(card))}`;
  const lines = changeLines(card);
  return lines.length === 0
    ? title
    : [title, '', ...lines.map((line) => `- ${code(line)}`)].join('\n');
}

function seen(card: Card): string {
  const lines = evidenceLines(card);
  if (lines.length === 0) return '';
  const items = lines.map((line) =>
    line.startsWith(' ') ? `  - ${code(line.trim())}` : `- ${code(line)}`,
  );
  return ['**Who was seen to call**', '', ...items].join('\n');
}

/** The ticket leads to where it is; the URL is that of trust.yaml with the ticket encoded. */
function factRow({ ticket }: Card) {
  return ([name, value]: readonly [string, string]): string[] =>
    name === 'ticket' && ticket.url !== null
      ? [name, `[${cell(escapeText(ticket.id))}](<${cell(ticket.url)}>)`]
      : [name, cell(code(value))];
}

function approvals({ kind, needed, approvals: given }: Card): string {
  if (kind === 'emergency') return '';
  return ['**Approvals**', '', bullets([...needed.map(needText), ...given.map(approvalText)])].join(
    '\n',
  );
}

function environments(card: Card): string {
  const title = `Differences between environments: ${escapeText(environmentsText(card))}`;
  const [head, ...rows] = differenceRows(card);
  const lines = bullets(environmentLines(card));
  const cells = (row: readonly string[]) => row.map((each) => cell(code(each)));
  const entities = head === undefined ? title : folded(title, table(cells(head), rows.map(cells)));
  return lines === '' ? entities : `${entities}\n\n${lines}`;
}

function commands(title: string, list: readonly CardCommand[]): string {
  if (list.length === 0) return '';
  const lines = list.map((each) => `- ${escapeText(each.what)}: ${code(commandText(each))}`);
  return [`**${title}**`, '', ...lines].join('\n');
}
