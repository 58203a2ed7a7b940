/** `cedargate history`: what changed, who approved it, where it ran, what became of the one before. */
import type { Command } from 'commander';
import { statusOfUrl } from '../apply/sidecar-status.js';
import type { Answer } from '../audit/live.js';
import { mapConcurrently } from '../bundle/map-concurrently.js';
import { NAME_PATTERN, NAME_RULE } from '../bundle/names.js';
import { APPLY_CONCURRENCY, APPLY_PODS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import type { RolloutId } from '../repository/layout.js';
import { openRepository } from '../repository/open.js';
import { failed, ok, type Result } from '../result.js';
import { EXIT } from './exit-codes.js';
import { findHistory, type HistoryFound } from './history-facts.js';
import { historyText } from './history-text.js';
import { logWarnings, readLogs } from './log-reading.js';
import { fail, type Io, note, print, printJson } from './output.js';

const EXAMPLES = `Examples:
  cedargate history payments --environment production
  Where did each version run, and what runs now?
    cedargate history payments --environment production --log decisions.ndjson.gz \\
      --status-url http://127.0.0.1:9292/status
`;

const NOTES = `
Who approved comes from signatures that count, never from what a document says. Where it ran comes from
change lines of the logs and from /status, and only where they name the digest of a verified document.
Exit code 4 when a document does not verify or the documents do not follow each other; everything is
printed all the same. docs/audit.md says how to read it.`;

interface Flags {
  readonly environment: string;
  readonly log?: readonly string[];
  readonly statusUrl?: readonly string[];
  readonly repo: string;
  readonly json?: true;
}

export function registerHistory(program: Command, io: Io): void {
  program
    .command('history')
    .description(
      'say what changed, who approved it, where it ran, and what became of the version before',
    )
    .argument('<name>', 'the rollout')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .requiredOption('--environment <name>', 'the environment')
    .option('--log <file...>', 'decision logs; plain or gzip, `-` for stdin')
    .option('--status-url <url...>', '/status of sidecars that run now (http)')
    .option('--repo <dir>', 'the policy repository', '.')
    .option('--json', 'print the answers as JSON')
    .action(async (name: string, flags: Flags) => {
      const found = await history(io, name, flags);
      if (!found.ok) return fail(io, found.problems);
      if (flags.json === true) printJson(io, found.value);
      else print(io, historyText(found.value, io.stdout));
      tellProblems(io, found.value);
    });
}

async function history(io: Io, name: string, flags: Flags): Promise<Result<HistoryFound>> {
  const id = { environment: flags.environment, name };
  const wrong = checkId(id);
  if (wrong !== undefined) return failed(wrong);
  const urls = checkUrls(flags.statusUrl ?? []);
  if (!urls.ok) return urls;
  const repository = await openRepository(flags.repo);
  if (!repository.ok) return repository;
  const logs = await readLogs(flags.log ?? [], io.stdin);
  const answers = await mapConcurrently(
    urls.value,
    APPLY_CONCURRENCY,
    async (url): Promise<Answer> => {
      return { url, answer: await statusOfUrl(url) };
    },
  );
  const found = await findHistory(repository.value, id, logs.facts, answers);
  if (!found.ok) return found;
  if (found.value.documents.length === 0) {
    const message = `\`${flags.repo}\` has no history of \`${name}\` in \`${flags.environment}\``;
    const help = 'check the name, --environment and --repo; `promote` makes the first document';
    return failed(problem('rollout_missing', message, { help }));
  }
  const [unread, ...more] = logs.problems;
  if (unread !== undefined) fail(io, [unread, ...more]);
  return found;
}

function tellProblems(io: Io, { problems, logs, intact }: HistoryFound): void {
  for (const text of [...logWarnings(logs), ...problems]) note(io, text);
  if (!intact) io.exitCode = EXIT.trust;
}

/** They become parts of paths. */
function checkId({ name, environment }: RolloutId): Problem | undefined {
  const wrong = [name, environment].find((text) => !NAME_PATTERN.test(text));
  return wrong === undefined ? undefined : problem('input_invalid', `\`${wrong}\` ${NAME_RULE}`);
}

/** Without a path, /status is meant. */
function checkUrls(texts: readonly string[]): Result<readonly string[]> {
  if (texts.length > APPLY_PODS_MAX) {
    return failed(problem('input_invalid', `more than ${APPLY_PODS_MAX} URLs were given`));
  }
  const urls: string[] = [];
  for (const text of new Set(texts)) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== 'http:' || url.username !== '' || url.password !== '') {
      return failed(problem('input_invalid', `\`--status-url ${text}\` is no URL with http`));
    }
    if (url.pathname === '/') url.pathname = '/status';
    urls.push(url.href);
  }
  return ok(urls);
}
