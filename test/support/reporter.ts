/**
 * What a test run prints last: every skipped test with its reason, then one plain line of counts
 * that people and CI read. With CI=true a test skipped because a tool is missing fails the run.
 */
import type { SerializedError } from 'vitest';
import {
  DefaultReporter,
  type TestCase,
  type TestModule,
  type TestRunEndReason,
} from 'vitest/node';
import { findEnvoy } from './envoy.js';

/** Reasons of the form `no <tool>: ...`, as `ctx.skip('no Python tools: ...')` gives them. */
const TOOL_MISSING = /^no [^:]+: /;

interface Skipped {
  readonly name: string;
  readonly reason: string;
}

export class ClosingReporter extends DefaultReporter {
  override async onTestRunEnd(
    modules: ReadonlyArray<TestModule>,
    errors: ReadonlyArray<SerializedError>,
    reason: TestRunEndReason,
  ): Promise<void> {
    await super.onTestRunEnd(modules, errors, reason);
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const passed = tests.filter((test) => test.result().state === 'passed').length;
    // A file that does not load, a suite whose hook failed, an error outside any test: failures too.
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const outside = suites.filter((suite) => suite.errors().length > 0).length + errors.length;
    const failed = tests.filter((test) => test.result().state === 'failed').length + outside;
    const skipped = tests
      .filter((test) => test.result().state === 'skipped')
      .map((test): Skipped => ({ name: nameOf(test), reason: reasonOf(test) }));

    for (const { name, reason: why } of skipped) this.log(`skipped: ${name} (${why})`);
    const missing = skipped.filter((test) => TOOL_MISSING.test(test.reason));
    if (missing.length > 0 && process.env.CI === 'true') {
      process.exitCode = 1;
      this.log(`${missing.length} skipped for want of a tool: with CI=true that is a failure`);
    }
    this.log(`cedargate: ${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  }
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  for (let parent = test.parent; ; parent = parent.parent) {
    if (parent.errors().length > 0) return 'a hook of its suite failed';
    if (parent.type === 'module') break;
  }
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  const envoy = findEnvoy();
  if (test.project.name === 'envoy' && 'missing' in envoy) return envoy.missing;
  return 'no reason given';
}
