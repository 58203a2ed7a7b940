/** Runs a command of the built program to its end, as a person would type it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { CLI } from '../test/support/sidecar.js';

/** 2026-11-03: one date for what is built, so that a checkout without its history will do. */
export const BUILT_AT_SECONDS = 1_793_698_200;

export interface Run {
  /** Exit code, or -1 after a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Children that still run when the demo is ended early are ended with it. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export function cedargate(args: readonly string[], cwd: string): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd,
      env: { ...process.env, SOURCE_DATE_EPOCH: String(BUILT_AT_SECONDS), NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code: code ?? -1, stdout, stderr });
    });
  });
}
