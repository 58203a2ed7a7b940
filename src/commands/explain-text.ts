/** An explanation for people: the answer first, then who decided, then who did not and why. */
import { formatEntityUid } from '../analysis/entity-uid.js';
import type { Explanation, PolicyFinding } from '../analysis/explain.js';
import { escapeName } from '../bundle/names.js';
import { type Io, note, print, type Style, style } from './output.js';
import { standingLines } from './standing-text.js';

const DECISION_STYLE: Readonly<Record<Explanation['decision'], Style>> = {
  allow: 'green',
  deny: 'red',
  error: 'yellow',
};

export function printExplanation(io: Io, explanation: Explanation): void {
  for (const warning of explanation.warnings) {
    note(io, `${style(io.stderr, 'yellow', 'warning:')} ${escapeName(warning)}`);
  }
  const { decision, reason, meaning, bundle, input, errors, policies, standing } = explanation;
  const answer = style(io.stdout, DECISION_STYLE[decision], decision);
  print(io, `${answer}, ${reason}: ${meaning}`);
  print(io, `by ${bundle.name} ${bundle.version}, ${bundle.digest}`);
  if (standing !== null) {
    const { rollout, sequence } = standing;
    const lines = standingLines(standing).map((line) => `  ${line}`);
    section(io, `By rollout ${rollout} ${sequence}`, lines);
  }
  if (input !== null) {
    const { principal, action, resource, context } = input;
    print(io, `\n${formatEntityUid(principal)}`);
    print(io, `  asks for ${formatEntityUid({ type: 'Action', id: action })}`);
    print(io, `  of ${formatEntityUid(resource)}`);
    print(io, `  context ${JSON.stringify(context)}`);
  }
  // They may be those of a log line, which anybody can have written.
  section(io, 'Errors', errors.map(errorText).map(escapeName));
  const having = (status: PolicyFinding['status']) =>
    policies.filter((policy) => policy.status === status);
  section(io, 'Decided by', having('decides').map(ownedText));
  section(io, 'Apply too, but are outweighed', having('outweighed').map(headText));
  section(io, 'Could not be evaluated', having('fails').map(ownedText));
  section(io, 'Do not apply', having('does_not_apply').sort(closestFirst).map(reasonText));
}

function section(io: Io, title: string, entries: readonly string[]): void {
  if (entries.length === 0) return;
  print(io, `\n${style(io.stdout, 'bold', `${title}:`)}\n${entries.join('\n')}`);
}

function errorText({ code, message, policy, field }: Explanation['errors'][number]): string {
  const where = policy ?? field;
  return `  ${where === undefined ? '' : `${where}: `}${message} [${code}]`;
}

function headText({ id, effect, file, line }: PolicyFinding): string {
  return `  ${id} (${effect}, ${file}:${line})`;
}

function ownedText(policy: PolicyFinding): string {
  const told = `${headText(policy)}\n    ${policy.description}\n    owner ${policy.owner}`;
  const failures = policy.conditions.filter(({ state }) => state === 'fails');
  return [told, ...failures.map(conditionText)].join('\n');
}

/** The scope parts that do not match, or the conditions that do not hold. */
function reasonText(policy: PolicyFinding): string {
  const scope = Object.entries(policy.scope).map(([part, clause]) => {
    return `    ${part} does not match: ${clause}`;
  });
  const conditions = policy.conditions.filter(({ state }) => state !== 'holds');
  return [headText(policy), ...scope, ...conditions.map(conditionText)].join('\n');
}

const STATE_WORDS = {
  holds: 'holds',
  does_not_hold: 'does not hold',
  fails: 'fails',
  unreached: 'cannot be told',
} as const;

function conditionText({ text, state, message }: PolicyFinding['conditions'][number]): string {
  const shown = text.replace(/\s+/g, ' ');
  return `    ${STATE_WORDS[state]}: ${shown}${message === undefined ? '' : ` (${message})`}`;
}

/** Policies that fit but for a condition are what the reader looks for, permits above all. */
function closestFirst(a: PolicyFinding, b: PolicyFinding): number {
  return a.mismatches.length - b.mismatches.length || rank(a) - rank(b);
}

function rank({ effect }: PolicyFinding): number {
  return effect === 'permit' ? 0 : 1;
}
