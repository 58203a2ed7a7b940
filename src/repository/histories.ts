/** Which rollouts have a history. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NAME_PATTERN } from '../bundle/names.js';
import { systemErrorCode, systemErrorText } from '../bundle/system-error.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { historiesFolder, type RolloutId } from './layout.js';

/** By environment, then by name. Problem code: `rollout_unreadable`. */
export async function listHistories(repository: string): Promise<Result<readonly RolloutId[]>> {
  const folder = join(repository, historiesFolder());
  try {
    const found: RolloutId[] = [];
    for (const environment of await foldersIn(folder)) {
      for (const name of await foldersIn(join(folder, environment)))
        found.push({ environment, name });
    }
    return ok(found);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return ok([]);
    const message = `\`${folder}\` cannot be read: ${systemErrorText(thrown)}`;
    return failed(problem('rollout_unreadable', message));
  }
}

/** Those with a name that a rollout or an environment can have. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && NAME_PATTERN.test(entry.name))
    .map(({ name }) => name)
    .sort();
}
