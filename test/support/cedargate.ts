/** Runs the built program to its end: what people and scripts get from one command. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { CLI } from './sidecar.js';

export function runCedargate(args: readonly string[], cwd: string): SpawnSyncReturns<Buffer> {
  return spawnSync(process.execPath, [CLI, ...args], { cwd });
}
