/**
 * A map that forgets. Bounded in entries and in bytes: of two generations the older is forgotten when
 * the younger is full, and what is asked for again moves to the younger. So a flood of keys that never
 * come again costs each of the common ones one more move in a generation, no list is kept in order,
 * and a look costs what one look into a Map does: in such a flood no check whose answer is known takes a
 * tenth more (test/long/flood.test.ts).
 */

export interface CacheLimits {
  /** Entries of one generation; two are kept. */
  readonly entriesMax: number;
  /** Bytes of one generation, as those who put something in say; default: no limit. */
  readonly bytesMax?: number;
}

interface Entry<V> {
  readonly value: V;
  readonly bytes: number;
}

export class BoundedCache<V> {
  #young = new Map<string, Entry<V>>();
  #old = new Map<string, Entry<V>>();
  #youngBytes = 0;
  readonly #entriesMax: number;
  readonly #bytesMax: number;

  constructor({ entriesMax, bytesMax = Number.POSITIVE_INFINITY }: CacheLimits) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young.value;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#put(key, old);
    return old.value;
  }

  /** What is larger than a whole generation is not kept. */
  set(key: string, value: V, bytes = 0): void {
    if (bytes <= this.#bytesMax) this.#put(key, { value, bytes });
  }

  /** What was put in last comes first. */
  *keys(): Generator<string> {
    yield* [...this.#young.keys()].reverse();
    yield* [...this.#old.keys()].reverse().filter((key) => !this.#young.has(key));
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#youngBytes = 0;
  }

  /** Entries that are kept; one that is in both generations counts twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #put(key: string, entry: Entry<V>): void {
    const full = this.#young.size >= this.#entriesMax;
    if (full || this.#youngBytes + entry.bytes > this.#bytesMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(key, entry);
    this.#youngBytes += entry.bytes;
  }
}
