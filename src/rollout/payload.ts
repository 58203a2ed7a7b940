/**
 * The payload of a rollout document: the source that people wrote, and all that it stood for when it
 * was sealed. Every field is always there, null where there is nothing, so that a reader can tell
 * what was meant from what was forgotten.
 */
import { API_VERSION, digestSchema } from '../bundle/built-manifest.js';
import { readJson } from '../bundle/json.js';
import { checkJsonShape } from '../bundle/json-shape.js';
import { nameSchema, versionSchema } from '../bundle/manifest.js';
import { READER, SEED_CHARS_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, type Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { canonicalJson } from '../signing/canonical-json.js';
import { digestList, exactTime, positiveInteger } from './document-fields.js';

/** Raised with every change of the format that an older program would misread. */
export const WRITTEN_FOR_READER = 1;

const resolvedBundle = shape.strictObject({
  name: nameSchema,
  version: versionSchema,
  digest: digestSchema,
});

const payloadSchema = shape.strictObject({
  apiVersion: shape.literal(API_VERSION),
  kind: shape.literal('PolicyRollout'),
  environment: nameSchema,
  name: nameSchema,
  sequence: positiveInteger,
  previous: digestSchema.nullable(),
  author: nameSchema,
  /** Its own rules are those of source.ts. */
  source: shape.string(),
  resolved: shape.strictObject({
    active: resolvedBundle,
    candidate: resolvedBundle.nullable(),
    rollback: resolvedBundle.nullable(),
  }),
  superseded: digestList,
  revoked: digestList,
  trust: digestSchema,
  // Hashed with a NUL after it: printable, so that no seed can hold one.
  seed: shape
    .string()
    .max(SEED_CHARS_MAX, `must be at most ${SEED_CHARS_MAX} characters long`)
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces, and not empty'),
  issuedAt: exactTime,
  expiresAt: exactTime,
  minReader: positiveInteger,
  evidence: digestSchema.nullable(),
  reconciles: digestList,
});

/** As it is written: times are text. */
export type RolloutPayload = shape.Input<typeof payloadSchema>;
/** As it is read: times are milliseconds since 1970. */
export type ReadPayload = shape.Output<typeof payloadSchema>;

/** Problem codes: `not_utf8`, `json_invalid`, `reader_too_old`, `rollout_invalid`. */
export function parseRolloutPayload(bytes: Uint8Array, file: string): Result<ReadPayload> {
  const json = readJson(file, bytes);
  if (!json.ok) return json;
  // Before the shape: a later format may have fields that are unknown here.
  const needed = (json.value as { readonly minReader?: unknown } | null)?.minReader;
  if (typeof needed === 'number' && needed > READER) {
    const message = `the document needs a reader of formats ${needed}; this one reads ${READER}`;
    return failed(problem('reader_too_old', message, { file }));
  }
  return checkJsonShape(json.value, payloadSchema, { code: 'rollout_invalid', file });
}

/** The bytes that are signed: canonical JSON. */
export function formatRolloutPayload(payload: RolloutPayload): Buffer {
  return Buffer.from(canonicalJson(payload), 'utf8');
}
