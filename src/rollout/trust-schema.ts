/** The shape of trust.yaml. What its parts say about each other is checked in trust-check.ts. */
import { NAME_PATTERN, NAME_RULE } from '../bundle/names.js';
import { KEY_FILE_BYTES_MAX, TRUST_ENTRIES_MAX } from '../constants.js';
import * as shape from '../shape/kinds.js';
import { duration, utcTime } from './utc-time.js';

const TEXT_CHARS_MAX = 256;
/** `shop/payments`, `shop/*`, `*-test/*`, `**`. */
const DESTINATION_GLOB = /^(\*\*|[a-z0-9*-]{1,63}\/(\*\*|[a-z0-9*-]{1,63}))$/;
const CALLER_GLOB = /^(anonymous|spiffe:\/\/[A-Za-z0-9._*/-]{1,2000})$/;

const name = shape.string().regex(NAME_PATTERN, NAME_RULE);
const text = shape
  .string()
  .max(TEXT_CHARS_MAX, `must be at most ${TEXT_CHARS_MAX} characters long`)
  .regex(/^[^\p{C}]+$/u, 'must be text without control characters, and not empty')
  .refine((value) => value.trim() !== '', { error: 'must not be blank' });
const email = text.regex(/^[^\s@]+@[^\s@]+$/, 'must be an address such as `ada@example.org`');
const count = shape
  .number()
  .min(1, 'must be at least 1')
  .refine(Number.isSafeInteger, { error: 'must be a whole number' });
const share = shape.number().min(0, 'must be 0 to 1').max(1, 'must be 0 to 1');

const unique = (values: readonly string[]) => new Set(values).size === values.length;
const names = shape
  .array(name)
  .max(TRUST_ENTRIES_MAX, `must be at most ${TRUST_ENTRIES_MAX}`)
  .refine(unique, { error: 'names the same twice' });

/** Keys of the map are names; trust-check.ts sees to that, with the place of the key. */
const mapOf = <T extends shape.AnyShape>(value: T) =>
  shape
    .record(shape.string(), value)
    .refine((map) => Object.keys(map).length <= TRUST_ENTRIES_MAX, {
      error: `must have at most ${TRUST_ENTRIES_MAX} entries`,
    });

const role = shape.strictObject({ people: names.min(1, 'must not be empty'), threshold: count });

const gate = shape
  .strictObject({
    minDuration: duration.optional(),
    minChecks: count.optional(),
    expectedCallers: shape
      .array(shape.string().regex(CALLER_GLOB, 'must be a SPIFFE ID, with `*`, or `anonymous`'))
      .optional(),
    maxErrorShare: share.optional(),
    maxAnonymousShare: share.optional(),
    maxP99Ms: shape.number().positive('must be above 0').optional(),
  })
  .refine((value) => Object.keys(value).length > 0, { error: 'must not be empty' });

const ticketPattern = shape
  .string()
  .min(1, 'must not be empty')
  .max(TEXT_CHARS_MAX, `must be at most ${TEXT_CHARS_MAX} characters long`)
  .refine(compiles, { error: 'must be a regular expression' });

const ticketUrl = text.regex(
  /^https?:\/\/[^\s{}]*\{ticket\}[^\s{}]*$/,
  'must be a URL with `{ticket}` in it',
);

export const trustSchema = shape.strictObject({
  people: mapOf(shape.strictObject({ name: text, email, keys: names })),
  keys: mapOf(
    shape.strictObject({
      public: shape
        .string()
        .max(KEY_FILE_BYTES_MAX, `must be at most ${KEY_FILE_BYTES_MAX} characters long`),
      from: utcTime,
      until: utcTime.optional(),
      retired: utcTime.optional(),
    }),
  ),
  roles: shape.strictObject({
    bundleSigner: role,
    author: role.optional(),
    approver: role.optional(),
    emergency: role.optional(),
  }),
  thresholds: shape.strictObject({ low: count, high: count }).optional(),
  destinations: shape
    .array(
      shape.strictObject({
        match: shape
          .string()
          .regex(DESTINATION_GLOB, 'must be `<namespace>/<name>`, where `*` may stand, or `**`'),
        impact: shape.oneOf(['low', 'high']),
        tier: name.optional(),
        approvers: names.min(1, 'must not be empty').optional(),
        threshold: count.optional(),
      }),
    )
    .max(TRUST_ENTRIES_MAX, `must be at most ${TRUST_ENTRIES_MAX}`)
    .optional(),
  environments: shape
    .array(shape.strictObject({ name, after: name.optional(), soak: duration.optional() }))
    .max(TRUST_ENTRIES_MAX, `must be at most ${TRUST_ENTRIES_MAX}`)
    .optional(),
  gates: mapOf(gate).optional(),
  limits: shape
    .strictObject({
      maxException: duration.optional(),
      maxBlock: duration.optional(),
      reconcileWithin: duration.optional(),
      ticketPattern: ticketPattern.optional(),
      ticketUrl: ticketUrl.optional(),
    })
    .default({}),
  refuseExpired: shape.boolean().default(false),
});

/** trust.yaml as it is written; times and durations are milliseconds. */
export type TrustFile = shape.Output<typeof trustSchema>;

function compiles(pattern: string): boolean {
  try {
    // Alone: `a)|(?:b` would become one between the brackets that limits.ts puts around it.
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
}
