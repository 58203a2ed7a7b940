/** Fields that signed JSON documents share: times to the millisecond, digests, sequences. */
import { digestSchema } from '../bundle/built-manifest.js';
import * as shape from '../shape/kinds.js';
import { parseUtcTime } from './utc-time.js';

/** Written in one way only, so that no two readers can differ. Its value is milliseconds since 1970. */
export const exactTime = shape.string().transform((text, context): number => {
  const ms = parseUtcTime(text);
  if (ms !== undefined && timeText(ms) === text) return ms;
  const message = 'must be a time in UTC with milliseconds: `2026-11-03T09:30:00.000Z`';
  context.addIssue({ message });
  return shape.NEVER;
});

/** The text that `exactTime` reads. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

export const digestList = shape
  .array(digestSchema)
  .refine((digests) => new Set(digests).size === digests.length, {
    error: 'names a digest twice',
  });

/** JSON is read with integers only. */
export const positiveInteger = shape.int().min(1, 'must be at least 1');
