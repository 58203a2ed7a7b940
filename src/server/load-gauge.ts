/**
 * Whether more is asked than can be answered in time. Requests wait in the socket, where nobody can
 * look at them, but what they wait for is this thread: a timer that comes late has waited as long.
 *
 * One late timer means little (a collection of garbage, a new generation). As in CoDel (RFC 8289)
 * it is the least delay of a window that counts: while that is high, the queue never empties.
 *
 * Work that is done once (the policies of a caller who is new are parsed) says nothing about what is
 * asked: it is over soon, and shedding would only put it off. So it does not count.
 */
import type { Load } from '../check/check.js';

/** How often the delay of the event loop is measured while there are checks, milliseconds. */
export const LOAD_SAMPLE_MS = 20;
/** Requests wait too long when they always do for this long. */
export const LOAD_WINDOW_MS = 1_000;
/** From this delay on nothing is done that an answer does not need: candidates are not asked. */
export const LOAD_BUSY_MS = 50;
/** From this delay on the engine is not asked: half of what Envoy waits for an answer, 200 ms. */
export const LOAD_OVERLOAD_MS = 100;

/** The least delay of the last LOAD_WINDOW_MS. Pure. */
export class DelayWindow {
  #samples: { readonly atMs: number; readonly delayMs: number }[] = [];

  add(atMs: number, delayMs: number): void {
    const from = atMs - LOAD_WINDOW_MS;
    this.#samples = this.#samples.filter((sample) => sample.atMs > from);
    this.#samples.push({ atMs, delayMs });
  }

  clear(): void {
    this.#samples = [];
  }

  load(): Load {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined) return 'normal';
    // Not before there has been time for the queue to empty: a late timer speaks for its whole delay.
    if (last.atMs - (first.atMs - first.delayMs) < LOAD_WINDOW_MS / 2) return 'normal';
    const least = Math.min(...this.#samples.map(({ delayMs }) => delayMs));
    if (least >= LOAD_OVERLOAD_MS) return 'overload';
    return least >= LOAD_BUSY_MS ? 'busy' : 'normal';
  }
}

export interface LoadGauge {
  /** At every check; measures only as long as there are some. */
  check(): Load;
  /** Does this work, whose time is not counted as delay. */
  aside<T>(work: () => T): T;
}

/** `now`: a clock that never goes back, milliseconds. */
export function createLoadGauge(now: () => number = () => performance.now()): LoadGauge {
  const window = new DelayWindow();
  let load: Load = 'normal';
  let timer: NodeJS.Timeout | undefined;
  let checks = 0;
  /** Spent aside since the last measurement. */
  let asideMs = 0;

  const measure = () => {
    checks = 0;
    asideMs = 0;
    const dueMs = now() + LOAD_SAMPLE_MS;
    timer = setTimeout(() => {
      const nowMs = now();
      window.add(nowMs, Math.max(0, nowMs - dueMs - asideMs));
      load = window.load();
      if (checks > 0) measure();
      else {
        timer = undefined;
        load = 'normal';
        window.clear();
      }
    }, LOAD_SAMPLE_MS);
    // It must not keep the process from ending.
    timer.unref();
  };

  return {
    check() {
      if (timer === undefined) measure();
      checks += 1;
      return load;
    },
    aside(work) {
      const fromMs = now();
      try {
        return work();
      } finally {
        asideMs += now() - fromMs;
      }
    },
  };
}
