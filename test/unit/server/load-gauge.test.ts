import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  LOAD_BUSY_MS,
  LOAD_OVERLOAD_MS,
  LOAD_SAMPLE_MS,
  LOAD_WINDOW_MS,
} from '../../../src/constants.js';
import { createLoadGauge, DelayWindow } from '../../../src/server/load-gauge.js';

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
const long = (delayMs: number) => Array.from({ length: 30 }, () => delayMs);

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

  it('is normal after one long stall, and before there was time for the queue to empty', () => {
    expect(loadAfter(...long(1), 5_000)).toBe('normal');
    expect(loadAfter(5_000)).toBe('normal');
    expect(loadAfter(LOAD_OVERLOAD_MS, LOAD_OVERLOAD_MS)).toBe('normal');
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
    gauge.check();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(LOAD_SAMPLE_MS);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(LOAD_SAMPLE_MS);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tells of an overload, and of its end', () => {
    const gauge = createLoadGauge();
    const late = () => {
      const load = gauge.check();
      vi.advanceTimersByTime(LOAD_SAMPLE_MS);
      return load;
    };
    const now = vi.spyOn(performance, 'now');
    let atMs = 0;
    now.mockImplementation(() => {
      atMs += LOAD_OVERLOAD_MS + LOAD_SAMPLE_MS;
      return atMs;
    });
    for (let i = 0; i < 20; i += 1) late();
    expect(gauge.check()).toBe('overload');
    now.mockRestore();
    gauge.stop();
  });
});
