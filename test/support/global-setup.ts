/**
 * Before all tests: builds the program, so that what is tested is what is in src/, and makes one
 * folder for everything that tests write, which goes with them.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function setup(): Promise<() => void> {
  await import('../../scripts/build.js');
  const directory = mkdtempSync(join(tmpdir(), 'cedargate-'));
  // Some tests give up the rights of root, and still have to get at what they wrote.
  chmodSync(directory, 0o755);
  // The workers and the programs they start take it from here.
  process.env.TMPDIR = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
