/**
 * The evidence of a rollout, `0042.evidence.json` beside the document that has its digest: who was
 * seen to call, by decision logs, in the slices that it enforces anew. It is for people, and for the
 * rules of change: a sidecar never reads it.
 */
import { API_VERSION } from '../bundle/built-manifest.js';
import { readJson } from '../bundle/json.js';
import { checkJsonShape } from '../bundle/json-shape.js';
import { nameSchema } from '../bundle/manifest.js';
import { PERCENT_KNOWN_CALLERS_MIN, SPIFFE_ID_BYTES_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import type { Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { canonicalJson } from '../signing/canonical-json.js';
import { exactTime, timeText } from './document-fields.js';
import { enforcedMatchSchema } from './match-schema.js';
import { setText } from './set-text.js';
import type { Match, RolloutSource, Slice } from './types.js';

const count = shape.int().min(0, 'must not be negative');

const evidenceSchema = shape.strictObject({
  apiVersion: shape.literal(API_VERSION),
  kind: shape.literal('Evidence'),
  environment: nameSchema,
  name: nameSchema,
  logs: shape.array(shape.strictObject({ name: shape.string(), lines: count })),
  lines: shape.strictObject({
    counted: count,
    elsewhere: count,
    other: count,
    bad: count,
  }),
  from: exactTime.nullable(),
  to: exactTime.nullable(),
  slices: shape.array(
    shape.strictObject({
      name: nameSchema,
      match: enforcedMatchSchema,
      requests: count,
      callers: shape.array(
        shape.strictObject({
          caller: shape.string().max(SPIFFE_ID_BYTES_MAX, 'is longer than a SPIFFE ID may be'),
          requests: count,
          inside: shape.boolean(),
        }),
      ),
    }),
  ),
});

/** As it is read: times are milliseconds since 1970. */
export type Evidence = shape.Output<typeof evidenceSchema>;
export type SliceEvidence = Evidence['slices'][number];

/** What logs say before anybody knows whom a percentage takes. */
export interface SeenTraffic extends Pick<Evidence, 'logs' | 'lines'> {
  /** Of the first and the last line that counted. */
  readonly span: { readonly fromMs: number; readonly toMs: number } | undefined;
  readonly slices: readonly SeenSlice[];
}

export interface SeenSlice {
  readonly slice: Slice;
  /** All of them, also those of callers that are not told apart. */
  readonly requests: number;
  /** Most requests first. */
  readonly callers: readonly { readonly caller: string; readonly requests: number }[];
}

/** Caller -> its number for percentages, by the seed of the document. */
export type BucketOf = (caller: string) => number;

/** Problem codes: `not_utf8`, `json_invalid`, `evidence_altered`. */
export function parseEvidence(bytes: Uint8Array, file: string): Result<Evidence> {
  const json = readJson(file, bytes);
  if (!json.ok) return json;
  return checkJsonShape(json.value, evidenceSchema, { code: 'evidence_altered', file });
}

/** The bytes whose digest the document has. */
export function formatEvidence(
  { name, environment }: Pick<RolloutSource, 'name' | 'environment'>,
  { logs, lines, span, slices }: SeenTraffic,
  bucketOf: BucketOf,
): Buffer {
  const text = canonicalJson({
    apiVersion: API_VERSION,
    kind: 'Evidence',
    ...{ environment, name, logs, lines },
    from: span === undefined ? null : timeText(span.fromMs),
    to: span === undefined ? null : timeText(span.toMs),
    slices: slices.map(({ slice, requests, callers }) => ({
      name: slice.name,
      match: { ...slice.match },
      requests,
      callers: callers.map((each) => ({
        ...each,
        inside: isInside(slice.match, each.caller, bucketOf),
      })),
    })),
  });
  return Buffer.from(text, 'utf8');
}

/** Callers of the list are in the slice but, perhaps, for its percentage. */
function isInside({ percent }: Match, caller: string, bucketOf: BucketOf): boolean {
  return percent === undefined || bucketOf(caller) < percent;
}

/** Slices that evidence is gathered for: percentages, and what is enforced anew. */
export function slicesToSee(
  { enforce }: Pick<RolloutSource, 'enforce'>,
  before: Pick<RolloutSource, 'enforce'> | undefined,
): readonly Slice[] {
  return enforce.filter(({ name, match }) => {
    return match.percent !== undefined || setText(matchOf(name, before)) !== setText(match);
  });
}

/**
 * Percentages that are new, that grow or that are of others than before: nobody can say what such a
 * slice does without knowing who calls. One that shrinks is a way back, and needs nothing.
 */
export function slicesToProve(
  { enforce }: Pick<RolloutSource, 'enforce'>,
  before: Pick<RolloutSource, 'enforce'> | undefined,
): readonly Slice[] {
  return enforce.filter(({ name, match }) => {
    if (match.percent === undefined) return false;
    const was = matchOf(name, before);
    const { percent = 100, ...others } = was ?? {};
    const { percent: _, ...own } = match;
    return was === undefined || setText(others) !== setText(own) || percent < match.percent;
  });
}

function matchOf(
  name: string,
  source: Pick<RolloutSource, 'enforce'> | undefined,
): Match | undefined {
  return source?.enforce.find((slice) => slice.name === name)?.match;
}

/** What a document says of itself that its evidence must say too. */
export interface Proven {
  readonly source: Pick<RolloutSource, 'name' | 'environment' | 'enforce'>;
  readonly bucketOf: BucketOf;
  /** What `slicesToProve` said. */
  readonly slices: readonly Slice[];
}

/**
 * Why the evidence does not speak for the document. Problem codes: `evidence_altered` for what it
 * contradicts, `callers_too_few`.
 */
export function evidenceProblems(evidence: Evidence, proven: Proven, file: string): Problem[] {
  const { source, bucketOf } = proven;
  const wrong = (message: string) => problem('evidence_altered', message, { file });
  const { name, environment } = evidence;
  if (name !== source.name || environment !== source.environment) {
    return [wrong(`it is about \`${name}\` in \`${environment}\``)];
  }
  const stray = evidence.slices.flatMap((seen): Problem[] => {
    const match = matchOf(seen.name, source);
    if (match === undefined || setText(match) !== setText(seen.match)) {
      return [wrong(`its slice \`${seen.name}\` is not that of the document`)];
    }
    const names = new Set(seen.callers.map(({ caller }) => caller));
    if (names.size < seen.callers.length) {
      return [wrong(`its slice \`${seen.name}\` names a caller twice`)];
    }
    const other = seen.callers.find(
      ({ caller, inside }) => inside !== isInside(match, caller, bucketOf),
    );
    if (other === undefined) return [];
    const place = other.inside ? 'inside' : 'outside';
    return [wrong(`\`${other.caller}\` is not ${place} of slice \`${seen.name}\``)];
  });
  if (stray.length > 0) return stray;
  return proven.slices.flatMap((slice) => {
    const seen = evidence.slices.find((each) => each.name === slice.name);
    if (seen === undefined) return [wrong(`it does not say who calls in slice \`${slice.name}\``)];
    return tooFew(slice, seen, file);
  });
}

function tooFew({ name, match }: Slice, { callers }: SliceEvidence, file: string): Problem[] {
  if (callers.length >= PERCENT_KNOWN_CALLERS_MIN) return [];
  const known = callers.length === 1 ? '1 caller is' : `${callers.length} callers are`;
  const message = `${known} known in slice \`${name}\`, and ${match.percent} % wants ${PERCENT_KNOWN_CALLERS_MIN} at least`;
  return [problem('callers_too_few', message, { file })];
}

/** What no document may be without. Problem code: `evidence_missing`. */
export function missingEvidence(slices: readonly Slice[], file: string): Problem[] {
  return slices.map(({ name, match }) => {
    const message = `slice \`${name}\` enforces ${match.percent} % of callers, and nobody has shown who calls`;
    return problem('evidence_missing', message, { file });
  });
}
