/**
 * The form of a match: which requests a slice, an exception or a block is about. The same in YAML
 * sources and in signed JSON. A value that could never match is refused: in `enforce` it would
 * enforce nothing, and nobody would see that.
 */
import { destinationSchema, nameSchema } from '../bundle/manifest.js';
import { METHOD_PATTERN } from '../bundle/names.js';
import {
  CALLER_WILDCARDS_MAX,
  MATCH_VALUES_MAX,
  SPIFFE_ID_BYTES_MAX,
  SPIFFE_TRUST_DOMAIN_BYTES_MAX,
  TENANT_CHARS_MAX,
} from '../constants.js';
import * as shape from '../shape/kinds.js';
import type { Match } from './types.js';

const ANONYMOUS = 'anonymous';
const SCHEME = 'spiffe://';
const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const SEGMENT = /^[A-Za-z0-9._-]+$/;
const SEGMENT_PATTERN = /^[A-Za-z0-9._*-]+$/;
/** What the engine knows besides HTTP methods. */
const OTHER_ACTIONS = new Set(['rpc', 'connect']);

/**
 * What is wrong with a pattern of callers, undefined when nothing is. `anonymous`, or a canonical
 * SPIFFE ID where `*` stands for any part of one segment of the path, and a last segment `**` for
 * any rest.
 */
function callerPatternFault(text: string): string | undefined {
  if (text === ANONYMOUS) return undefined;
  if (!text.startsWith(SCHEME)) {
    return 'must be `anonymous` or a SPIFFE ID, such as `spiffe://example.org/ns/shop/sa/*`';
  }
  if (text.length > SPIFFE_ID_BYTES_MAX) return 'is longer than a SPIFFE ID may be';
  const [trustDomain = '', ...segments] = text.slice(SCHEME.length).split('/');
  if (!isTrustDomain(trustDomain)) {
    return 'must name a whole trust domain: lower-case letters, digits, `.`, `-`, `_`, and no `*`';
  }
  if (segments.slice(0, -1).includes('**')) return 'may have `**` as the last segment only';
  const isSegment = (segment: string) =>
    segment === '**' ||
    (SEGMENT_PATTERN.test(segment) && !segment.includes('**') && !/^\.\.?$/.test(segment));
  if (!segments.every(isSegment)) {
    return 'has a segment that is none: letters, digits, `.`, `-`, `_`, and `*` for any part of it';
  }
  if (text.split('*').length - 1 > CALLER_WILDCARDS_MAX) {
    return `must have at most ${CALLER_WILDCARDS_MAX} \`*\``;
  }
  return undefined;
}

function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text) && text.length <= SPIFFE_TRUST_DOMAIN_BYTES_MAX;
}

const caller = shape.string().superRefine((text, context) => {
  const message = callerPatternFault(text);
  if (message !== undefined) context.addIssue({ message });
});
const namespace = shape
  .string()
  .max(SPIFFE_ID_BYTES_MAX, 'is longer than a SPIFFE ID may be')
  .regex(SEGMENT, 'must be a namespace, such as `shop`: patterns are for `callers`');
const trustDomain = shape.string().refine(isTrustDomain, {
  error: 'must be a trust domain, such as `example.org`: patterns are for `callers`',
});
const tenant = shape
  .string()
  .max(TENANT_CHARS_MAX, `must be at most ${TENANT_CHARS_MAX} characters long`)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}*]+$/u, 'must be plain text: patterns are for `callers`');
const action = shape
  .string()
  .refine((text) => METHOD_PATTERN.test(text) || OTHER_ACTIONS.has(text), {
    error: 'must be a method in upper case, `rpc` or `connect`; for reads and writes see `access`',
  });

const listOf = (value: shape.Shape<string>) =>
  shape
    .array(value)
    .min(1, 'must not be empty: leave the key out for all')
    .max(MATCH_VALUES_MAX, `must have at most ${MATCH_VALUES_MAX} values`)
    .refine((values) => new Set(values).size === values.length, { error: 'names a value twice' })
    .optional();

const share = 'must be a whole number from 1 to 99; for everybody leave `percent` out';

const fields = shape.strictObject({
  callers: listOf(caller),
  namespaces: listOf(namespace),
  trustDomains: listOf(trustDomain),
  tenants: listOf(tenant),
  destinations: listOf(destinationSchema),
  routes: listOf(nameSchema),
  actions: listOf(action),
  access: shape.oneOf(['read', 'write']).optional(),
  percent: shape
    .number()
    .refine((n) => Number.isInteger(n) && n >= 1 && n <= 99, share)
    .optional(),
  unidentified: shape.literal(true).optional(),
});

/** INVARIANT: shapes add no keys, and neither YAML nor JSON has values that are undefined. */
const asMatch = (match: shape.Output<typeof fields>) => match as Match;

/** In `enforce`: the only place for a share of callers, who must be such as can be told apart. */
export const enforcedMatchSchema = fields
  .refine(
    ({ percent, callers }) => percent === undefined || callers?.includes(ANONYMOUS) !== true,
    {
      error: 'never takes anonymous callers: give them a slice of their own',
      path: ['percent'],
    },
  )
  .refine(({ percent, unidentified }) => percent === undefined || unidentified === undefined, {
    error: 'never takes callers whose identity cannot be read: give them a slice of their own',
    path: ['percent'],
  })
  .transform(asMatch);

/** Everywhere else. */
export const matchSchema = fields
  .refine(({ percent }) => percent === undefined, {
    error: 'is for `enforce` only',
    path: ['percent'],
  })
  .transform(asMatch);
