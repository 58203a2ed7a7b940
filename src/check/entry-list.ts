/**
 * Entries of one kind (slices, blocks, exceptions), searched for the first by name that takes a
 * request, so that the answer does not depend on how people ordered them. Entries that list their
 * callers one by one are found by caller: a thousand of them cost a request no more than a few.
 */
import type { Slice } from '../rollout/types.js';
import {
  type CompiledMatch,
  compileMatch,
  type KeyAnswer,
  type MatchWorld,
  type Traits,
} from './match.js';

export interface Entry<T extends Slice> {
  readonly source: T;
  readonly match: CompiledMatch;
}

export class EntryList<T extends Slice> {
  /** Sorted by name, as are those of each caller. */
  readonly #others: Entry<T>[] = [];
  readonly #byCaller = new Map<string, Entry<T>[]>();
  readonly size: number;

  constructor(sources: readonly T[], world: MatchWorld) {
    this.size = sources.length;
    for (const source of [...sources].sort(byName)) {
      const entry = { source, match: compileMatch(source.match, world) };
      if (entry.match.callers === undefined) this.#others.push(entry);
      else for (const caller of new Set(entry.match.callers)) this.#of(caller).push(entry);
    }
  }

  /**
   * The first by name that takes the request, of those that `counts` lets count. `unreadable` says
   * whether what cannot be told (Answer `unknown`) is taken.
   */
  find(traits: Traits, unreadable: boolean, counts?: (source: T) => boolean): T | undefined {
    if (this.size === 0) return undefined;
    const { caller } = traits;
    const own = caller === undefined ? undefined : this.#byCaller.get(caller.name);
    const one = own && firstOf(own, traits, unreadable, counts);
    const other = firstOf(this.#others, traits, unreadable, counts);
    if (one === undefined || other === undefined) return one ?? other;
    return byName(one, other) < 0 ? one : other;
  }

  /** Every entry, in the order of names, with what each of its keys says: for people. */
  why(traits: Traits): readonly { readonly source: T; readonly keys: readonly KeyAnswer[] }[] {
    const all = new Set([...this.#others, ...[...this.#byCaller.values()].flat()]);
    return [...all]
      .sort((a, b) => byName(a.source, b.source))
      .map(({ source, match }) => ({ source, keys: match.why(traits) }));
  }

  #of(caller: string): Entry<T>[] {
    let entries = this.#byCaller.get(caller);
    if (entries === undefined) {
      entries = [];
      this.#byCaller.set(caller, entries);
    }
    return entries;
  }
}

function firstOf<T extends Slice>(
  entries: readonly Entry<T>[],
  traits: Traits,
  unreadable: boolean,
  counts: ((source: T) => boolean) | undefined,
): T | undefined {
  for (const { source, match } of entries) {
    if (counts !== undefined && !counts(source)) continue;
    const answer = match.answer(traits);
    if (answer === 'yes' || (unreadable && answer === 'unknown')) return source;
  }
  return undefined;
}

/** Names are ASCII (formats.md, 1). */
function byName(a: Slice, b: Slice): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
