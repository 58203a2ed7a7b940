/** All test files of a bundle to tests, every problem told, names unique among all of them. */
import { decodeText } from '../bundle/text.js';
import type { SourceFile } from '../bundle/types.js';
import type { TextFile } from '../cedar/position.js';
import { PROBLEMS_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { okUnless, type Result } from '../result.js';
import { parseCedarTests } from './cedar-tests.js';
import { parseRequestTests } from './request-tests.js';
import type { TestCase } from './test-case.js';

export function parseTests(files: readonly SourceFile[]): Result<readonly TestCase[]> {
  const problems: Problem[] = [];
  const tests: TestCase[] = [];
  const take = (result: Result<readonly TestCase[]>) => {
    if (result.ok) tests.push(...result.value);
    else problems.push(...result.problems);
  };
  const json: TextFile[] = [];
  for (const file of files) {
    const text = decodeText(file);
    if (!text.ok) problems.push(...text.problems);
    else if (file.name.endsWith('.json')) json.push(text.value);
    else take(parseRequestTests(text.value));
  }
  take(parseCedarTests(json));
  problems.push(...duplicates(tests));
  return okUnless(problems.slice(0, PROBLEMS_MAX), () => tests);
}

function duplicates(tests: readonly TestCase[]): Problem[] {
  const first = new Map<string, TestCase>();
  const problems: Problem[] = [];
  for (const test of tests) {
    const { name, file, line } = test;
    const other = first.get(name);
    if (other === undefined) first.set(name, test);
    else {
      const message = `two tests have the name \`${name}\`: the other is ${other.file}:${other.line}`;
      problems.push(problem('test_invalid', message, { file, line }));
    }
  }
  return problems;
}
