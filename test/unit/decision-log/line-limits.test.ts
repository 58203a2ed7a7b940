import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineLimiter, type LineLimiter } from '../../../src/decision-log/line-limits.js';
import '../../support/properties.js';

const T0 = 1_700_000_000_000;
const MANY = 1_000;

const forCaller = (callerLinesPerSecond: number, callersMax = MANY) =>
  createLineLimiter({ linesPerSecond: 0, callerLinesPerSecond }, callersMax);
const forProcess = (linesPerSecond: number) =>
  createLineLimiter({ linesPerSecond, callerLinesPerSecond: 0 }, MANY);

/** How many of `count` lines at once are admitted. */
function admitted(limiter: LineLimiter, caller: string | undefined, count: number, nowMs = T0) {
  let found = 0;
  for (let i = 0; i < count; i += 1) if (limiter.admits(caller, 'caller', nowMs)) found += 1;
  return found;
}

describe('burst limits', () => {
  it('of 0 limit nothing', () => {
    const limiter = createLineLimiter({ linesPerSecond: 0, callerLinesPerSecond: 0 }, MANY);
    expect(admitted(limiter, 'a', 5_000)).toBe(5_000);
  });

  it('of the process let a second of lines through at once, whoever they are about', () => {
    const limiter = forProcess(10);
    expect(admitted(limiter, 'a', 7) + admitted(limiter, 'b', 7)).toBe(10);
    expect(admitted(limiter, 'a', 7, T0 + 500)).toBe(5);
    expect(admitted(limiter, 'a', 20, T0 + 10_000)).toBe(10);
  });

  it('of a caller leave all others alone; anonymous is one, and so are the unidentified', () => {
    const limiter = forCaller(3);
    for (const caller of ['a', 'b', 'anonymous', undefined]) {
      expect(admitted(limiter, caller, 9), String(caller)).toBe(3);
    }
  });

  it('let pass what is not held to them, and count it where others are', () => {
    const limiter = createLineLimiter({ linesPerSecond: 4, callerLinesPerSecond: 2 }, MANY);
    expect(admitted(limiter, 'a', 9)).toBe(2);
    // Not held to that of the caller: what is left of the process is for it.
    expect(limiter.admits('a', 'process', T0)).toBe(true);
    expect(limiter.admits('a', 'neither', T0)).toBe(true);
    expect(limiter.admits('a', 'process', T0)).toBe(false);
    expect(admitted(limiter, 'b', 9)).toBe(0);
    for (let i = 0; i < 50; i += 1) expect(limiter.admits('a', 'neither', T0)).toBe(true);
    // It left no debt.
    expect(admitted(limiter, 'b', 9, T0 + 250)).toBe(1);
  });

  it('take no token of a line that is refused by the other', () => {
    const byCaller = createLineLimiter({ linesPerSecond: 3, callerLinesPerSecond: 2 }, MANY);
    expect(admitted(byCaller, 'a', 9)).toBe(2);
    expect(admitted(byCaller, 'b', 9)).toBe(1);
    const byProcess = createLineLimiter({ linesPerSecond: 2, callerLinesPerSecond: 1 }, MANY);
    const asks = (...callers: string[]) => callers.map((c) => byProcess.admits(c, 'caller', T0));
    expect(asks('a', 'b', 'c')).toEqual([true, true, false]);
    expect(byProcess.admits('c', 'caller', T0 + 500)).toBe(true);
  });

  it('make callers beyond the bound share, until others were silent for a second', () => {
    const limiter = forCaller(1, 2);
    const asks = (nowMs: number, ...callers: string[]) =>
      callers.map((caller) => limiter.admits(caller, 'caller', nowMs));
    expect(asks(T0, 'a', 'b', 'c', 'd')).toEqual([true, true, true, false]);
    expect(asks(T0 + 900, 'b', 'd')).toEqual([false, false]);
    // `a` has been silent; `b` has not, and `e` shares with whoever else comes.
    expect(asks(T0 + 1_100, 'd', 'e', 'c', 'b')).toEqual([true, true, false, true]);
  });

  it('look for silent callers once a second, however many come', () => {
    const limiter = forCaller(1, 2);
    const asks = (nowMs: number, ...callers: string[]) =>
      callers.map((caller) => limiter.admits(caller, 'caller', nowMs));
    expect([...asks(T0, 'a'), ...asks(T0 + 500, 'b')]).toEqual([true, true]);
    expect(asks(T0 + 1_100, 'c')).toEqual([true]);
    // `b` is silent too, and nobody has looked.
    expect(asks(T0 + 1_600, 'd', 'e')).toEqual([true, false]);
  });

  it('do not keep the places of callers for a clock that was set back', () => {
    const limiter = forCaller(1, 1);
    const later = T0 + 3_600_000;
    expect(limiter.admits('a', 'caller', later)).toBe(true);
    expect(limiter.admits('b', 'caller', later + 2_000)).toBe(true);
    limiter.admits('c', 'caller', T0);
    // The place of `b` is free, and what callers share is full again.
    expect(limiter.admits('d', 'caller', T0 + 1_001)).toBe(true);
    expect(limiter.admits('e', 'caller', T0 + 1_001)).toBe(true);
  });

  it('give nothing for a clock that is set back, and go on from there', () => {
    const limiter = forProcess(5);
    expect(admitted(limiter, 'a', 9)).toBe(5);
    expect(admitted(limiter, 'a', 9, T0 - 3_600_000)).toBe(0);
    expect(admitted(limiter, 'a', 9, T0 - 3_600_000 + 200)).toBe(1);
    // Set forward, it is one full bucket.
    expect(admitted(limiter, 'a', 99, T0 + 3_600_000)).toBe(5);
  });
});

describe('property', () => {
  const step = fc.record({
    caller: fc.constantFrom('a', 'b', 'anonymous', undefined),
    waitMs: fc.constantFrom(0, 0, 0, 1, 10, 333),
  });

  it('in any stretch of time, no more than a second of lines and what the time brought', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(step, { maxLength: 200 }),
        (linesPerSecond, callerLinesPerSecond, steps) => {
          const limiter = createLineLimiter({ linesPerSecond, callerLinesPerSecond }, MANY);
          const lines: { readonly caller: string | undefined; readonly atMs: number }[] = [];
          let nowMs = T0;
          for (const { caller, waitMs } of steps) {
            nowMs += waitMs;
            if (limiter.admits(caller, 'caller', nowMs)) lines.push({ caller, atMs: nowMs });
          }
          const expectHeld = (taken: typeof lines, limit: number) => {
            taken.forEach(({ atMs: from }, first) => {
              for (let last = first; last < taken.length; last += 1) {
                const seconds = ((taken[last]?.atMs ?? 0) - from) / 1_000;
                expect(last - first + 1).toBeLessThanOrEqual(limit * (1 + seconds) + 1e-6);
              }
            });
          };
          expectHeld(lines, linesPerSecond);
          for (const caller of ['a', 'b', 'anonymous', undefined]) {
            expectHeld(
              lines.filter((line) => line.caller === caller),
              callerLinesPerSecond,
            );
          }
        },
      ),
    );
  });
});
