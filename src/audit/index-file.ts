/** index.json of an audit folder: what it is about, and the digest of every other file in it. */
import { API_VERSION, digestSchema } from '../bundle/built-manifest.js';
import { bytesDigest } from '../bundle/digest.js';
import { checkJsonShape } from '../bundle/json-shape.js';
import { nameSchema } from '../bundle/manifest.js';
import type { Digest } from '../bundle/types.js';
import { AUDIT_FILES_MAX, READER } from '../constants.js';
import { problem } from '../errors.js';
import { failed, type Result } from '../result.js';
import { exactTime } from '../rollout/document-fields.js';
import * as shape from '../shape/kinds.js';
import { canonicalJson, type JsonValue, parseCanonicalJson } from '../signing/canonical-json.js';

export const AUDIT_INDEX_FILE = 'index.json';
export const EMERGENCIES_FILE = 'emergencies.json';
export const README_FILE = 'README.md';
export const CHANGES_FILE = 'logs/changes.ndjson';
export const RUNS_FILE = 'runs.json';
export const EXCEPTIONS_FILE = 'exceptions.json';
/** What every audit folder has besides its index, documents and versions of trust.yaml. */
export const AUDIT_FILES: readonly string[] = [
  ...[README_FILE, CHANGES_FILE, RUNS_FILE, EXCEPTIONS_FILE, EMERGENCIES_FILE],
];
/** Raised with a change of the format that this reader would misread. */
const WRITTEN_FOR_READER = 1;

/** Nothing that could lead out of the folder, or be hidden in a listing. */
const PATH = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;

const schema = shape.strictObject({
  apiVersion: shape.literal(API_VERSION),
  kind: shape.literal('AuditExport'),
  minReader: shape.int().min(1, 'must be at least 1'),
  from: exactTime,
  to: exactTime,
  rollouts: shape.array(shape.strictObject({ environment: nameSchema, name: nameSchema })),
  /** Versions of trust.yaml, oldest first. */
  trust: shape.array(
    shape.strictObject({
      digest: digestSchema,
      /** When it was committed; null = not known. */
      since: exactTime.nullable(),
      /** The one that was in the repository when the folder was made. */
      present: shape.boolean(),
    }),
  ),
  /** What whoever made the folder was told: versions that are missing, lines not read. */
  notes: shape.array(shape.string()),
  /** What did not hold when it was made. */
  problems: shape.array(shape.string()),
  files: shape
    .record(shape.string(), digestSchema)
    .transform((files) => new Map<string, Digest>(Object.entries(files)))
    .refine(({ size }) => size <= AUDIT_FILES_MAX, `must be at most ${AUDIT_FILES_MAX}`)
    .refine(
      (files) => [...files.keys()].every((path) => PATH.test(path)),
      'must be files in the folder',
    )
    .refine((files) => !files.has(AUDIT_INDEX_FILE), 'must not name index.json itself'),
});

export type AuditIndex = shape.Output<typeof schema>;

export interface AuditFacts
  extends Omit<AuditIndex, 'apiVersion' | 'kind' | 'minReader' | 'files'> {}

/** Canonical JSON: the same facts and files give the same bytes. */
export function formatIndex(facts: AuditFacts, files: ReadonlyMap<string, Uint8Array>): Buffer {
  const { from, to, rollouts, trust, notes, problems } = facts;
  const value: JsonValue = {
    apiVersion: API_VERSION,
    kind: 'AuditExport',
    minReader: WRITTEN_FOR_READER,
    from: timeOf(from),
    to: timeOf(to),
    rollouts: rollouts.map(({ environment, name }) => ({ environment, name })),
    trust: trust.map(({ digest, since, present }) => {
      return { digest, since: since === null ? null : timeOf(since), present };
    }),
    ...{ notes, problems },
    files: Object.fromEntries([...files].map(([path, bytes]) => [path, bytesDigest(bytes)])),
  };
  return Buffer.from(canonicalJson(value), 'utf8');
}

/** Problem codes: `json_not_canonical`, `reader_too_old`, `audit_altered`. */
export function parseIndex(bytes: Uint8Array): Result<AuditIndex> {
  const file = AUDIT_INDEX_FILE;
  const json = parseCanonicalJson(bytes, file);
  if (!json.ok) return json;
  // Before the shape: a later format may have fields that are unknown here.
  const needed = (json.value as { readonly minReader?: JsonValue } | null)?.minReader;
  if (typeof needed === 'number' && needed > READER) {
    const message = `the folder needs a reader of formats ${needed}; this one reads ${READER}`;
    return failed(problem('reader_too_old', message, { file }));
  }
  return checkJsonShape(json.value, schema, { code: 'audit_altered', file });
}

/** Where the version of trust.yaml with this digest is. */
export function trustPath(digest: Digest): string {
  return `trust/${digest.replace('sha256:', '')}.yaml`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
