/**
 * Which policies stand under which name in an instance of the engine. What is preparsed lives for ever
 * under its name, so names come from a fixed list. Programs that have the same policies to be asked
 * together share one name: after a change that touches few of many, the next version finds nearly all
 * of its sets parsed, where parsing 200 of 50 policies takes the thread that answers a second.
 */

/** Puts policies under a name, in place of what stood there. Throws when they do not parse. */
export type Preparse = (name: string, policies: string) => void;

interface NamedSet {
  readonly name: string;
  readonly digest: string;
  holders: number;
}

export class SetNames {
  readonly #namesMax: number;
  readonly #byDigest = new Map<string, NamedSet>();
  /** Those that nobody holds any more, and that are not emptied yet: whoever asks for one has it again. */
  readonly #left = new Set<NamedSet>();
  /** Names that stand for nothing that anybody could ask for. */
  readonly #free: string[] = [];
  #made = 0;

  constructor(namesMax: number) {
    this.#namesMax = namesMax;
  }

  /**
   * Its name; to be given back by `drop`. `digest`: equal for equal texts only. Throws like `preparse`,
   * and then nothing is held.
   */
  hold(digest: string, text: () => string, preparse: Preparse): string {
    const known = this.#byDigest.get(digest);
    if (known !== undefined) {
      known.holders += 1;
      this.#left.delete(known);
      return known.name;
    }
    const name = this.#freeName();
    try {
      preparse(name, text());
    } catch (thrown) {
      this.#free.push(name);
      throw thrown;
    }
    this.#byDigest.set(digest, { name, digest, holders: 1 });
    return name;
  }

  /** `reused`: another one takes its place at once, so that it need not be emptied. */
  drop(digest: string, { reused }: { readonly reused: boolean }): void {
    const set = this.#byDigest.get(digest);
    if (set === undefined) return;
    set.holders -= 1;
    if (set.holders > 0) return;
    if (reused) this.#forgetOne(set);
    else this.#left.add(set);
  }

  /** Frees the memory of what nobody holds, name by name. */
  *emptied(preparse: Preparse): Generator<void> {
    for (const set of this.#left) {
      this.#forgetOne(set);
      preparse(set.name, '');
      yield;
    }
  }

  /** Another instance has nothing under any name. */
  clear(): void {
    this.#byDigest.clear();
    this.#left.clear();
    this.#free.length = 0;
    this.#made = 0;
  }

  #freeName(): string {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made < this.#namesMax) {
      this.#made += 1;
      return `set-${this.#made}`;
    }
    const [left] = this.#left;
    if (left === undefined) throw new Error('all names for policies are in use');
    this.#forgetOne(left);
    return this.#free.pop() as string;
  }

  #forgetOne(set: NamedSet): void {
    this.#left.delete(set);
    this.#byDigest.delete(set.digest);
    this.#free.push(set.name);
  }
}
