/** The sources in a built bundle, by their names in the directory that it was built from. */
import { INDEX_FILE, unpackedTestName } from './names.js';
import type { OpenedBundle } from './open.js';
import type { SourceFile } from './types.js';

export function sourcesOf({ files }: Pick<OpenedBundle, 'files'>): {
  files: SourceFile[];
  testFiles: SourceFile[];
} {
  const sources: SourceFile[] = [];
  const testFiles: SourceFile[] = [];
  for (const [name, bytes] of files) {
    const test = unpackedTestName(name);
    if (test !== undefined) testFiles.push({ name: test, bytes });
    else if (name !== INDEX_FILE) sources.push({ name, bytes });
  }
  return { files: sources, testFiles };
}
