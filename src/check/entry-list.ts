/**
 * Entries of one kind (slices, blocks, exceptions), searched for those that take a request. Entries
 * that list their callers one by one are found by caller: a thousand of them cost a request no more
 * than a few.
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

const NONE: readonly never[] = [];

export class EntryList<T extends Slice> {
  readonly #others: Entry<T>[] = [];
  readonly #byCaller = new Map<string, Entry<T>[]>();
  readonly #unreadable: boolean;

  /** `unreadable`: whether what cannot be told (Answer `unknown`) is taken. */
  constructor(sources: readonly T[], world: MatchWorld, unreadable: boolean) {
    this.#unreadable = unreadable;
    for (const source of sources) {
      const entry = { source, match: compileMatch(source.match, world) };
      if (entry.match.callers === undefined) this.#others.push(entry);
      else for (const caller of new Set(entry.match.callers)) this.#of(caller).push(entry);
    }
  }

  /** Those that take the request, by name, so that no answer depends on how people ordered them. */
  taking(traits: Traits): readonly T[] {
    const { caller } = traits;
    const own = (caller && this.#byCaller.get(caller.name)) ?? NONE;
    const found: T[] = [];
    for (const entries of [own, this.#others]) {
      for (const { source, match } of entries) {
        const answer = match.answer(traits);
        if (answer === 'yes' || (this.#unreadable && answer === 'unknown')) found.push(source);
      }
    }
    return found.length === 0 ? NONE : found.sort(byName);
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

/** Names are ASCII (formats.md, 1). */
function byName(a: Slice, b: Slice): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
