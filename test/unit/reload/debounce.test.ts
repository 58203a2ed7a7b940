import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createDebounce } from '../../../src/reload/debounce.js';
import { oneAtATime } from '../../../src/reload/one-at-a-time.js';

describe('hints', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('of one burst lead to one call, after it is quiet', () => {
    const call = vi.fn();
    const debounce = createDebounce(call, { quietMs: 40, maxMs: 500 });
    for (let i = 0; i < 5; i += 1) {
      debounce.hint();
      vi.advanceTimersByTime(30);
    }
    expect(call).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(10);
    expect(call).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(10_000);
    expect(call).toHaveBeenCalledTimes(1);
  });

  test('in an endless storm do not starve the call', () => {
    const call = vi.fn();
    const debounce = createDebounce(call, { quietMs: 40, maxMs: 500 });
    for (let elapsedMs = 0; elapsedMs < 5_050; elapsedMs += 10) {
      debounce.hint();
      vi.advanceTimersByTime(10);
    }
    expect(call.mock.calls.length).toBeGreaterThanOrEqual(9);
    expect(call.mock.calls.length).toBeLessThanOrEqual(11);
  });

  test('that are cancelled lead to nothing', () => {
    const call = vi.fn();
    const debounce = createDebounce(call, { quietMs: 40, maxMs: 500 });
    debounce.hint();
    debounce.cancel();
    vi.advanceTimersByTime(1_000);
    expect(call).not.toHaveBeenCalled();
  });
});

describe('one at a time', () => {
  test('whatever is asked during a run leads to exactly one more', async () => {
    const releases: (() => void)[] = [];
    let running = 0;
    const task = oneAtATime(async (name: string) => {
      running += 1;
      expect(running).toBe(1);
      await new Promise<void>((resolve) => releases.push(resolve));
      running -= 1;
      return name;
    });
    const first = task('first');
    const others = ['second', 'third', 'fourth'].map(task);
    expect(releases).toHaveLength(1);
    releases[0]?.();
    expect(await first).toBe('first');
    await vi.waitFor(() => expect(releases).toHaveLength(2));
    const late = task('late');
    releases[1]?.();
    expect(await Promise.all(others)).toEqual(['second', 'second', 'second']);
    await vi.waitFor(() => expect(releases).toHaveLength(3));
    releases[2]?.();
    expect(await late).toBe('late');
    expect(releases).toHaveLength(3);
  });

  test('a run that fails does not stop the next', async () => {
    let runs = 0;
    const task = oneAtATime(async (fail: boolean) => {
      runs += 1;
      if (fail) throw new Error('failed');
      return runs;
    });
    const [first, second] = [task(true), task(false)];
    await expect(first).rejects.toThrow('failed');
    expect(await second).toBe(2);
    expect(await task(false)).toBe(3);
  });
});
