/** What `bundle inspect` found, as people read it. */
import { scopeClauses } from '../analysis/scope-clauses.js';
import type { Inspection } from '../bundle/inspect.js';
import { escapeName } from '../bundle/names.js';
import type { PolicySource } from '../cedar/types.js';
import { reasonLines } from './environment-words.js';
import { type Io, print, style, table } from './output.js';

export function printInspection(io: Io, found: Inspection): void {
  print(io, style(io.stdout, 'bold', `${found.name} ${found.version}`));
  print(io, table(factsOf(found)));
  for (const [owner, policies] of byOwner(found.policies)) {
    print(io, `\n${style(io.stdout, 'bold', `Policies of ${escapeName(owner)}`)}`);
    for (const policy of policies) printPolicy(io, policy);
  }
  printEnvironments(io, found);
}

function factsOf({ digest, owner, scope, protocol, built, files, routes }: Inspection) {
  const rows: [string, string][] = [
    ['  digest', digest],
    ['  owner', owner],
    ['  scope', scope?.destinations.join(', ') ?? 'any destination'],
    ['  protocol', protocol],
    ['  routes', routes.join(', ') || 'none'],
    ['  files', String(files.length)],
  ];
  if (built === null) return [...rows, ['  built', 'no: this is a directory']];
  const { createdAt, change, tests, cedar, minReader, signatures } = built;
  const { ticket, url, summary } = change;
  const said = [ticket, url, summary].filter((part) => part !== undefined);
  const { passed, coverage } = tests;
  const keyids = signatures.map(({ keyid }) => keyid || 'no key id');
  return [
    ...rows,
    ['  built', `as of ${createdAt}, for readers of formats ${minReader}`],
    ['  engine', `Cedar ${cedar.sdk}, language ${cedar.language}`],
    ['  change', said.join(', ') || 'not said'],
    ['  tests', passed === 0 ? 'none' : `${passed} passed, ${coverage} % of the policies reached`],
    ['  signed', keyids.length === 0 ? 'no' : 'by these keys, not verified here (see verify):'],
    ...keyids.map((keyid) => ['', keyid]),
  ];
}

function byOwner(policies: readonly PolicySource[]): Map<string, PolicySource[]> {
  const owners = new Map<string, PolicySource[]>();
  for (const policy of policies) {
    const list = owners.get(policy.owner) ?? [];
    list.push(policy);
    owners.set(policy.owner, list);
  }
  return new Map([...owners].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function printPolicy(io: Io, { id, effect, text, file, line, description }: PolicySource): void {
  const clauses = scopeClauses(text, ['principal', 'action', 'resource']);
  const scope = [clauses.principal, clauses.action, clauses.resource].join(', ');
  print(io, `  ${id} ${style(io.stdout, 'dim', `${file}:${line}`)}`);
  print(io, `    ${escapeName(description)}`);
  print(io, `    ${effect} (${escapeName(scope)})`);
}

function printEnvironments(io: Io, found: Inspection): void {
  const { environments, differences, reasons, environmentPolicies } = found;
  const names = environments.map(({ environment }) => environment ?? '(no environment)');
  print(io, `\n${style(io.stdout, 'bold', 'Entities')}`);
  const counts = environments.map(({ entities }) => String(entities));
  const rows = differences.map(({ entity, what, values }) => [
    `  ${escapeName(entity)}`,
    escapeName(what),
    ...values.map((value) => (value === null ? '-' : escapeName(value))),
  ]);
  print(io, table([['', '', ...names], ['  number', '', ...counts], ...rows]));
  if (environments.length > 1 && differences.length === 0) {
    print(io, '  They are the same in all of these.');
  }
  for (const line of reasonLines(reasons, environmentPolicies)) print(io, `  ${line}`);
}
