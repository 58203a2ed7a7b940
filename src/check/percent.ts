/**
 * Which callers a percentage takes: always the same ones for one seed, and more of them as it grows.
 */
import { createHash } from 'node:crypto';
import { PERCENT_CALLERS_MAX } from '../constants.js';

/** 0 to 99: a caller is inside of `percent` when its number is below it. */
export function percentBucket(seed: string, caller: string): number {
  return createHash('sha256').update(`${seed}\0${caller}`).digest().readUInt32BE(0) % 100;
}

/** The same, remembered: hashing takes 2 us, and a request may be asked about by many slices. */
export class PercentBuckets {
  readonly #seed: string;
  readonly #known = new Map<string, number>();
  #lastCaller = '';
  #lastBucket = -1;

  constructor(seed: string) {
    this.#seed = seed;
  }

  of(caller: string): number {
    if (caller === this.#lastCaller && this.#lastBucket >= 0) return this.#lastBucket;
    let bucket = this.#known.get(caller);
    if (bucket === undefined) {
      bucket = percentBucket(this.#seed, caller);
      if (this.#known.size < PERCENT_CALLERS_MAX) this.#known.set(caller, bucket);
    }
    this.#lastCaller = caller;
    this.#lastBucket = bucket;
    return bucket;
  }
}
