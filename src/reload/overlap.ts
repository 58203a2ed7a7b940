/**
 * Which of several running documents rules a destination. Approved ones never share one; running ones
 * may, while a destination moves from one rollout to another and one of the two waits for its bundle.
 */
import { approvedState } from '../rollout/effective.js';
import { type RolloutMemory, type Running, rolloutOf } from './rollout-memory.js';

type Held = RolloutMemory & { readonly running: Running };

/**
 * The destinations that each running document rules, by the name of its rollout. One that has a bundle
 * comes before one that has none, so that moving interrupts nothing; then the one whose newest document
 * covers the destination; then the one that comes first by name.
 */
export function ruledDestinations(
  held: ReadonlyMap<string, Held>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const owners = new Map<string, { name: string; rank: number }>();
  for (const [name, { newest, running }] of [...held].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const asked = new Set(rolloutOf(newest).source.destinations.map(({ service }) => service));
    for (const { service } of approvedState(running.document).destinations) {
      const rank = (running.bundle === undefined ? 0 : 2) + (asked.has(service) ? 1 : 0);
      const other = owners.get(service);
      if (other === undefined || rank > other.rank) owners.set(service, { name, rank });
    }
  }
  const ruled = new Map<string, Set<string>>([...held.keys()].map((name) => [name, new Set()]));
  for (const [service, { name }] of owners) ruled.get(name)?.add(service);
  return ruled;
}
