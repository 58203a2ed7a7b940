/** Moments and durations as people write them into trust.yaml. */
import * as shape from '../shape/kinds.js';

const UTC_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,3})?Z$/;
const UTC_DAY = /^\d{4}-\d\d-\d\d$/;
const DURATION = /^([1-9]\d{0,5})([smhd])$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds since 1970 of an RFC 3339 time in UTC; undefined when it is none. */
export function parseUtcTime(text: string): number | undefined {
  const [, seconds] = UTC_TIME.exec(text) ?? [];
  if (seconds === undefined) return undefined;
  const ms = Date.parse(text);
  // Date.parse takes 30 February for 2 March.
  const isReal = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(seconds);
  return isReal ? ms : undefined;
}

/** Milliseconds since 1970 of `YYYY-MM-DD`, 00:00 UTC; undefined when there is no such day. */
export function parseUtcDay(text: string): number | undefined {
  return UTC_DAY.test(text) ? parseUtcTime(`${text}T00:00:00Z`) : undefined;
}

/** The day of a moment, in UTC, as `parseUtcDay` reads it. */
export function utcDayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** `90s`, `30m`, `24h`, `7d` in milliseconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ''] = DURATION.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (UNIT_MS[unit] ?? 0);
}

/** A field that holds a time; its value is milliseconds since 1970. */
export const utcTime = parsedText(
  parseUtcTime,
  'must be a time in UTC such as `2026-11-25T00:00:00Z`',
);

/** A field that holds a day; its value is milliseconds since 1970 at its beginning in UTC. */
export const utcDay = parsedText(parseUtcDay, 'must be a day such as `2026-11-25`');

/** A field that holds a duration; its value is milliseconds. */
export const duration = parsedText(
  parseDuration,
  'must be a duration such as `90s`, `30m`, `24h` or `7d`',
);

function parsedText<T>(parse: (text: string) => T | undefined, error: string) {
  return shape.string().transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ message: error });
    return shape.NEVER;
  });
}
