/** `cedargate bundle test`: run the tests of a bundle, say what failed and what no test reaches. */
import type { Command } from 'commander';
import { readTestDirectory } from '../analysis/test-files.js';
import type { TestFailure, TestReport } from '../analysis/test-report.js';
import { readBundleDirectory } from '../bundle/read-directory.js';
import { formatProblem, problem } from '../errors.js';
import { failed, type Result } from '../result.js';
import { EXIT } from './exit-codes.js';
import { fail, type Io, note, print, printJson, style, table } from './output.js';

const EXAMPLES = `Examples:
  Run tests/*.yaml and tests/*.json of a bundle:
    cedargate bundle test ./policies
  As it is in production, for tests that name no environment of their own:
    cedargate bundle test ./policies --environment production
`;

const NOTES = `
A policy is reached when it decided at least one test. Exit code 0 when all tests passed, 3 when the
bundle or a test file is invalid, 5 when a test failed.`;

interface Flags {
  readonly environment?: string;
  readonly json?: true;
}

export function registerBundleTest(bundleCommand: Command, io: Io): void {
  bundleCommand
    .command('test')
    .description('run the tests of a bundle directory')
    .argument('<directory>', 'the bundle: bundle.yaml, schema, policies and tests/')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .option('--environment <name>', 'for tests that name none; chooses entities.<name>.json')
    .option('--json', 'print the report as JSON')
    .action(async (directory: string, flags: Flags) => {
      const result = await runDirectory(io, directory, flags.environment);
      if (!result.ok) return fail(io, result.problems);
      const report = result.value;
      for (const warning of report.warnings) warn(io, formatProblem(warning));
      if (flags.json === true) printJson(io, report);
      else printReport(io, report);
      if (report.failed.length > 0) io.exitCode = EXIT.differences;
    });
}

async function runDirectory(
  io: Io,
  directory: string,
  environment: string | undefined,
): Promise<Result<TestReport>> {
  const bundle = await readBundleDirectory(directory);
  if (!bundle.ok) return bundle;
  const tests = await readTestDirectory(directory);
  if (!tests.ok) return tests;
  const { files: testFiles, ignored } = tests.value;
  for (const name of ignored) warn(io, `${name}: neither .yaml nor .json, ignored`);
  if (testFiles.length === 0) {
    const help = 'write tests/requests.yaml; docs/policy-source.md has the form';
    return failed(problem('test_invalid', 'there are no tests', { file: 'tests', help }));
  }
  const { runBundleTests } = await import('../analysis/bundle-test.js');
  const { createEvaluator } = await import('../cedar/evaluator.js');
  return runBundleTests({ files: bundle.value.files, testFiles, environment }, createEvaluator);
}

function warn(io: Io, text: string): void {
  note(io, `${style(io.stderr, 'yellow', 'warning:')} ${text}`);
}

function printReport(io: Io, report: TestReport): void {
  const { bundle, passed, coverage } = report;
  for (const failure of report.failed) print(io, `${failureText(io, failure)}\n`);
  const count = report.failed.length;
  const outcome =
    count === 0
      ? style(io.stdout, 'green', `${passed} passed`)
      : `${passed} passed, ${style(io.stdout, 'red', `${count} failed`)}`;
  print(io, `${bundle.name} ${bundle.version}: ${outcome}`);
  print(io, `${coverage.reached} of ${coverage.policies} policies reached`);
  if (coverage.unreached.length === 0) return;
  print(io, '\nNo test reaches:');
  print(io, table(coverage.unreached.map(({ id, file, line }) => [`  ${id}`, `${file}:${line}`])));
}

function failureText(io: Io, { name, file, line, differences, errors }: TestFailure): string {
  const head = `${style(io.stdout, 'red', 'failed:')} ${name} (${file}:${line})`;
  const rows = differences.map(({ what, expected, got }) => [
    `  ${what}`,
    `expected ${expected}`,
    `got ${got}`,
  ]);
  return [head, table(rows), ...errors.map((error) => `  ${error}`)].join('\n');
}
