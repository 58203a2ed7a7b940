/**
 * The form of exceptions and blocks, in YAML sources and in signed JSON alike, and the way back from
 * what was read to what is written.
 */
import { plainText, ticketSchema as plainTicket } from '../bundle/built-manifest.js';
import { nameSchema, ownerSchema } from '../bundle/manifest.js';
import { REASON_CHARS_MAX, ROLLOUT_BLOCKS_MAX, ROLLOUT_EXCEPTIONS_MAX } from '../constants.js';
import * as shape from '../shape/kinds.js';
import { matchSchema } from './match-schema.js';
import type { Block, Exception, Match } from './types.js';
import { utcTime } from './utc-time.js';

const isBlank = (text: string) => text.trim() === '';

export const ticketSchema = plainTicket.refine((text) => !isBlank(text), {
  error: 'must not be blank',
});
export const reasonSchema = plainText(REASON_CHARS_MAX).refine((text) => !isBlank(text), {
  error: 'must not be blank',
});

/** `{}` would be everybody, everywhere: no exception, and an outage as a block. */
const narrowMatch = matchSchema.refine((match) => Object.keys(match).length > 0, {
  error: 'must not be empty: name at least one of its keys',
});

const entry = shape.strictObject({
  name: nameSchema,
  ticket: ticketSchema,
  owner: ownerSchema,
  reason: reasonSchema,
  match: narrowMatch,
  from: utcTime,
  until: utcTime,
});

const endsLater = ({ from, until }: shape.Output<typeof entry>) => from < until;
const END_RULE = { error: 'must be later than `from`', path: ['until'] };

function asBlock({ from, until, ...rest }: shape.Output<typeof entry>): Block {
  return { ...rest, fromMs: from, untilMs: until };
}

const blockSchema = entry.refine(endsLater, END_RULE).transform(asBlock);

const exceptionSchema = entry
  .extend({ overrideForbid: shape.boolean().default(false) })
  .refine(endsLater, END_RULE)
  .transform(({ overrideForbid, ...rest }): Exception => ({ ...asBlock(rest), overrideForbid }));

function listOf<T extends { readonly name: string }>(item: shape.Shape<T>, max: number) {
  return shape
    .array(item)
    .max(max, `must have at most ${max} entries`)
    .superRefine((entries, context) => {
      const seen = new Set<string>();
      for (const [i, { name }] of entries.entries()) {
        if (seen.has(name)) {
          const message = `\`${name}\` is there already: names are unique`;
          context.addIssue({ message, path: [i, 'name'] });
        }
        seen.add(name);
      }
    });
}

/** `blocks` of a rollout, and of an emergency. */
export const blocksSchema = listOf(blockSchema, ROLLOUT_BLOCKS_MAX);
export const exceptionsSchema = listOf(exceptionSchema, ROLLOUT_EXCEPTIONS_MAX);

/** A block as documents have it; a type and no interface, so that it counts as JSON. */
export type BlockFields = {
  readonly name: string;
  readonly ticket: string;
  readonly owner: string;
  readonly reason: string;
  readonly match: MatchFields;
  readonly from: string;
  readonly until: string;
};

export type MatchFields = { readonly [key in keyof Match]: Match[key] };

/** What `blockSchema` reads as this block. */
export function blockFields({ fromMs, untilMs, ...block }: Block): BlockFields {
  const { name, ticket, owner, reason, match } = block;
  return { name, ticket, owner, reason, match, from: timeText(fromMs), until: timeText(untilMs) };
}

/** What `exceptionSchema` reads as this exception. */
export function exceptionFields(
  exception: Exception,
): BlockFields & { readonly overrideForbid?: true } {
  return {
    ...blockFields(exception),
    ...(exception.overrideForbid ? { overrideForbid: true } : {}),
  };
}

/** Whole seconds without a fraction, as people write them. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
