/**
 * The payload of an emergency: the whole rollout that it stands on, and a delta that has words for
 * relaxing, going back, blocking and revoking, and for nothing else.
 */
import { readJson } from '../bundle/json.js';
import { checkJsonShape } from '../bundle/json-shape.js';
import { nameSchema } from '../bundle/manifest.js';
import type { Digest } from '../bundle/types.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { canonicalJson } from '../signing/canonical-json.js';
import { digestList, exactTime, positiveInteger } from './document-fields.js';
import { kindOf, parseSealedRollout, type SealedRollout, sealedValue } from './documents.js';
import { type BlockFields, blocksSchema, ticketSchema } from './entries-schema.js';

const unique = (names: readonly string[]) => new Set(names).size === names.length;

const RELAX_RULE = { error: 'must be `all`, or a list of slices that names none twice' };

const payloadSchema = shape.strictObject({
  // Checked below, by the rules of documents.
  base: shape.unknown(),
  sequence: positiveInteger,
  relax: shape.union(
    [shape.literal('all'), shape.array(nameSchema).refine(unique, RELAX_RULE)],
    RELAX_RULE,
  ),
  rollback: shape.boolean(),
  blocks: blocksSchema,
  revoke: digestList,
  ticket: ticketSchema,
  issuedAt: exactTime,
  reconcileBy: exactTime,
});

/** As it is written: times are text, the base is a part of the file. */
export interface EmergencyPayload {
  readonly base: SealedRollout;
  readonly sequence: number;
  readonly relax: readonly string[] | 'all';
  readonly rollback: boolean;
  readonly blocks: readonly BlockFields[];
  readonly revoke: readonly Digest[];
  readonly ticket: string;
  readonly issuedAt: string;
  readonly reconcileBy: string;
}

/** As it is read: times are milliseconds since 1970. */
export type ReadEmergency = Omit<shape.Output<typeof payloadSchema>, 'base'> & {
  readonly base: SealedRollout;
};

/** Problem codes: `not_utf8`, `json_invalid`, `rollout_invalid`. */
export function parseEmergencyPayload(bytes: Uint8Array, file: string): Result<ReadEmergency> {
  const json = readJson(file, bytes);
  if (!json.ok) return json;
  const shaped = checkJsonShape(json.value, payloadSchema, { code: 'rollout_invalid', file });
  if (!shaped.ok) return shaped;
  if (kindOf(shaped.value.base) === 'SealedEmergency') {
    const message =
      '`base` is an emergency: each stands on the last approved rollout, and repeats what should stay';
    return failed(problem('rollout_invalid', message, { file }));
  }
  const base = parseSealedRollout(shaped.value.base, `${file}, base`);
  return base.ok ? ok({ ...shaped.value, base: base.value }) : base;
}

/** The bytes that are signed: canonical JSON. */
export function formatEmergencyPayload(payload: EmergencyPayload): Buffer {
  const { base, blocks, ...rest } = payload;
  const value = { ...rest, base: sealedValue(base), blocks: blocks.map((block) => ({ ...block })) };
  return Buffer.from(canonicalJson(value), 'utf8');
}
