/**
 * Which callers a percentage takes: always the same ones for one seed, and more of them as it grows.
 */
import { createHash } from 'node:crypto';

/** 0 to 99: a caller is inside of `percent` when its number is below it. */
export function percentBucket(seed: string, caller: string): number {
  return createHash('sha256').update(`${seed}\0${caller}`).digest().readUInt32BE(0) % 100;
}

/** The same, remembered for the last caller: hashing takes 2 us, and several slices may ask. */
export class PercentBuckets {
  readonly #seed: string;
  #lastCaller: string | undefined;
  #lastBucket = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  of(caller: string): number {
    if (caller !== this.#lastCaller) {
      this.#lastBucket = percentBucket(this.#seed, caller);
      this.#lastCaller = caller;
    }
    return this.#lastBucket;
  }
}
