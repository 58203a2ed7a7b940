/** Commands as `make verify` runs them: their output kept, a failure thrown with all of it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This checkout. */
export const ROOT = fileURLToPath(new URL('../', import.meta.url));

interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Gives stdout; throws with all output when the command does not end with 0. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let all = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      all += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      all += text;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`\`${command}\` ended with ${code ?? signal}\n${all}`));
    });
  });
}

/** A new folder that is removed afterwards. */
export async function inTemporaryFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'cedargate-verify-'));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What a tool says of its version, without the path it was called by; undefined without the tool. */
export async function versionOf(
  command: string,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    const lines = (await run(command, args)).split('\n').map((line) => line.trim());
    return lines
      .find((line) => line !== '')
      ?.replace(`${command} `, '')
      .replace(/^version: /, '');
  } catch {
    return undefined;
  }
}
