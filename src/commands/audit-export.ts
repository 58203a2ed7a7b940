/** `cedargate audit export`: everything that an auditor needs for an interval, in one folder. */
import type { Command } from 'commander';
import { parseInterval } from '../audit/interval.js';
import { bytesDigest } from '../bundle/digest.js';
import { problem } from '../errors.js';
import { openRepository } from '../repository/open.js';
import { failed, ok, type Result } from '../result.js';
import { type AuditFolder, gatherAudit } from './audit-folder.js';
import { EXIT } from './exit-codes.js';
import { readLogs } from './log-reading.js';
import { fail, type Io, note, print, printJson } from './output.js';
import { namesIn, writeNewFiles } from './write-files.js';

const EXAMPLES = `Examples:
  The last quarter, with what the sidecars logged:
    cedargate audit export --from 2026-10-01 --to 2026-12-31 --log logs/*.ndjson.gz
`;

const NOTES = `
A day given to --to is part of the interval. Where the repository is one of Git, every version of
trust.yaml that was in force comes along, else the present one. Exit code 4 when a document does not
verify or the documents do not follow each other: the folder is written all the same, and says so.
cedargate verify checks the folder anywhere; docs/audit.md has its format.`;

interface Flags {
  readonly from: string;
  readonly to: string;
  readonly output?: string;
  readonly log?: readonly string[];
  readonly repo: string;
  readonly json?: true;
}

export function registerAuditExport(auditCommand: Command, io: Io): void {
  auditCommand
    .command('export')
    .description(
      'write documents, approvals, trust, change lines and exception uses into one folder',
    )
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .requiredOption('--from <date>', 'first day of the interval, or a time (UTC)')
    .requiredOption('--to <date>', 'last day of the interval, or a time (UTC) just after it')
    .option('--output <dir>', 'the folder to make (default: audit-FROM-TO)')
    .option('--log <file...>', 'decision logs; plain or gzip, `-` for stdin')
    .option('--repo <dir>', 'the policy repository', '.')
    .option('--json', 'print what was written as JSON')
    .action(async (flags: Flags) => {
      const { from, to, output = `audit-${from}-${to}`.replaceAll(':', '') } = flags;
      const exported = await auditExport(io, output, { ...flags, from, to });
      if (!exported.ok) return fail(io, exported.problems);
      tell(io, output, exported.value, flags.json === true);
    });
}

async function auditExport(io: Io, output: string, flags: Flags): Promise<Result<AuditFolder>> {
  const interval = parseInterval(flags.from, flags.to);
  if (!interval.ok) return interval;
  const repository = await openRepository(flags.repo);
  if (!repository.ok) return repository;
  const there = await namesIn(output);
  if (!there.ok) return there;
  if (there.value.length > 0) {
    return failed(problem('directory_not_empty', `\`${output}\` is not empty`));
  }
  const logs = await readLogs(flags.log ?? [], io.stdin, interval.value);
  // An audit without one of its logs would look whole.
  const [unread, ...more] = logs.problems;
  if (unread !== undefined) return failed(unread, ...more);
  const folder = await gatherAudit(repository.value, interval.value, logs.facts);
  if (!folder.ok) return folder;
  const files = [...folder.value.files].map(([path, text]) => ({ path, text, mode: 0o644 }));
  const written = await writeNewFiles(output, files);
  return written.ok ? ok(folder.value) : written;
}

function tell(
  io: Io,
  output: string,
  { facts, files, rollouts }: AuditFolder,
  json: boolean,
): void {
  const documents = rollouts.reduce((sum, { entries }) => sum + entries.length, 0);
  const digest = bytesDigest(files.get('index.json') ?? new Uint8Array());
  const { problems, notes, trust } = facts;
  if (json)
    printJson(io, { output, digest, rollouts: rollouts.length, documents, notes, problems });
  else {
    const what = `${documents} documents of ${rollouts.length} rollouts, ${trust.length} versions of trust.yaml`;
    print(io, `${output}: ${what}\nindex.json: ${digest}`);
  }
  for (const text of [...notes, ...problems]) note(io, text);
  if (problems.length > 0) io.exitCode = EXIT.trust;
}
