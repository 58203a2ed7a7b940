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
  let used = pool.length;
  return (nowMs) => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    // The version (7) and the variant (binary 10) take the first bits of two of the groups.
    pool[used] = 0x70 | ((pool[used] as number) & 0x0f);
    pool[used + 2] = 0x80 | ((pool[used + 2] as number) & 0x3f);
    const random = pool.toString('hex', used, used + RANDOM_BYTES_PER_ID);
    used += RANDOM_BYTES_PER_ID;
    const time = nowMs.toString(16).padStart(12, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-${random.slice(0, 4)}-${random.slice(4, 8)}-${random.slice(8)}`;
  };
}
