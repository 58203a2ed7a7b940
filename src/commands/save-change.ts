/** Writes a sealed change into the repository, and says what is to be done next. */
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { escapeName } from '../bundle/names.js';
import { systemErrorText } from '../bundle/system-error.js';
import { messageOf, problem } from '../errors.js';
import { evidenceBeside } from '../repository/layout.js';
import type { Repository } from '../repository/open.js';
import type { SealedEmergencyChange } from '../repository/seal-emergency.js';
import type { SealedChange, SealedRolloutChange } from '../repository/seal-rollout.js';
import { failed, ok, type Result } from '../result.js';
import type { Change } from '../rollout/changes.js';
import type { Requirement } from '../rollout/impact.js';
import type { VerifiedRollout } from '../rollout/types.js';
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
  { file, bytes, replaces, source, evidence }: SealedChange,
): Promise<Result<void>> {
  const target = join(root, file);
  try {
    await mkdir(dirname(target), { recursive: true });
    if (source !== undefined) await mkdir(dirname(join(root, source.file)), { recursive: true });
  } catch (thrown) {
    return failed(unwritable(file, 'the folder cannot be made', thrown));
  }
  const written =
    replaces === undefined
      ? await createFile(target, bytes, FILE_MODE)
      : await replaceUnchanged(target, replaces, bytes);
  if (!written.ok) return written;
  const path = join(root, evidenceBeside(file));
  const beside =
    evidence === undefined ? await dropEvidence(path) : await replaceFile(path, evidence.bytes);
  if (!beside.ok || source === undefined) return beside;
  const saved = await replaceFile(join(root, source.file), Buffer.from(source.text, 'utf8'));
  return saved.ok ? ok(undefined) : saved;
}

function unwritable(file: string, what: string, thrown: unknown) {
  const why = thrown instanceof Error ? systemErrorText(thrown) : messageOf(thrown);
  return problem('file_unwritable', `${what}: ${why}`, { file });
}

/** That of a document whose place is taken: nothing names it any more. */
async function dropEvidence(path: string): Promise<Result<void>> {
  try {
    await rm(path, { force: true });
    return ok(undefined);
  } catch (thrown) {
    return failed(unwritable(path, 'it cannot be removed', thrown));
  }
}

/** What a command that changed a rollout says, in either form. */
export function printChange(
  io: Io,
  flags: { readonly json?: true },
  sealed: SealedRolloutChange,
  says?: (document: VerifiedRollout) => readonly string[],
): void {
  const { file, sequence, digest, id, source, examined, changes, evidence } = sealed;
  const { document, assessment, unmet } = examined;
  const means = says === undefined ? [] : says(document);
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
      means,
      evidence: evidence?.file ?? null,
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
  for (const line of means) print(io, escapeName(line));
  if (evidence !== undefined) print(io, `evidence: ${evidence.file}`);
  for (const requirement of unmet) print(io, `needs ${needText(requirement)}`);
  if (unmet.length > 0) print(io, `next: cedargate approve ${file} --key KEY`);
}

/** Where nothing changes, the same command may have been run before. */
function changedLines(changes: readonly Change[]): readonly string[] {
  if (changes.length === 0) return ['nothing changes but ticket, reason and dates'];
  return changes.map((change) => escapeName(changeText(change)));
}

function neededOf({ people, among, destination }: Requirement) {
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
