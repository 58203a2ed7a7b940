/** Runs the tests of a bundle for whoever builds or recomputes one. The engine is loaded on demand. */
import type { RunTests } from '../bundle/build.js';

export async function testRunner(): Promise<RunTests> {
  const { runBundleTests } = await import('../analysis/bundle-test.js');
  const { createEvaluator } = await import('../cedar/evaluator.js');
  return (input) => runBundleTests(input, createEvaluator);
}
