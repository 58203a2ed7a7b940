/**
 * Runs the tests of a bundle: every request test through the hot path of production, every Cedar
 * test through the engine. Pure: files in, report out.
 */
import { compileBundle } from '../bundle/compile.js';
import type { CompiledBundle, SourceFile } from '../bundle/types.js';
import type { CedarProgram, CreateEvaluator, Evaluator } from '../cedar/types.js';
import { soleGeneration } from '../check/regime.js';
import type { Generation } from '../check/types.js';
import { PROBLEMS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import { entityMisfits } from './entity-misfits.js';
import { type Judged, judgeCedarTest, judgeRequestTest } from './judge-test.js';
import { parseTests } from './parse-tests.js';
import type { CedarTest, RequestTest, TestCase } from './test-case.js';
import type { TestFailure, TestReport } from './test-report.js';

export interface BundleTestInput {
  /** The bundle as its directory holds it. */
  readonly files: readonly SourceFile[];
  /** `tests/..` */
  readonly testFiles: readonly SourceFile[];
  /** For tests that name none; undefined = none. */
  readonly environment: string | undefined;
}

type Environment = string | undefined;

export function runBundleTests(
  input: BundleTestInput,
  createEvaluator: CreateEvaluator,
): Result<TestReport> {
  const tests = parseTests(input.testFiles);
  const bundles = compileForTests(input, tests.ok ? tests.value : []);
  // A bundle that is broken is told before its tests are.
  if (!bundles.ok) return bundles;
  if (!tests.ok) return tests;
  const run: Run = { tests: tests.value, bundles: bundles.value, environment: input.environment };
  const found = run.tests.flatMap((test) => misfitsOf(run, test));
  const misfits = okUnless(found.slice(0, PROBLEMS_MAX), () => run);
  if (!misfits.ok) return misfits;
  const judged = judgeAll(run, createEvaluator);
  return judged.ok ? { ok: true, value: report(run, judged.value) } : judged;
}

interface Run {
  readonly tests: readonly TestCase[];
  /** The bundle as it is in every environment that a test asks for. */
  readonly bundles: ReadonlyMap<Environment, CompiledBundle>;
  readonly environment: Environment;
}

function compileForTests(
  { files, environment }: BundleTestInput,
  tests: readonly TestCase[],
): Result<Map<Environment, CompiledBundle>> {
  const environments = new Set(tests.map((test) => environmentOf(test, environment)));
  if (environments.size === 0) environments.add(environment);
  const bundles = new Map<Environment, CompiledBundle>();
  for (const each of environments) {
    const bundle = compileBundle(files, { environment: each });
    if (!bundle.ok) return bundle;
    bundles.set(each, bundle.value);
  }
  return { ok: true, value: bundles };
}

function environmentOf(test: TestCase, environment: Environment): Environment {
  return test.kind === 'request' ? (test.environment ?? environment) : environment;
}

function bundleOf({ bundles, environment }: Run, test: TestCase): CompiledBundle {
  const bundle = bundles.get(environmentOf(test, environment));
  if (bundle === undefined) throw new Error('a test has an environment that was not compiled');
  return bundle;
}

function destinationOf(test: RequestTest, bundle: CompiledBundle): string | undefined {
  const [only, ...more] = bundle.manifest.scope?.destinations ?? [];
  return test.destination ?? (more.length === 0 ? only : undefined);
}

/** What only shows when test and bundle are both there. */
function misfitsOf(run: Run, test: TestCase): Problem[] {
  const bundle = bundleOf(run, test);
  const place = { file: test.file, line: test.line };
  const known = new Set(bundle.program.policies.map(({ id }) => id));
  const expected = test.kind === 'request' ? (test.expect.policies ?? []) : test.expect.reason;
  const problems: Problem[] = expected
    .filter((id) => !known.has(id))
    .map((id) => problem('test_invalid', `the bundle has no policy \`${id}\``, place));
  if (test.kind === 'cedar') problems.push(...entityMisfits(test, bundle.program.schema));
  if (test.kind === 'request' && destinationOf(test, bundle) === undefined) {
    const help = 'add `destination: <namespace>/<name>`, or a `scope` with one to bundle.yaml';
    const message = 'the test names no destination, and the bundle has not exactly one';
    problems.push(problem('test_invalid', message, { ...place, help }));
  }
  return problems;
}

/** One evaluator at a time: the engine has few slots. */
function judgeAll(run: Run, createEvaluator: CreateEvaluator): Result<Map<TestCase, Judged>> {
  const judged = new Map<TestCase, Judged>();
  const withProgram = (program: CedarProgram, work: (evaluator: Evaluator) => void) => {
    const evaluator = createEvaluator(program);
    if (!evaluator.ok) return evaluator;
    try {
      work(evaluator.value);
    } finally {
      evaluator.value.release();
    }
    return undefined;
  };
  for (const [environment, bundle] of run.bundles) {
    const here = run.tests.filter((test) => environmentOf(test, run.environment) === environment);
    const requests = here.filter((test): test is RequestTest => test.kind === 'request');
    const fault = withProgram(bundle.program, (evaluator) => {
      const generation = testGeneration(bundle, evaluator);
      for (const test of requests) {
        const destination = destinationOf(test, bundle) ?? '';
        judged.set(test, judgeRequestTest(test, generation, { destination, environment }));
      }
    });
    if (fault !== undefined) return fault;
    const questions = here.filter((test): test is CedarTest => test.kind === 'cedar');
    const cedarFault = withProgram({ ...bundle.program, entities: [] }, (evaluator) => {
      for (const test of questions) judged.set(test, judgeCedarTest(test, evaluator));
    });
    if (cedarFault !== undefined) return cedarFault;
  }
  return { ok: true, value: judged };
}

/** In mode enforce; decision, reason and policies are the same in shadow. */
function testGeneration(bundle: CompiledBundle, evaluator: Evaluator): Generation {
  const active = { bundle, evaluator, loadedAtMs: 0 };
  return soleGeneration(1, { mode: 'enforce', stamp: 'test', active });
}

function report(run: Run, judged: ReadonlyMap<TestCase, Judged>): TestReport {
  const reached = new Set<string>();
  const failures: TestFailure[] = [];
  for (const test of run.tests) {
    const { differences, errors, policies } = judged.get(test) ?? NOT_JUDGED;
    for (const id of policies) reached.add(id);
    if (differences.length === 0) continue;
    failures.push({ name: test.name, file: test.file, line: test.line, differences, errors });
  }
  const [bundle] = run.bundles.values();
  if (bundle === undefined) throw new Error('a run has at least one bundle');
  const { manifest, program } = bundle;
  const unreached = program.policies
    .filter(({ id }) => !reached.has(id))
    .map(({ id, file, line }) => ({ id, file, line }));
  const policies = program.policies.length;
  return {
    bundle: { name: manifest.name, version: manifest.version },
    passed: run.tests.length - failures.length,
    failed: failures,
    coverage: { policies, reached: policies - unreached.length, unreached },
    warnings: bundle.warnings,
  };
}

/** INVARIANT: judgeAll judges every test; a test it forgot must not count as passed. */
const NOT_JUDGED: Judged = {
  differences: [{ what: 'decision', expected: 'an answer', got: 'the test was not run' }],
  errors: [],
  policies: [],
};
