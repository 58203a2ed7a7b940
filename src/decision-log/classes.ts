/**
 * Which classes (caller, action, destination, route) this process has seen, for `first_seen`.
 * Bounded: once full, nothing is new any more.
 */
import type { CheckRecord } from '../check/types.js';

export interface ClassSet {
  /** Whether the class of this record is new, and remembers it. */
  add(record: CheckRecord): boolean;
  /** Whether a new class was turned away because the set is full. */
  readonly overflowed: boolean;
}

export function createClassSet(classesMax: number): ClassSet {
  const seen = new Set<string>();
  let overflowed = false;
  return {
    add(record) {
      const key = classKey(record);
      if (seen.has(key)) return false;
      if (seen.size >= classesMax) {
        overflowed = true;
        return false;
      }
      seen.add(key);
      return true;
    },
    get overflowed() {
      return overflowed;
    },
  };
}

/**
 * INVARIANT: no part is free text of a client, else one caller could fill the set: methods that are
 * no declared action count as one. NUL occurs in none of the parts.
 */
function classKey({ principal, action, destination, route, regime }: CheckRecord): string {
  const declared = regime.active?.evaluator.schema.actions;
  const known = action !== undefined && declared?.has(action) ? action : '';
  return `${principal ?? ''}\0${known}\0${destination ?? ''}\0${route ?? ''}`;
}
