/** What has a time in it is told anew whenever it is asked for: by which clocks, and what was used. */
import type { Block, Exception } from '../rollout/types.js';
import type { ExceptionUses } from './exception-uses.js';

/** Moments are milliseconds since the epoch. */
export interface Moment {
  readonly nowMs: number;
  /** The largest clock that this process has seen: exceptions end by it, and never come back. */
  readonly latestMs: number;
  readonly uses: Pick<ExceptionUses, 'of'>;
}

export type EntryState = 'pending' | 'active' | 'ended';

/** Blocks begin and end by the present clock. */
export function stateOfBlock({ fromMs, untilMs }: Block, { nowMs }: Moment): EntryState {
  if (nowMs >= untilMs) return 'ended';
  return nowMs < fromMs ? 'pending' : 'active';
}

/** Exceptions begin by the present clock, and end by the largest that anybody is known to have seen. */
export function stateOfException(
  { fromMs, untilMs }: Exception,
  { nowMs, latestMs }: Pick<Moment, 'nowMs' | 'latestMs'>,
  clockFloorMs: number,
): EntryState {
  if (Math.max(nowMs, latestMs, clockFloorMs) >= untilMs) return 'ended';
  return nowMs < fromMs ? 'pending' : 'active';
}
