/**
 * Burst limits of the decision log: so many lines a second for the process, and for each caller, so
 * that one of them cannot fill the disk of all. Token buckets that hold what one second brings. The
 * clock is passed in and may jump: set back it brings nothing, set forward one full bucket.
 */
import type { HeldTo } from './evidence.js';

export interface LineLimits {
  /** Lines a second of the process; 0 = no limit. */
  readonly linesPerSecond: number;
  /** Lines a second of one caller; 0 = no limit. */
  readonly callerLinesPerSecond: number;
}

export interface LineLimiter {
  /**
   * Whether a line may be written now. `principal`: undefined for all that cannot be read. What is
   * held to a limit takes a token of it, and only when it may be written; what is not held to the
   * limit of the process takes one of it too where there is one.
   */
  admits(principal: string | undefined, held: HeldTo, nowMs: number): boolean;
}

const SECOND_MS = 1_000;
/** No SPIFFE ID is empty. */
const UNIDENTIFIED = '';

/**
 * `callersMax` callers have a bucket of their own, all others share one. A bucket that nobody used
 * for a second is full again and says nothing, so its place is free: only more than `callersMax`
 * callers within one second share.
 */
export function createLineLimiter(limits: LineLimits, callersMax: number): LineLimiter {
  const { linesPerSecond, callerLinesPerSecond } = limits;
  const all = new Bucket(linesPerSecond);
  const rest = new Bucket(callerLinesPerSecond);
  const callers = new Map<string, Bucket>();
  let sweptMs = Number.NEGATIVE_INFINITY;

  function bucketOf(principal: string, nowMs: number): Bucket {
    const known = callers.get(principal);
    if (known !== undefined) return known;
    const sweepable = nowMs < sweptMs || nowMs - sweptMs >= SECOND_MS;
    if (callers.size >= callersMax && sweepable) sweep(nowMs);
    if (callers.size >= callersMax) return rest;
    const bucket = new Bucket(callerLinesPerSecond);
    callers.set(principal, bucket);
    return bucket;
  }

  /** At most once a second: what it costs grows with the callers, not with their requests. */
  function sweep(nowMs: number): void {
    sweptMs = nowMs;
    for (const [principal, bucket] of callers) {
      if (nowMs - bucket.usedMs >= SECOND_MS) callers.delete(principal);
      // Filled by a clock that has been set back: as if it were now, else it would stay till then.
      else bucket.usedMs = Math.min(bucket.usedMs, nowMs);
    }
  }

  return {
    admits(principal, held, nowMs) {
      if (linesPerSecond > 0 && !all.refill(nowMs) && held !== 'neither') return false;
      if (callerLinesPerSecond > 0 && held === 'caller') {
        const own = bucketOf(principal ?? UNIDENTIFIED, nowMs);
        if (!own.refill(nowMs)) return false;
        own.take();
      }
      all.take();
      return true;
    },
  };
}

class Bucket {
  /** When it was last refilled. */
  usedMs = Number.NEGATIVE_INFINITY;
  #tokens = 0;

  constructor(private readonly perSecond: number) {}

  /** Adds what the time since brought; whether there is a token. */
  refill(nowMs: number): boolean {
    const brought = (Math.max(0, nowMs - this.usedMs) * this.perSecond) / SECOND_MS;
    this.#tokens = Math.min(this.perSecond, this.#tokens + brought);
    this.usedMs = nowMs;
    return this.#tokens >= 1;
  }

  /** Lines that pass without a token leave no debt. */
  take(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }
}
