/**
 * Which lines may be left out of the decision log when somebody asked for less of it, and which may
 * not: what is said here holds for sampling and for the burst limits alike.
 */
import type { CheckRecord } from '../check/types.js';

/** One more request of a known class to which nobody objects: all that sampling may leave out. */
export function isPlainAllow(record: CheckRecord, firstSeen: boolean): boolean {
  const { decision, outcome, errors, exception, candidate, regime } = record;
  const smooth = decision === 'allow' && outcome === 'allow' && errors.length === 0;
  const agreed = exception === undefined && candidate?.flip !== true;
  return smooth && agreed && !firstSeen && !regime.requireLog;
}

/** `process` = that of all lines together; `caller` = that of the lines of one caller as well. */
export type HeldTo = 'neither' | 'process' | 'caller';

/**
 * Which burst limits a line is held to. The first line of a class comes once, and CLASSES_MAX bounds
 * how many there are. Blocked requests are held to both: a block is made for a caller who floods, and
 * `checks_total{reason="blocked"}` has their number.
 */
export function heldTo({ regime, candidate }: CheckRecord, firstSeen: boolean): HeldTo {
  if (firstSeen || regime.requireLog) return 'neither';
  // What a candidate would change for the caller who asks most is what people look for.
  return candidate?.flip === true ? 'process' : 'caller';
}
