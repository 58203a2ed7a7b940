import { describe, expect, it } from 'vitest';
import { RELOAD_RETRY_MAX_MS, RELOAD_RETRY_MS } from '../../../src/constants.js';
import { createRetry } from '../../../src/reload/retry.js';

function rig() {
  let nowMs = 0;
  const retry = createRetry(() => nowMs);
  /** How long it takes until the next try is due, milliseconds. */
  const waits = () => {
    const start = nowMs;
    while (!retry.isDue()) nowMs += 1_000;
    return nowMs - start;
  };
  const setBack = (ms: number) => {
    nowMs -= ms;
  };
  return { retry, waits, setBack };
}

describe('a load that was refused', () => {
  it.each([
    'bundle_unreadable',
    'bundle_changing',
    'rollout_unreadable',
    'rollout_expired',
    'engine_failure',
    'load_timeout',
  ] as const)('is tried again for %s: the same bytes may do better', (code) => {
    const { retry, waits } = rig();
    expect(retry.isDue()).toBe(false);
    retry.refused(['rollout_invalid', code], false);
    expect(waits()).toBe(RELOAD_RETRY_MS);
  });

  it('is not tried again when the bytes say it all, nor after one that was taken', () => {
    const { retry } = rig();
    retry.refused(['rollout_sequence', 'bundle_not_on_shelf'], false);
    expect(retry.isDue()).toBe(false);
    retry.refused(['load_timeout'], false);
    retry.taken();
    expect(retry.isDue()).toBe(false);
  });

  it('is tried again at once by a clock that was set back, which else would take as long', () => {
    const { retry, waits, setBack } = rig();
    retry.refused(['load_timeout'], false);
    setBack(86_400_000);
    expect(waits()).toBe(0);
    retry.refused(['load_timeout'], false);
    expect(waits()).toBe(RELOAD_RETRY_MS);
    retry.taken();
    setBack(86_400_000);
    expect(retry.isDue()).toBe(false);
  });

  it('is tried ever more rarely, and soon again once something is new', () => {
    const { retry, waits } = rig();
    const seen = [false, true, true].map((again) => {
      retry.refused(['load_timeout'], again);
      return waits();
    });
    expect(seen).toEqual([RELOAD_RETRY_MS, 2 * RELOAD_RETRY_MS, 4 * RELOAD_RETRY_MS]);
    for (let i = 0; i < 20; i += 1) retry.refused(['load_timeout'], true);
    expect(waits()).toBe(RELOAD_RETRY_MAX_MS);
    retry.refused(['load_timeout'], false);
    expect(waits()).toBe(RELOAD_RETRY_MS);
  });
});
