/** What is remembered of the rollouts that a process holds, and of those that it could not believe. */
import type { ShelfFile } from '../bundle/shelf-files.js';
import type { Digest } from '../bundle/types.js';
import type { LoadedRollout } from './load-rollouts.js';
import { bundleOfShelf, rememberedBundle } from './state-bundles.js';
import type { RolloutRecord } from './state-record.js';
import type { RolloutToSave } from './state-save.js';

interface Holdings {
  readonly held: ReadonlyMap<string, Pick<LoadedRollout, 'memory'>>;
  /** Where the bundles that run came from. */
  readonly archives: ReadonlyMap<Digest, ShelfFile>;
  /**
   * Of a former process, and not believed: kept as it is. A trust file that is wrong for an hour must
   * not cost what was approved.
   */
  readonly unbelieved: ReadonlyMap<string, RolloutRecord>;
  /** The folder of the bundles that are remembered. */
  readonly shelf: string;
}

export function rolloutsToSave(holdings: Holdings): ReadonlyMap<string, RolloutToSave> {
  const { held, archives, unbelieved, shelf } = holdings;
  const rollouts = new Map<string, RolloutToSave>();
  for (const [name, record] of unbelieved) {
    const bundles = record.bundles.map((each) => [each, rememberedBundle(shelf, each)] as const);
    rollouts.set(name, { ...record, bundles: new Map(bundles) });
  }
  for (const [name, { memory }] of held) {
    const { newest, lastRollout, running } = memory;
    const archive = running.bundle && archives.get(running.bundle);
    const keep = running.bundle && archive && ([running.bundle, bundleOfShelf(archive)] as const);
    rollouts.set(name, {
      approved: newest.bytes,
      lastRollout: lastRollout.bytes,
      running: running.document.bytes,
      bundles: new Map(keep === undefined ? [] : [keep]),
    });
  }
  return rollouts;
}
