/** A change card for the terminal. */
import { escapeName } from '../bundle/names.js';
import type { Card } from '../rollout/card.js';
import { evidenceLines } from './card-evidence-words.js';
import {
  approvalText,
  changeLines,
  commandText,
  comparedText,
  DIFFERENCES_SHOWN,
  differenceRows,
  environmentLines,
  environmentsText,
  envoyText,
  factRows,
  needText,
  statusText,
  titleText,
} from './card-words.js';
import { type Io, print, style, table } from './output.js';

export function printCard(io: Io, card: Card): void {
  const colour = card.status === 'approved' ? 'green' : 'yellow';
  const status = style(io.stdout, colour, escapeName(statusText(card)));
  print(io, `${style(io.stdout, 'bold', titleText(card))}: ${status}`);
  const section = (title: string, lines: readonly string[]) => {
    if (lines.length === 0) return;
    print(io, `\n${style(io.stdout, 'bold', title)}`);
    for (const line of lines) print(io, `  ${line}`);
  };
  const envoy = envoyText(card);
  section('What it means', [
    ...card.means.map(escapeName),
    ...(envoy === undefined ? [] : [envoy]),
  ]);
  section('What changes', [escapeName(comparedText(card)), ...changeLines(card)]);
  section('Who was seen to call', evidenceLines(card));
  section('Facts', table(factRows(card)).split('\n'));
  if (card.kind === 'rollout') {
    section('Approvals', [...card.needed.map(needText), ...card.approvals.map(approvalText)]);
  }
  const rows = differenceRows(card);
  section('Differences between environments', [
    escapeName(environmentsText(card)),
    ...(rows.length === 0 ? [] : table(rows).split('\n')),
    ...more(card),
    ...environmentLines(card),
  ]);
  section(
    'How to check it',
    card.check.flatMap((command) => [command.what, `  ${commandText(command)}`]),
  );
  section(
    'The way back',
    card.back.flatMap((command) => [command.what, `  ${commandText(command)}`]),
  );
}

function more({ environments }: Card): string[] {
  const rest = (environments?.differences.length ?? 0) - DIFFERENCES_SHOWN;
  return rest > 0 ? [`and ${rest} more: see \`cedargate bundle inspect\``] : [];
}
