/** The shape of trust.yaml. What its parts say about each other is checked in trust-check.ts. */
import { z } from 'zod';
import { NAME_PATTERN, NAME_RULE } from '../bundle/names.js';
import { KEY_FILE_BYTES_MAX, TRUST_ENTRIES_MAX } from '../constants.js';
import { duration, utcTime } from './utc-time.js';

const TEXT_CHARS_MAX = 256;
/** `shop/payments`, `shop/*`, `*-test/*`, `**`. */
const DESTINATION_GLOB = /^(\*\*|[a-z0-9*-]{1,63}\/(\*\*|[a-z0-9*-]{1,63}))$/;
const CALLER_GLOB = /^(anonymous|spiffe:\/\/[A-Za-z0-9._*/-]{1,2000})$/;

const name = z.string().regex(NAME_PATTERN, NAME_RULE);
const text = z
  .string()
  .max(TEXT_CHARS_MAX, `must be at most ${TEXT_CHARS_MAX} characters long`)
  .regex(/^[^\p{C}]+$/u, 'must be text without control characters, and not empty')
  .refine((value) => value.trim() !== '', { error: 'must not be blank' });
const email = text.regex(/^[^\s@]+@[^\s@]+$/, 'must be an address such as `ada@example.org`');
const count = z
  .number()
  .min(1, 'must be at least 1')
  .refine(Number.isSafeInteger, { error: 'must be a whole number' });
const share = z.number().min(0, 'must be 0 to 1').max(1, 'must be 0 to 1');

const unique = (values: readonly string[]) => new Set(values).size === values.length;
const names = z
  .array(name)
  .max(TRUST_ENTRIES_MAX, `must be at most ${TRUST_ENTRIES_MAX}`)
  .refine(unique, { error: 'names the same twice' });

/** Keys of the map are names; trust-check.ts sees to that, with the place of the key. */
const mapOf = <T extends z.ZodType>(value: T) =>
  z.record(z.string(), value).refine((map) => Object.keys(map).length <= TRUST_ENTRIES_MAX, {
    error: `must have at most ${TRUST_ENTRIES_MAX} entries`,
  });

const role = z.strictObject({ people: names.min(1, 'must not be empty'), threshold: count });

const gate = z
  .strictObject({
    minDuration: duration.optional(),
    minChecks: count.optional(),
    expectedCallers: z
      .array(z.string().regex(CALLER_GLOB, 'must be a SPIFFE ID, with `*`, or `anonymous`'))
      .optional(),
    maxErrorShare: share.optional(),
    maxAnonymousShare: share.optional(),
    maxP99Ms: z.number().positive('must be above 0').optional(),
  })
  .refine((value) => Object.keys(value).length > 0, { error: 'must not be empty' });

const ticketPattern = z
  .string()
  .min(1, 'must not be empty')
  .max(TEXT_CHARS_MAX, `must be at most ${TEXT_CHARS_MAX} characters long`)
  .refine(compiles, { error: 'must be a regular expression' });

const ticketUrl = text.regex(
  /^https?:\/\/[^\s{}]*\{ticket\}[^\s{}]*$/,
  'must be a URL with `{ticket}` in it',
);

export const trustSchema = z.strictObject({
  people: mapOf(z.strictObject({ name: text, email, keys: names })),
  keys: mapOf(
    z.strictObject({
      public: z
        .string()
        .max(KEY_FILE_BYTES_MAX, `must be at most ${KEY_FILE_BYTES_MAX} characters long`),
      from: utcTime,
      until: utcTime.optional(),
      retired: utcTime.optional(),
    }),
  ),
  roles: z.strictObject({
    bundleSigner: role,
    author: role.optional(),
    approver: role.optional(),
    emergency: role.optional(),
  }),
  thresholds: z.strictObject({ low: count, high: count }).optional(),
  destinations: z
    .array(
      z.strictObject({
        match: z
          .string()
          .regex(DESTINATION_GLOB, 'must be `<namespace>/<name>`, where `*` may stand, or `**`'),
        impact: z.enum(['low', 'high']),
        tier: name.optional(),
        approvers: names.min(1, 'must not be empty').optional(),
        threshold: count.optional(),
      }),
    )
    .max(TRUST_ENTRIES_MAX, `must be at most ${TRUST_ENTRIES_MAX}`)
    .optional(),
  environments: z
    .array(z.strictObject({ name, after: name.optional(), soak: duration.optional() }))
    .max(TRUST_ENTRIES_MAX, `must be at most ${TRUST_ENTRIES_MAX}`)
    .optional(),
  gates: mapOf(gate).optional(),
  limits: z
    .strictObject({
      maxException: duration.optional(),
      maxBlock: duration.optional(),
      reconcileWithin: duration.optional(),
      ticketPattern: ticketPattern.optional(),
      ticketUrl: ticketUrl.optional(),
    })
    .default({}),
  refuseExpired: z.boolean().default(false),
});

/** trust.yaml as it is written; times and durations are milliseconds. */
export type TrustFile = z.infer<typeof trustSchema>;

function compiles(pattern: string): boolean {
  try {
    // Alone: `a)|(?:b` would become one between the brackets that limits.ts puts around it.
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
}
