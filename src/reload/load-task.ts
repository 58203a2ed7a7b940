/** One load, in whatever thread: what is found is handed on as plain data, policies packed. */
import type { LoadTask } from './bundle-loader.js';
import { loadCandidate } from './load-candidates.js';
import { loadRollouts } from './load-rollouts.js';
import { packCandidate, packRollouts, packSource } from './pack-bundles.js';
import { loadSource } from './source.js';

export async function perform(task: LoadTask): Promise<unknown> {
  if (task.kind === 'rollouts') return packRollouts(await loadRollouts(task.request));
  if (task.kind === 'candidate') return packCandidate(await loadCandidate(task.request));
  const { source, ...options } = task.request;
  return packSource(await loadSource(source, options));
}
