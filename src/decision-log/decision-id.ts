/**
 * Decision ids: UUIDv7 (RFC 9562), so that they sort by time and need no coordination. The random
 * part comes from a pool that is filled in bulk: one call of the system's generator for 256 ids.
 */
import { randomFillSync } from 'node:crypto';

const RANDOM_BYTES_PER_ID = 10;
const POOL_IDS = 256;

/** A new id for this moment, milliseconds since the epoch. */
export type IdSource = (nowMs: number) => string;

export function createIdSource(): IdSource {
  const pool = Buffer.alloc(RANDOM_BYTES_PER_ID * POOL_IDS);
  /** The pool in hexadecimal digits, and how many of them are used. */
  let digits = '';
  let used = 0;
  let timeMs = Number.NaN;
  /** Of `timeMs`: several ids are made within a millisecond. */
  let time = '';
  return (nowMs) => {
    if (used === digits.length) {
      digits = randomDigits(pool);
      used = 0;
    }
    if (nowMs !== timeMs) {
      timeMs = nowMs;
      time = timeOf(nowMs);
    }
    const at = used;
    used += 2 * RANDOM_BYTES_PER_ID;
    return `${time}-${digits.slice(at, at + 4)}-${digits.slice(at + 4, at + 8)}-${digits.slice(at + 8, used)}`;
  };
}

function randomDigits(pool: Buffer): string {
  randomFillSync(pool);
  for (let at = 0; at < pool.length; at += RANDOM_BYTES_PER_ID) {
    // The version (7) and the variant (binary 10) take the first bits of two of the groups.
    pool[at] = 0x70 | ((pool[at] as number) & 0x0f);
    pool[at + 2] = 0x80 | ((pool[at + 2] as number) & 0x3f);
  }
  return pool.toString('hex');
}

function timeOf(ms: number): string {
  const digits = ms.toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}`;
}
