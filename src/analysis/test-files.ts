/** Reads the tests/ directory of a bundle on the machine of whoever runs `bundle test`. */
import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compareBytewise } from '../bundle/names.js';
import { systemErrorCode, systemErrorText } from '../bundle/system-error.js';
import type { SourceFile } from '../bundle/types.js';
import { TEST_BYTES_MAX, TEST_FILES_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, okUnless, type Result } from '../result.js';

export interface TestDirectory {
  /** `tests/requests.yaml` and its bytes, in bytewise order of names. */
  readonly files: readonly SourceFile[];
  /** What is neither *.json nor *.yaml and was left out. */
  readonly ignored: readonly string[];
}

const TESTS = 'tests';

/** No tests/ at all is an empty directory: the caller says what that means. */
export async function readTestDirectory(bundleDirectory: string): Promise<Result<TestDirectory>> {
  const directory = join(bundleDirectory, TESTS);
  let entries: Dirent[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT')
      return okUnless([], () => ({ files: [], ignored: [] }));
    const message = `cannot be read: ${systemErrorText(thrown)}`;
    return failed(problem('bundle_unreadable', message, { file: TESTS }));
  }
  const visible = entries.map(({ name }) => name).filter((name) => !name.startsWith('.'));
  const names = visible.filter(isTestFile).sort(compareBytewise);
  const ignored = visible.filter((name) => !isTestFile(name)).map((name) => `${TESTS}/${name}`);
  if (names.length > TEST_FILES_MAX) {
    const message = `there are more than ${TEST_FILES_MAX} files`;
    return failed(problem('bundle_too_large', message, { file: TESTS }));
  }
  return readAll(directory, names, ignored);
}

function isTestFile(name: string): boolean {
  return name.endsWith('.json') || name.endsWith('.yaml');
}

async function readAll(directory: string, names: readonly string[], ignored: readonly string[]) {
  const files: SourceFile[] = [];
  const problems: Problem[] = [];
  let bytesTotal = 0;
  for (const name of names) {
    const file = `${TESTS}/${name}`;
    try {
      const path = join(directory, name);
      const stats = await stat(path);
      bytesTotal += stats.size;
      if (!stats.isFile()) problems.push(problem('bundle_unreadable', 'not a file', { file }));
      else if (bytesTotal > TEST_BYTES_MAX) {
        const message = `the tests have more than ${TEST_BYTES_MAX} bytes`;
        return failed(problem('bundle_too_large', message, { file }));
      } else files.push({ name: file, bytes: await readFile(path) });
    } catch (thrown) {
      const message = `cannot be read: ${systemErrorText(thrown)}`;
      problems.push(problem('bundle_unreadable', message, { file }));
    }
  }
  return okUnless<TestDirectory>(problems, () => ({ files, ignored }));
}
