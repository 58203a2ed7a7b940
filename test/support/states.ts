/** States of a sidecar for tests: `n` makes each another one, and says which one was read. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../src/bundle/types.js';
import type { BundleToKeep } from '../../src/reload/state-bundles.js';
import type { StateDirectory } from '../../src/reload/state-directory.js';
import type { RolloutToSave, StateToSave } from '../../src/reload/state-save.js';
import { ok } from '../../src/result.js';

export function digestOfText(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

const bundleText = (name: string, n: number) => `bundle of ${name} ${n}\n`.repeat(500);
const bundleOf = (name: string, n: number) => digestOfText(`${name} ${n}`);
const documentOf = (name: string, role: string, n: number) =>
  Buffer.from(`${role} of ${name} ${n}`);

let inMemory = 0;

/** Bytes that the caller holds and never changes. */
export function bundleInMemory(bytes: Uint8Array): BundleToKeep {
  inMemory += 1;
  return { mark: `memory ${inMemory}`, read: async () => ok(bytes) };
}

export function rolloutState(name: string, n: number): RolloutToSave {
  const bytes = Buffer.from(bundleText(name, n));
  return {
    approved: documentOf(name, 'approved', n),
    lastRollout: documentOf(name, 'lastRollout', n),
    running: documentOf(name, 'running', n),
    bundles: new Map([[bundleOf(name, n), bundleInMemory(bytes)]]),
  };
}

/** Each rollout by its own `n`. */
export function stateOf(rollouts: Readonly<Record<string, number>>, clockMs = 1_000): StateToSave {
  const entries = Object.entries(rollouts).map(
    ([name, n]) => [name, rolloutState(name, n)] as const,
  );
  return { rollouts: new Map(entries), clockMs };
}

export interface FoundState {
  readonly rollouts: Record<string, number>;
  readonly clockMs: number | undefined;
  readonly problems: readonly string[];
}

/** What is read: the `n` of each rollout. Throws when one is not whole, or lacks its bundle. */
export async function findState(state: StateDirectory): Promise<FoundState> {
  const read = await state.read();
  const rollouts: Record<string, number> = Object.create(null);
  for (const [name, record] of read.rollouts) {
    const n = Number(/ (\d+)$/.exec(String(record.approved))?.[1]);
    for (const role of ['approved', 'lastRollout', 'running'] as const) {
      if (String(record[role]) !== String(documentOf(name, role, n))) {
        throw new Error(`${role} of ${name} is not that of ${n}: ${String(record[role])}`);
      }
    }
    if (record.bundles.join() !== bundleOf(name, n)) throw new Error(`${name} names other bundles`);
    const file = `${bundleOf(name, n).slice('sha256:'.length)}.tar.gz`;
    const bytes = await readFile(join(state.shelf, file), 'utf8');
    if (bytes !== bundleText(name, n)) throw new Error(`the bundle of ${name} ${n} is not whole`);
    rollouts[name] = n;
  }
  const problems = read.problems.map(({ code, message }) => `${code}: ${message}`);
  return { rollouts: { ...rollouts }, clockMs: read.clockMs, problems };
}
