/** `cedargate bundle build`: a directory of policies to one immutable file. */
import type { Command } from 'commander';
import { readTestDirectory } from '../analysis/test-files.js';
import { type Built, buildBundle } from '../bundle/build.js';
import { type BundleChange, changeSchema } from '../bundle/built-manifest.js';
import { readBundleDirectory } from '../bundle/read-directory.js';
import { formatProblem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { createdAt } from './created-at.js';
import { replaceFile } from './files.js';
import { fail, type Io, note, print, printJson, style, table } from './output.js';
import { testRunner } from './test-runner.js';

const EXAMPLES = `Examples:
  cedargate bundle build ./policies --output payments-2026.11.3.tar.gz
  With what a reviewer should know of the change:
    cedargate bundle build ./policies --output payments.tar.gz --change-ticket CHG-1041 \\
      --change-url https://tickets.example.com/CHG-1041 --change-summary "orders may refund"
`;

const NOTES = `
The same source gives the same bytes on every machine: the bundle is dated by SOURCE_DATE_EPOCH
(seconds since 1970), else by the last commit that touches the directory, which must be committed
whole. Exit code 3 when the policies are invalid or reach outside the scope, 5 when a test failed.`;

interface Flags {
  readonly output: string;
  readonly changeTicket?: string;
  readonly changeUrl?: string;
  readonly changeSummary?: string;
  readonly json?: true;
}

export function registerBundleBuild(bundleCommand: Command, io: Io): void {
  bundleCommand
    .command('build')
    .description('build one file from a bundle directory, the same on every machine')
    .argument('<directory>', 'the bundle: bundle.yaml, schema, policies and tests/')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .requiredOption('--output <file>', 'the file to write, for example payments-2026.11.3.tar.gz')
    .option('--change-ticket <ticket>', 'the ticket of the change')
    .option('--change-url <url>', 'where the change is described or reviewed')
    .option('--change-summary <text>', 'the change in one line')
    .option('--json', 'print what was built as JSON')
    .action(async (directory: string, flags: Flags) => {
      const result = await build(io, directory, flags);
      if (!result.ok) return fail(io, result.problems);
      if (flags.json === true) printJson(io, summaryOf(result.value, flags.output));
      else printBuilt(io, result.value, flags.output);
    });
}

async function build(io: Io, directory: string, flags: Flags): Promise<Result<Built>> {
  const change = changeOf(flags);
  if (!change.ok) return change;
  const source = await readBundleDirectory(directory);
  if (!source.ok) return source;
  const tests = await readTestDirectory(directory);
  if (!tests.ok) return tests;
  const { files, ignored } = source.value;
  const { files: testFiles } = tests.value;
  for (const name of [...ignored, ...tests.value.ignored]) {
    warn(io, `${name}: has no part in a bundle and is left out`);
  }
  const names = [...files, ...testFiles].map(({ name }) => name);
  const time = await createdAt({ directory, files: names }, io.env);
  if (!time.ok) return time;
  const { engineVersion } = await import('../cedar/engine.js');
  const built = buildBundle({
    ...{ files, testFiles, change: change.value, createdAt: time.value },
    cedar: engineVersion(),
    runTests: await testRunner(),
  });
  if (!built.ok) return built;
  for (const warning of built.value.warnings) warn(io, formatProblem(warning));
  if (testFiles.length === 0) warn(io, 'the bundle has no tests; the manifest says so');
  const written = await replaceFile(flags.output, built.value.archive);
  return written.ok ? built : written;
}

function changeOf(flags: Flags): Result<BundleChange> {
  const { changeTicket: ticket, changeUrl: url, changeSummary: summary } = flags;
  const parsed = changeSchema.safeParse({ ticket, url, summary });
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  const message = `\`--change-${String(issue?.path[0])}\` ${issue?.message}`;
  return failed(problem('input_invalid', message));
}

/** The form of `--json`. */
function summaryOf({ manifest, digest, archive, environments }: Built, file: string) {
  const { files, minReader: _, ...facts } = manifest;
  const { scope = null } = facts;
  return {
    file,
    bytes: archive.length,
    digest,
    ...facts,
    scope,
    environments: environments.map((environment) => environment ?? null),
    files: Object.fromEntries(files),
  };
}

function printBuilt(io: Io, built: Built, file: string): void {
  const { manifest, digest, archive, environments } = built;
  const { passed, coverage } = manifest.tests;
  print(io, `${manifest.name} ${manifest.version}: ${style(io.stdout, 'green', 'built')}`);
  print(
    io,
    table([
      ['digest', digest],
      ['created', manifest.createdAt],
      ['tests', passed === 0 ? 'none' : `${passed} passed, ${coverage} % of the policies reached`],
      ['compiled', environments.map(environmentText).join(', ')],
      ['files', String(manifest.files.size)],
      ['written', `${file} (${archive.length} bytes)`],
    ]),
  );
}

function environmentText(environment: string | undefined): string {
  return environment === undefined ? 'without environment' : `for ${environment}`;
}

function warn(io: Io, text: string): void {
  note(io, `${style(io.stderr, 'yellow', 'warning:')} ${text}`);
}
