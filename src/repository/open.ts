/** A policy repository: a folder with trust.yaml at its root, and the rules that this file says. */
import { join } from 'node:path';
import { readBounded } from '../bundle/read-bounded.js';
import { YAML_BYTES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { parseTrust, type Trust } from '../rollout/trust.js';
import { TRUST_FILE } from './layout.js';

export interface Repository {
  readonly root: string;
  /** As it is now; a change of it is judged by whoever reviews the change. */
  readonly trust: Trust;
}

/** Problem codes: `repository_missing`, and those of a trust file. */
export async function openRepository(root: string): Promise<Result<Repository>> {
  const bytes = await readBounded(join(root, TRUST_FILE), TRUST_FILE, YAML_BYTES_MAX);
  if (!bytes.ok) {
    const [{ message }] = bytes.problems;
    const what = `\`${root}\` is no policy repository: ${TRUST_FILE}: ${message}`;
    return failed(problem('repository_missing', what));
  }
  const trust = parseTrust(bytes.value, TRUST_FILE);
  return trust.ok ? ok({ root, trust: trust.value }) : trust;
}
