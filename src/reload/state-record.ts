/** The two kinds of small files in the state directory: what a rollout's and the clock's hold. */
import type { Digest } from '../bundle/types.js';
import { READER, STATE_BUNDLES_MAX } from '../constants.js';
import * as shape from '../shape/kinds.js';

/**
 * What is remembered of one rollout: sealed documents, byte for byte as they were read, each null when
 * there is none. They change together, because they stand in one file.
 */
export interface RememberedDocuments {
  /** The newest document that was verified, of either kind. */
  readonly approved: Uint8Array | null;
  /** The newest verified one that is no emergency. */
  readonly lastRollout: Uint8Array | null;
  /** The one whose generation runs, or ran last. */
  readonly running: Uint8Array | null;
}

/** The documents, and the bundles without which the running one cannot run. */
export interface RolloutRecord extends RememberedDocuments {
  readonly bundles: readonly Digest[];
}

const ROLES = ['approved', 'lastRollout', 'running'] as const;

const digest = shape
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .typed<Digest>();
const base64 = shape.string().transform((text, context) => {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  context.addIssue({ message: 'must be base64' });
  return shape.NEVER;
});
const minReader = shape.int().min(1);
const recordShape = shape.strictObject({
  minReader,
  approved: base64.nullable(),
  lastRollout: base64.nullable(),
  running: base64.nullable(),
  bundles: shape.array(digest).max(STATE_BUNDLES_MAX),
});
const clockShape = shape.strictObject({ minReader, clockMs: shape.int().min(0) });

export function sameRecord(a: RolloutRecord, b: RolloutRecord): boolean {
  const listed = new Set(a.bundles);
  return (
    ROLES.every((role) => sameBytes(a[role], b[role])) &&
    listed.size === new Set(b.bundles).size &&
    b.bundles.every((each) => listed.has(each))
  );
}

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === b) return true;
  return a !== null && b !== null && Buffer.compare(a, b) === 0;
}

export function formatRecord(record: RolloutRecord): string {
  const documents = ROLES.map((role) => {
    const bytes = record[role];
    return [role, bytes === null ? null : Buffer.from(bytes).toString('base64')] as const;
  });
  const bundles = [...new Set(record.bundles)].sort();
  return JSON.stringify({ minReader: READER, ...Object.fromEntries(documents), bundles });
}

/** Undefined for anything but what `formatRecord` of this or an older program writes. */
export function parseRecord(bytes: Uint8Array): RolloutRecord | undefined {
  const value = parse(bytes, recordShape);
  if (value === undefined) return undefined;
  const { approved, lastRollout, running, bundles } = value;
  return { approved, lastRollout, running, bundles };
}

export function formatClock(clockMs: number): string {
  return JSON.stringify({ minReader: READER, clockMs });
}

/** Milliseconds since 1970; undefined for anything else. */
export function parseClock(bytes: Uint8Array): number | undefined {
  return parse(bytes, clockShape)?.clockMs;
}

function parse<T extends { minReader: number }>(
  bytes: Uint8Array,
  wanted: shape.Shape<T>,
): T | undefined {
  try {
    const parsed = wanted.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    return parsed.success && parsed.data.minReader <= READER ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
