/**
 * The form of a rollout's source. What its parts say about each other is checked in source-check.ts.
 */
import { API_VERSION } from '../bundle/built-manifest.js';
import { destinationSchema, nameSchema, ownerSchema, versionSchema } from '../bundle/manifest.js';
import { ROLLOUT_DESTINATIONS_MAX } from '../constants.js';
import * as shape from '../shape/kinds.js';
import { blocksSchema, exceptionsSchema, reasonSchema, ticketSchema } from './entries-schema.js';
import { enforcedMatchSchema, matchSchema } from './match-schema.js';
import type { BundleRef, RolloutDestination } from './types.js';
import { utcDay } from './utc-time.js';

/**
 * Words of change management, for reports: `standard` was agreed on once for every change of its
 * kind, `normal` for this one, `emergency-review` takes over what an emergency did. Rules do not
 * depend on it.
 */
export const CHANGE_TYPES = ['normal', 'standard', 'emergency-review'] as const;

/** `NAME@VERSION`; undefined when it is none. */
export function parseBundleRef(text: string): BundleRef | undefined {
  const [name, version, ...rest] = text.split('@');
  if (rest.length > 0) return undefined;
  const parsed = shape
    .object({ name: nameSchema, version: versionSchema })
    .safeParse({ name, version });
  return parsed.success ? parsed.data : undefined;
}

export function bundleRefText({ name, version }: BundleRef): string {
  return `${name}@${version}`;
}

const bundleRef = shape.string().transform((text, context): BundleRef => {
  const ref = parseBundleRef(text);
  if (ref !== undefined) return ref;
  const message = 'must be `NAME@VERSION`, such as `payments@2026.11.3`';
  context.addIssue({ message });
  return shape.NEVER;
});

const destination = shape
  .strictObject({
    service: destinationSchema,
    onFault: shape.oneOf(['fail', 'allow', 'deny']).default('fail'),
    requireLog: shape.boolean().default(false),
  })
  .transform((value): RolloutDestination => value);

/** A list that may be left out, and may be a key whose entries are all commented out. */
function optionalList<T>(list: shape.Shape<T[]>) {
  return list.nullish().transform((value): readonly T[] => value ?? []);
}

const enforced = shape.strictObject({ name: nameSchema, match: enforcedMatchSchema });
const held = shape.strictObject({ name: nameSchema, match: matchSchema });

export const sourceSchema = shape.strictObject({
  apiVersion: shape.literal(API_VERSION),
  kind: shape.literal('PolicyRollout'),
  name: nameSchema,
  environment: nameSchema,
  destinations: shape
    .array(destination)
    .min(1, 'must not be empty')
    .max(ROLLOUT_DESTINATIONS_MAX, `must have at most ${ROLLOUT_DESTINATIONS_MAX} entries`),
  change: shape.strictObject({
    type: shape.oneOf(CHANGE_TYPES),
    ticket: ticketSchema,
    owner: ownerSchema,
    reason: reasonSchema,
    reviewBy: utcDay,
  }),
  bundle: bundleRef,
  candidate: bundleRef.optional(),
  enforce: optionalList(shape.array(enforced)),
  hold: optionalList(shape.array(held)),
  exceptions: optionalList(exceptionsSchema),
  blocks: optionalList(blocksSchema),
});

export type SourceFile = shape.Output<typeof sourceSchema>;
