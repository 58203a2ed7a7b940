/** The files of this repository as text, for tests that look at the repository itself. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What is tracked, and what would be: new files count before they are committed. */
export function repositoryFiles(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const listed = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  return listed
    .split('\0')
    .filter((file) => file !== '' && isFile(file))
    .sort();
}

export function readText(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

function isFile(file: string): boolean {
  const path = join(ROOT, file);
  return existsSync(path) && statSync(path).isFile();
}
