/** Writes a sealed change into the repository, and says what is to be done next. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { escapeName } from '../bundle/names.js';
import { systemErrorText } from '../bundle/system-error.js';
import { messageOf, problem } from '../errors.js';
import type { Repository } from '../repository/open.js';
import type { SealedEmergencyChange } from '../repository/seal-emergency.js';
import type { SealedChange, SealedRolloutChange } from '../repository/seal-rollout.js';
import { failed, ok, type Result } from '../result.js';
import type { Change } from '../rollout/changes.js';
import type { Requirement } from '../rollout/impact.js';
import { changeText } from './change-words.js';
import { createFile, replaceFile, replaceUnchanged } from './files.js';
import { type Io, print, printJson } from './output.js';

const FILE_MODE = 0o644;

/**
 * The document first: a source that nobody sealed is an edit, a document without its source is not.
 * Problem code: `file_unwritable`.
 */
export async function saveChange(
  { root }: Repository,
  { file, bytes, replaces, source }: SealedChange,
): Promise<Result<void>> {
  const target = join(root, file);
  try {
    await mkdir(dirname(target), { recursive: true });
    if (source !== undefined) await mkdir(dirname(join(root, source.file)), { recursive: true });
  } catch (thrown) {
    const why = thrown instanceof Error ? systemErrorText(thrown) : messageOf(thrown);
    return failed(problem('file_unwritable', `the folder cannot be made: ${why}`, { file }));
  }
  const written =
    replaces === undefined
      ? await createFile(target, bytes, FILE_MODE)
      : await replaceUnchanged(target, replaces, bytes);
  if (!written.ok || source === undefined) return written;
  const saved = await replaceFile(join(root, source.file), Buffer.from(source.text, 'utf8'));
  return saved.ok ? ok(undefined) : saved;
}

/** What a command that changed a rollout says, in either form. */
export function printChange(io: Io, flags: { readonly json?: true }, sealed: SealedRolloutChange) {
  const { file, sequence, digest, id, source, examined, changes } = sealed;
  const { document, assessment, unmet } = examined;
  if (flags.json === true) {
    printJson(io, {
      file,
      source: source?.file ?? null,
      name: id.name,
      environment: id.environment,
      sequence,
      digest,
      author: document.author,
      ticket: document.source.change.ticket,
      impact: assessment.impact,
      active: document.resolved.active,
      candidate: document.resolved.candidate,
      rollback: document.resolved.rollback,
      changes,
      approvals: { needed: unmet.map(neededOf) },
    });
    return;
  }
  print(io, `${id.name} in ${id.environment}: document ${sequence}, ${digest}`);
  print(io, `sealed by ${document.author} for ${document.source.change.ticket}, ${file}`);
  const { active, rollback } = document.resolved;
  const back = rollback === null ? 'no way back yet' : `back: ${rollback.name}@${rollback.version}`;
  print(io, `active: ${active.name}@${active.version}; ${back}; impact ${assessment.impact}`);
  for (const line of changedLines(changes)) print(io, `  ${line}`);
  for (const requirement of unmet) print(io, `needs ${needText(requirement)}`);
  if (unmet.length > 0) print(io, `next: cedargate approve ${file} --key KEY`);
}

/** Where nothing changes, the same command may have been run before. */
function changedLines(changes: readonly Change[]): readonly string[] {
  if (changes.length === 0) return ['nothing changes but ticket, reason and dates'];
  return changes.map((change) => escapeName(changeText(change)));
}

export function neededOf({ people, among, destination }: Requirement) {
  return { people, among: among ?? null, destination: destination ?? null };
}

export function needText({ people, among, destination }: Requirement): string {
  const who = among === undefined ? 'people with the role approver' : among.join(', ');
  const where = destination === undefined ? '' : ` for ${destination}`;
  return `${people} approval${people === 1 ? '' : 's'}${where}, among ${who}`;
}

/** The same of an emergency, which nobody approves. */
export function printEmergency(
  io: Io,
  flags: { readonly json?: true },
  { file, sequence, digest, id, document }: SealedEmergencyChange,
): void {
  const { author, ticket, relax, rollback, blocks, revoke, reconcileByMs } = document;
  const reconcileBy = new Date(reconcileByMs).toISOString();
  if (flags.json === true) {
    const made = { file, ...id, sequence, digest, author, ticket, reconcileBy };
    printJson(io, { ...made, relax, rollback, blocks: blocks.map(({ name }) => name), revoke });
    return;
  }
  print(io, `${id.name} in ${id.environment}: emergency ${sequence}, ${digest}`);
  print(io, `declared by ${author} for ${ticket}, ${file}`);
  if (relax === 'all') print(io, 'everything goes to shadow');
  else if (relax.length > 0) print(io, `to shadow: ${relax.join(', ')}`);
  if (rollback) print(io, 'back to the bundle before');
  for (const { name } of blocks) print(io, `blocked: ${name}`);
  for (const each of revoke) print(io, `revoked: ${each}`);
  print(io, `to be taken over by ${reconcileBy}: a rollout with --reconcile`);
}
