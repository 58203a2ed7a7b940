/** The words of a change card, the same in text and in Markdown. What others wrote is escaped. */
import { escapeName } from '../bundle/names.js';
import type { Card, CardBundle } from '../rollout/card.js';
import type { CardApproval, CardNeed, CardPerson } from '../rollout/card-approvals.js';
import type { CardCommand } from '../rollout/card-commands.js';
import { listText } from '../rollout/match-words.js';
import { bundleRefText } from '../rollout/source.js';
import { changeText } from './change-words.js';
import { elsewhereLines, reasonLines } from './environment-words.js';
import { shellLine } from './shell-word.js';

/** Rows of what differs between environments; `bundle inspect` shows all. */
export const DIFFERENCES_SHOWN = 20;

export function titleText({ kind, sequence, name, environment }: Card): string {
  return `${kind === 'emergency' ? 'Emergency' : 'Rollout'} ${sequence} of ${name} in ${environment}`;
}

export function statusText({ status, needed, expired, overtakenBy }: Card): string {
  const missing = needed.filter((need) => need.missing > 0).map(needText);
  const words = {
    emergency: 'an emergency counts without approvals',
    approved: 'approved',
    waiting: `not approved yet: ${missing.join('; ')}`,
  };
  const late = [
    ...(expired ? ['expired'] : []),
    ...(overtakenBy === null ? [] : [`overtaken by ${overtakenBy}`]),
  ];
  return [words[status], ...late].join(', ');
}

/** How many there are, what is missing, and who can give it. */
export function needText({ destination, people, got, missing, from }: CardNeed): string {
  const what = destination === null ? 'the change' : destination;
  const count = `${what} has ${got} of ${people} ${people === 1 ? 'approval' : 'approvals'}`;
  if (missing === 0) return count;
  const whom = from.length === 0 ? 'nobody who could give it' : listText(from, 'or');
  return `${count}, ${missing} still needed from ${whom}`;
}

function personText({ id, name, email }: CardPerson): string {
  const whole = name === id ? id : `${name} (${id})`;
  return escapeName(`${whole}, ${email}`);
}

export function approvalText({
  person,
  keyid,
  counts,
  why,
  signedAt,
  comment,
}: CardApproval): string {
  const who = person === null ? `somebody (key ${keyid || 'without id'})` : personText(person);
  if (!counts) return escapeName(`does not count: ${who}: ${why}`);
  const said = comment === null ? '' : `: ${comment.replace(/\s+/g, ' ').trim()}`;
  return escapeName(`${who}, ${signedAt}${said}`);
}

/** What the document says of itself, in rows; approvals and changes stand elsewhere. */
export function factRows(card: Card): [string, string][] {
  const { ticket, impact, issuedAt, expiresAt, expired, reconcileBy, bundles } = card;
  const because = impact === null || impact.because.length === 0 ? '' : impact.because.join('; ');
  const rows: [string, string | undefined][] = [
    ['file', card.file],
    ['digest', card.digest],
    ['written by', `${personText(card.author)} (verified)`],
    ['ticket', [ticket.id, ticket.url].filter((part) => part !== null).join(' ')],
    ['type', card.type],
    ['owner', card.owner],
    ['reason', card.reason ?? undefined],
    ['impact', impact === null ? undefined : [impact.impact, because].filter(Boolean).join(': ')],
    ['evidence', card.evidence ?? 'none'],
    ['bundle', bundleText(bundles.active)],
    ['candidate', bundles.candidate === null ? undefined : bundleText(bundles.candidate)],
    ['way back', bundleText(bundles.rollback)],
    ['issued', issuedAt],
    ['reconcile by', reconcileBy ?? undefined],
    ['review by', card.reviewBy],
    ['expires', `${expiresAt}${expired ? ' (expired)' : ''}`],
  ];
  return rows.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, escapeName(value)] satisfies [string, string]],
  );
}

function bundleText(bundle: CardBundle | null): string {
  if (bundle === null) return 'none';
  const where = bundle.file ?? `not at hand: ${bundle.why}`;
  return `${bundleRefText(bundle)}, ${bundle.digest} (${where})`;
}

/** What `changes` are held against, or why there are none. */
export function comparedText({ comparedWith, notCompared }: Card): string {
  if (notCompared !== null) return `not compared: ${notCompared}`;
  if (comparedWith === null) return 'the first document of this rollout';
  const { kind, sequence, approved } = comparedWith;
  return `against ${kind} ${sequence}${approved ? '' : ', which is not approved itself'}`;
}

/** One line each. */
export function changeLines({ changes }: Card): string[] {
  if (changes === null) return [];
  return changes.length === 0
    ? ['nothing']
    : changes.map((change) => escapeName(changeText(change)));
}

/** Why environments differ, and how this rollout differs from those of its name elsewhere. */
export function environmentLines({ environments, elsewhere }: Card): string[] {
  const { reasons = [], policies = [] } = environments ?? {};
  return [...reasonLines(reasons, policies), ...elsewhereLines(elsewhere)];
}

export function environmentsText({ environments }: Card): string {
  if (environments === null) return 'the active bundle is not at hand, so this cannot be said';
  const { files, differences } = environments;
  if (files.length === 0) return 'no entities: the bundle has no entities.<environment>.json';
  const where = listText(files);
  return differences.length === 0
    ? `no entities, although the bundle has ${where}`
    : `${differences.length} of entities, by ${where}`;
}

/** The head row, then what differs; more than are shown are counted in the last line. */
export function differenceRows({ environments }: Card): string[][] {
  if (environments === null || environments.differences.length === 0) return [];
  const head = ['entity', 'what', ...environments.environments.map((name) => name ?? '(none)')];
  const rows = environments.differences
    .slice(0, DIFFERENCES_SHOWN)
    .map(({ entity, what, values }) => [entity, what, ...values.map((value) => value ?? '-')]);
  return [head, ...rows.map((row) => row.map(escapeName))];
}

export function envoyText({ firstEnforced }: Card): string | undefined {
  if (firstEnforced.length === 0) return undefined;
  return `This begins to enforce ${listText(firstEnforced)}: its Envoy must run the profile \`enforcing\` (deploy/envoy/enforcing.yaml), or requests pass while cedargate does not answer.`;
}

export function commandText({ argv }: CardCommand): string {
  return escapeName(shellLine(argv));
}

/** The form of `--json`. */
export function cardJson(card: Card) {
  const lines = (commands: readonly CardCommand[]) =>
    commands.map((command) => ({ what: command.what, command: commandText(command) }));
  return { ...card, check: lines(card.check), back: lines(card.back) };
}
