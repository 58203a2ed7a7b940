/** `cedargate approve`: look at a rollout, check it, and sign that it may go ahead. */
import type { Command } from 'commander';
import { KEY_FILE_BYTES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { type Approved, approve } from '../repository/approve.js';
import { openRepository, type Repository } from '../repository/open.js';
import { readCard } from '../repository/read-card.js';
import { type ReadDocument, readDocument } from '../repository/read-document.js';
import { ok, type Result } from '../result.js';
import { type PrivateKey, parsePrivateKey } from '../signing/keys.js';
import { type ApplyFlags, applyChange, applyTimeout, withApplyFlags } from './apply-flags.js';
import { printCard } from './card-text.js';
import { cardJson, needText, statusText } from './card-words.js';
import { readBytes, replaceUnchanged } from './files.js';
import { fail, type Io, print, printJson, style } from './output.js';
import { testRunner } from './test-runner.js';

const EXAMPLES = `Examples:
  cedargate approve history/production/payments/0042.json --key dan-laptop.key
  Whoever approves last brings it into the cluster as well, and watches it arrive:
    cedargate approve history/production/payments/0042.json --key eve-laptop.key --apply
`;

const NOTES = `
Read the card first: cedargate show FILE. Before it signs, the command checks that the author and all
rules of trust.yaml count, that the document is the next one of its history and says what the history
makes it say, and that its bundles are in bundles/, signed, with the routes and destinations that it
names; one that is new here is built again from its sources, with its tests. The author never
approves. Approving again replaces what the same person approved before, with any key. The file is
replaced; its digest stays, since approvals are no part of it.`;

interface Flags extends ApplyFlags {
  readonly key: string;
  readonly comment?: string;
  readonly repo: string;
  readonly json?: true;
}

export function registerApprove(program: Command, io: Io): void {
  withApplyFlags(
    program
      .command('approve')
      .description('check a sealed rollout, and sign that it may go ahead')
      .argument('<file>', 'the sealed document; the approval is added to it')
      .addHelpText('before', EXAMPLES)
      .addHelpText('after', NOTES)
      .requiredOption('--key <file>', 'your private key: PKCS#8 PEM, Ed25519 or ECDSA P-256')
      .option('--comment <text>', 'what is signed with it, for whoever asks later')
      .option('--repo <dir>', 'the policy repository', '.')
      .option('--json', 'print the card as it is then, and who approved, as JSON'),
  ).action((file: string, flags: Flags) => run(file, flags, Date.now(), io));
}

async function run(file: string, flags: Flags, nowMs: number, io: Io): Promise<void> {
  const prepared = await prepare(file, flags);
  if (!prepared.ok) return fail(io, prepared.problems);
  const { repository, document, key } = prepared.value;
  if (flags.json !== true) printCard(io, await readCard(repository, document, nowMs));
  const { comment } = flags;
  const runTests = await testRunner();
  const approved = await approve(repository, document, { key, comment, nowMs, runTests });
  if (!approved.ok) return fail(io, approved.problems);
  const written = await replaceUnchanged(file, document.bytes, approved.value.bytes);
  if (!written.ok) return fail(io, written.problems);
  await tell(io, repository, { document, approved: approved.value, nowMs, json: flags.json });
  if (flags.apply === true) await handOver(io, document, approved.value, flags);
}

interface Prepared {
  readonly repository: Repository;
  readonly document: ReadDocument;
  readonly key: PrivateKey;
}

async function prepare(file: string, flags: Flags): Promise<Result<Prepared>> {
  const timeout = applyTimeout(flags);
  if (!timeout.ok) return timeout;
  const repository = await openRepository(flags.repo);
  if (!repository.ok) return repository;
  const pem = await readBytes(flags.key, KEY_FILE_BYTES_MAX);
  if (!pem.ok) return pem;
  const key = parsePrivateKey(pem.value.toString('utf8'), flags.key);
  if (!key.ok) return key;
  const document = await readDocument(repository.value, file);
  if (!document.ok) return document;
  return ok({ repository: repository.value, document: document.value, key: key.value });
}

/** Only what counts: a sidecar would refuse the rest. */
async function handOver(
  io: Io,
  { id }: ReadDocument,
  { bytes, examined: { document, unmet } }: Approved,
  flags: Flags,
): Promise<void> {
  const { sequence, digest } = document;
  if (unmet.length === 0) return applyChange(io, { bytes, id, sequence, digest }, flags);
  const message = '--apply: not handed over, more approvals are needed';
  const help = 'whoever approves last gives --apply; approving again is possible, too';
  fail(io, [problem('approvals_missing', message, { help })]);
}

interface Told {
  readonly document: ReadDocument;
  readonly approved: Approved;
  readonly nowMs: number;
  readonly json: true | undefined;
}

async function tell(
  io: Io,
  repository: Repository,
  { document, approved, nowMs, json }: Told,
): Promise<void> {
  const { person, signedAt, replaced, examined, bytes } = approved;
  const after = { ...document, bytes, examined: { kind: 'rollout', rollout: examined } } as const;
  const card = await readCard(repository, after, nowMs);
  if (json === true) {
    printJson(io, { approved: { person, signedAt, replaced }, card: cardJson(card) });
    return;
  }
  print(io, `\n${replaced ? 'approved again' : 'approved'} by ${person} at ${signedAt}`);
  for (const need of card.needed) print(io, `  ${needText(need)}`);
  const isDone = card.status === 'approved';
  print(io, style(io.stdout, isDone ? 'green' : 'yellow', statusText(card)));
}
