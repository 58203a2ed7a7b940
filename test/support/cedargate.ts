/** Runs the built program to its end: what people and scripts get from one command. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './repository.js';

const BUILT = join(ROOT, 'dist', 'cli.js');
/** The built program, or its source where nothing has been built. */
const PROGRAM = existsSync(BUILT) ? [BUILT] : ['--import', 'tsx', join(ROOT, 'src', 'cli.ts')];

export function runCedargate(args: readonly string[], cwd: string): SpawnSyncReturns<Buffer> {
  return spawnSync(process.execPath, [...PROGRAM, ...args], { cwd });
}
