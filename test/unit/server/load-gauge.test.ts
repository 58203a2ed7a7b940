import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createLoadGauge,
  DelayWindow,
  LOAD_BUSY_MS,
  LOAD_OVERLOAD_MS,
  LOAD_SAMPLE_MS,
  LOAD_WINDOW_MS,
} from '../../../src/server/load-gauge.js';

/** A window after timers that came late like this, one after the other. */
function loadAfter(...delays: readonly number[]) {
  const window = new DelayWindow();
  let atMs = 0;
  for (const delayMs of delays) {
    atMs += LOAD_SAMPLE_MS + delayMs;
    window.add(atMs, delayMs);
  }
  return window.load();
}
const long = (delayMs: number) => Array.from({ length: 60 }, () => delayMs);

describe('the load', () => {
  it.each([
    ['normal', []],
    ['normal', long(0)],
    ['normal', long(LOAD_BUSY_MS - 1)],
    ['busy', long(LOAD_BUSY_MS)],
    ['busy', long(LOAD_OVERLOAD_MS - 1)],
    ['overload', long(LOAD_OVERLOAD_MS)],
  ] as const)('is %s after %j', (load, delays) => {
    expect(loadAfter(...delays)).toBe(load);
  });

  it('is normal after one stall, and before there was time for the queue to empty', () => {
    expect(loadAfter(...long(1), LOAD_WINDOW_MS / 2)).toBe('normal');
    expect(loadAfter(LOAD_OVERLOAD_MS, LOAD_OVERLOAD_MS)).toBe('normal');
  });

  it('is an overload after a stall that is longer than all that: what waits is late', () => {
    expect(loadAfter(...long(1), 2 * LOAD_WINDOW_MS)).toBe('overload');
    expect(loadAfter(...long(1), 2 * LOAD_WINDOW_MS, 1)).toBe('normal');
  });

  it('is normal again with the first timer that comes in time', () => {
    expect(loadAfter(...long(LOAD_OVERLOAD_MS), 0)).toBe('normal');
  });

  it('forgets what is older than its window', () => {
    const window = new DelayWindow();
    window.add(0, 0);
    for (let atMs = 1; atMs < LOAD_WINDOW_MS; atMs += 100) window.add(atMs, LOAD_OVERLOAD_MS);
    expect(window.load()).toBe('normal');
    window.add(LOAD_WINDOW_MS + 1, LOAD_OVERLOAD_MS);
    expect(window.load()).toBe('overload');
  });
});

describe('the gauge', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('measures while there are checks, and then stops', () => {
    const gauge = createLoadGauge();
    expect(vi.getTimerCount()).toBe(0);
    gauge.check();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(LOAD_SAMPLE_MS);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(LOAD_SAMPLE_MS);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tells of an overload, and of its end', () => {
    let nowMs = 0;
    let lateMs = LOAD_OVERLOAD_MS;
    const gauge = createLoadGauge(() => nowMs);
    /** One check, and the timer after it. */
    const step = () => {
      const load = gauge.check();
      nowMs += LOAD_SAMPLE_MS + lateMs;
      vi.advanceTimersByTime(LOAD_SAMPLE_MS);
      return load;
    };
    const loads = Array.from({ length: 20 }, step);
    expect([loads[0], loads.at(-1)]).toEqual(['normal', 'overload']);
    lateMs = 0;
    step();
    expect(step()).toBe('normal');
  });

  it('does not take for an overload what is done once', () => {
    let nowMs = 0;
    const gauge = createLoadGauge(() => nowMs);
    const step = (aside: boolean) => {
      const work = () => {
        nowMs += LOAD_OVERLOAD_MS;
        return 'done';
      };
      expect(aside ? gauge.aside(work) : work()).toBe('done');
      const load = gauge.check();
      nowMs += LOAD_SAMPLE_MS;
      vi.advanceTimersByTime(LOAD_SAMPLE_MS);
      return load;
    };
    gauge.check();
    expect(new Set(Array.from({ length: 20 }, () => step(true)))).toEqual(new Set(['normal']));
    expect(Array.from({ length: 20 }, () => step(false)).at(-1)).toBe('overload');
  });
});
