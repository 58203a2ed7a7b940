/** Where and on what a run happened. */
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { packageVersion } from '../src/version.js';
import type { Machine } from './results.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** What a run itself writes. */
const OWN_FILES = [':!docs/benchmarks.md', ':!docs/benchmarks.json'];

export function describeMachine(): Machine {
  const cpus = os.cpus();
  return {
    date: new Date().toISOString(),
    commit: commit(),
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    node: process.version,
    kernel: `${os.type()} ${os.release()}`,
    cedargate: packageVersion(),
  };
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  try {
    const changed = git('status', '--porcelain', '--', '.', ...OWN_FILES) !== '';
    return `${git('rev-parse', '--short=12', 'HEAD').trim()}${changed ? ' (with changes)' : ''}`;
  } catch {
    return 'unknown (no git checkout)';
  }
}
