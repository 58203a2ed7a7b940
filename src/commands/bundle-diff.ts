/** `cedargate bundle diff`: what two bundles say differently, and what that means for requests. */
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import type { BundleDiff, DiffInput } from '../analysis/bundle-diff.js';
import { isDestination } from '../bundle/manifest.js';
import { fileRole } from '../bundle/names.js';
import { readBundleDirectory } from '../bundle/read-directory.js';
import { DIFF_QUESTIONS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, okUnless, type Result } from '../result.js';
import { diffMarkdown } from './bundle-diff-markdown.js';
import { diffText } from './bundle-diff-text.js';
import { EXIT } from './exit-codes.js';
import { readBuiltBundle } from './files.js';
import { fail, type Io, note, print, printJson } from './output.js';
import { readLines } from './read-lines.js';

const EXAMPLES = `Examples:
  What would change if this directory replaced what runs?
    cedargate bundle diff payments-2026.11.3.tar.gz ./policies
  For a pull request, weighed by a week of traffic:
    cedargate bundle diff payments-2026.11.3.tar.gz ./policies --markdown \\
      --traffic decisions.ndjson.gz
  Also for a service that neither bundle names:
    cedargate bundle diff ./old ./new --destination shop/invoices
`;

const NOTES = `
A and B are bundle directories or built bundles; signatures are not looked at. Exit code 0 when
nothing differs, 5 when something does, 3 when a bundle is invalid. docs/bundle-diff.md says how the
classes are found and what cannot be seen.`;

interface Flags {
  readonly environment?: readonly string[];
  readonly destination?: readonly string[];
  readonly traffic?: readonly string[];
  readonly limit?: string;
  readonly markdown?: true;
  readonly json?: true;
}

export function registerBundleDiff(bundleCommand: Command, io: Io): void {
  bundleCommand
    .command('diff')
    .description('compare two bundles: what they say, and which requests they decide differently')
    .argument('<a>', 'the bundle as it is')
    .argument('<b>', 'the bundle as it will be')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .option(
      '--environment <name>',
      'an environment to compare in (repeatable; default: all that have entities, else none)',
      collect,
    )
    .option('--destination <ns/name>', 'a destination to look at as well (repeatable)', collect)
    .option(
      '--traffic <log...>',
      'decision logs to decide again on both sides; plain or gzip, `-` for stdin',
    )
    .option(
      '--limit <count>',
      `questions asked of each side at most, in each environment (default: ${DIFF_QUESTIONS_MAX})`,
    )
    .option('--markdown', 'print Markdown, for a pull request')
    .option('--json', 'print the diff as JSON')
    .action(async (a: string, b: string, flags: Flags) => {
      const result = await diff(io, a, b, flags);
      if (!result.ok) return fail(io, result.problems);
      const found = result.value;
      if (flags.json === true) printJson(io, found);
      else print(io, flags.markdown === true ? diffMarkdown(found) : diffText(found, io.stdout));
      if (found.differs) io.exitCode = EXIT.differences;
    });
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

async function diff(io: Io, a: string, b: string, flags: Flags): Promise<Result<BundleDiff>> {
  const checked = checkFlags(flags);
  if (!checked.ok) return checked;
  const before = await readSide(a);
  if (!before.ok) return before;
  const after = await readSide(b);
  if (!after.ok) return after;
  const { diffBundles } = await import('../analysis/bundle-diff.js');
  const { createEvaluator } = await import('../cedar/evaluator.js');
  const options = {
    environments: flags.environment ?? [],
    destinations: flags.destination ?? [],
    limit: checked.value,
    traffic: flags.traffic === undefined ? undefined : readLines(flags.traffic, io.stdin),
    progress: (text: string) => note(io, text),
  };
  return diffBundles(before.value, after.value, options, createEvaluator);
}

/** The limit. */
function checkFlags({ limit, destination = [], markdown, json }: Flags): Result<number> {
  const problems: Problem[] = [];
  const refuse = (message: string) => problems.push(problem('input_invalid', message));
  const count = limit === undefined ? DIFF_QUESTIONS_MAX : Number(limit);
  if (!Number.isSafeInteger(count) || count < 1) {
    refuse(`\`--limit ${limit}\` is no whole number above 0`);
  }
  for (const name of destination) {
    if (!isDestination(name)) refuse(`\`--destination ${name}\` is not \`namespace/name\``);
  }
  if (markdown === true && json === true) refuse('`--markdown` and `--json` exclude each other');
  return okUnless(problems, () => count);
}

async function readSide(path: string): Promise<Result<DiffInput>> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() === true) {
    const opened = await readBuiltBundle(path);
    if (!opened.ok) return opened;
    const { digest, manifest, files } = opened.value;
    const { ticket, url, summary } = manifest.change;
    const { createdAt } = manifest;
    const sources = [...files]
      .filter(([name]) => fileRole(name) === 'source')
      .map(([name, bytes]) => ({ name, bytes }));
    return ok({ path, files: sources, built: { digest, createdAt, ticket, url, summary } });
  }
  const read = await readBundleDirectory(path);
  if (read.ok) return ok({ path, files: read.value.files, built: undefined });
  const [first, ...rest] = read.problems.map((p) => ({ ...p, file: p.file ?? path }));
  return first === undefined ? read : failed(first, ...rest);
}
