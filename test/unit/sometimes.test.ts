import { expect, it } from 'vitest';
import { LOG_WARN_EVERY_MS } from '../../src/constants.js';
import { sometimes } from '../../src/sometimes.js';

it('a warning is told now and then, also by a clock that was set back', () => {
  const told: string[] = [];
  let nowMs = 1_000_000;
  const tell = sometimes(
    () => nowMs,
    (cause) => told.push(cause),
  );
  const at = (ms: number, cause: string) => {
    nowMs = ms;
    tell(cause);
  };
  at(1_000_000, 'first');
  at(1_000_000 + LOG_WARN_EVERY_MS - 1, 'too soon');
  at(1_000_000 + LOG_WARN_EVERY_MS, 'in time');
  at(0, 'set back');
  at(1, 'too soon again');
  expect(told).toEqual(['first', 'in time', 'set back']);
});
