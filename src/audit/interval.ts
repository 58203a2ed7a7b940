/** The interval of an audit, as people give it. */
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { parseUtcDay, parseUtcTime } from '../rollout/utc-time.js';
import type { Interval } from './log-facts.js';

const DAY_MS = 86_400_000;

/** A day as its end is part of it; a time as its end is not. Problem code: `input_invalid`. */
export function parseInterval(from: string, to: string): Result<Interval> {
  const fromMs = parseUtcDay(from) ?? parseUtcTime(from);
  const lastDay = parseUtcDay(to);
  const toMs = lastDay === undefined ? parseUtcTime(to) : lastDay + DAY_MS;
  const form = 'a day such as `2026-11-25`, or a time such as `2026-11-25T00:00:00Z`';
  if (fromMs === undefined) return refuse(`\`--from ${from}\` is not ${form}`);
  if (toMs === undefined) return refuse(`\`--to ${to}\` is not ${form}`);
  if (toMs <= fromMs) return refuse(`\`--to ${to}\` is not after \`--from ${from}\``);
  return ok({ fromMs, toMs });
}

function refuse(message: string) {
  return failed(problem('input_invalid', message));
}
