/**
 * manifest.json of a built bundle: what it is, and the sha256 of every file in it. Its bytes are what
 * is signed, and their sha256 is the bundle's digest, so there is exactly one way to write it.
 */
import { BUILT_MANIFEST_BYTES_MAX, READER } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { canonicalJson, type JsonValue, parseCanonicalJson } from '../signing/canonical-json.js';
import { bytesDigest } from './digest.js';
import { checkJsonShape } from './json-shape.js';
import { nameSchema, ownerSchema, scopeSchema, versionSchema } from './manifest.js';
import { BUILT_MANIFEST_FILE, fileRole, INDEX_FILE, unpackedTestName } from './names.js';
import { nameFault } from './tar-header.js';
import type { BundleManifest, Digest } from './types.js';

/** What the signatures of a bundle sign: DSSE's payload type. */
export const BUNDLE_PAYLOAD_TYPE = 'application/vnd.cedargate.bundle.v1+json';
export const API_VERSION = 'cedargate.dev/v1';
/** Raised with every change of the formats that an older program would misread. */
const WRITTEN_FOR_READER = 1;

const TICKET_CHARS_MAX = 128;
const URL_CHARS_MAX = 2_048;
const SUMMARY_CHARS_MAX = 500;
const VERSION_CHARS_MAX = 64;

/** Why the bundle was built; whatever was not said is absent. */
export interface BundleChange {
  readonly ticket?: string | undefined;
  readonly url?: string | undefined;
  readonly summary?: string | undefined;
}

export interface BuiltManifest
  extends Pick<BundleManifest, 'name' | 'version' | 'owner' | 'scope'> {
  /** RFC 3339, UTC, with milliseconds. Signatures are judged as of this time. */
  readonly createdAt: string;
  readonly change: BundleChange;
  /** 0 and 0 without tests. */
  readonly tests: {
    readonly passed: number;
    /** Policies that decided at least one test, in percent, rounded down. */
    readonly coverage: number;
  };
  /** The engine that validated the policies when the bundle was built. */
  readonly cedar: { readonly sdk: string; readonly language: string };
  readonly minReader: number;
  /** Every file but manifest.json and signatures.json, by its name in the archive. */
  readonly files: ReadonlyMap<string, Digest>;
}

/** One line of text that hides nothing from a reader. */
export const plainText = (max: number) =>
  shape
    .string()
    .min(1, 'must not be empty')
    .max(max, `must be at most ${max} characters long`)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'must be one line of text without control characters');

export const ticketSchema = plainText(TICKET_CHARS_MAX);

/** What `--change-ticket` and its like may say; reports show it, so it is one line of text. */
export const changeSchema = shape.strictObject({
  ticket: ticketSchema.optional(),
  url: plainText(URL_CHARS_MAX)
    .regex(/^https?:\/\/[^\s"'<>`\\]+$/, 'must be an http or https URL')
    .optional(),
  summary: plainText(SUMMARY_CHARS_MAX).optional(),
});

export const digestSchema = shape
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'must be `sha256:` and 64 lower-case hexadecimal digits')
  .typed<Digest>();

const filesSchema = shape
  .record(shape.string(), digestSchema)
  .transform((files) => new Map<string, Digest>(Object.entries(files)))
  .superRefine((files, context) => {
    for (const name of files.keys()) {
      if (isBundleFile(name)) continue;
      context.addIssue({ message: 'has no part in a bundle', path: [name] });
    }
    if (!files.has(INDEX_FILE)) {
      context.addIssue({ message: `does not list \`${INDEX_FILE}\`` });
    }
  });

const manifestSchema = shape.strictObject({
  apiVersion: shape.literal(API_VERSION),
  kind: shape.literal('Bundle'),
  name: nameSchema,
  version: versionSchema,
  createdAt: shape.string().refine(isTimestamp, {
    error: 'must be a time in UTC with milliseconds: 2026-11-03T09:30:00.000Z',
  }),
  owner: ownerSchema,
  change: changeSchema,
  scope: scopeSchema.optional(),
  tests: shape.strictObject({
    passed: shape.int().min(0, 'must not be negative'),
    coverage: shape.int().min(0, 'must not be negative').max(100, 'must be at most 100'),
  }),
  cedar: shape.strictObject({
    sdk: plainText(VERSION_CHARS_MAX),
    language: plainText(VERSION_CHARS_MAX),
  }),
  minReader: shape.int().min(1, 'must be at least 1'),
  files: filesSchema,
});

/** Problem codes: `json_not_canonical`, `reader_too_old`, `built_manifest_invalid`. */
export function parseBuiltManifest(bytes: Uint8Array): Result<BuiltManifest> {
  const file = BUILT_MANIFEST_FILE;
  if (bytes.length > BUILT_MANIFEST_BYTES_MAX) {
    const message = `the file has more than ${BUILT_MANIFEST_BYTES_MAX} bytes`;
    return failed(problem('built_manifest_invalid', message, { file }));
  }
  const json = parseCanonicalJson(bytes, file);
  if (!json.ok) return json;
  // Before the shape: a later format may have fields that are unknown here.
  const needed = (json.value as { readonly minReader?: JsonValue } | null)?.minReader;
  if (typeof needed === 'number' && needed > READER) {
    const message = `the bundle needs a reader of formats ${needed}; this one reads ${READER}`;
    return failed(problem('reader_too_old', message, { file }));
  }
  const shaped = checkJsonShape(json.value, manifestSchema, {
    code: 'built_manifest_invalid',
    file,
  });
  if (!shaped.ok) return shaped;
  const { apiVersion: _, kind: __, ...manifest } = shaped.value;
  return ok({ ...manifest, scope: manifest.scope });
}

/** INVARIANT: parseBuiltManifest gives the same manifest back. */
export function formatBuiltManifest(manifest: BuiltManifest): Buffer {
  const { change, scope, files, ...rest } = manifest;
  const value = {
    apiVersion: API_VERSION,
    kind: 'Bundle',
    ...rest,
    change: withoutAbsent(change),
    files: Object.fromEntries(files),
    ...(scope === undefined ? {} : { scope }),
  };
  return Buffer.from(canonicalJson(value), 'utf8');
}

export function newManifest(facts: Omit<BuiltManifest, 'minReader'>): BuiltManifest {
  return { ...facts, minReader: WRITTEN_FOR_READER };
}

/** A bundle's digest: that of the bytes of its manifest. */
export function bundleDigest(manifestBytes: Uint8Array): Digest {
  return bytesDigest(manifestBytes);
}

function withoutAbsent(change: BundleChange): { readonly [key: string]: string } {
  const said = Object.entries(change).filter((e): e is [string, string] => e[1] !== undefined);
  return Object.fromEntries(said);
}

/** What a built bundle may hold beside manifest.json and signatures.json. */
function isBundleFile(name: string): boolean {
  if (nameFault(name) !== undefined) return false;
  return name === INDEX_FILE || fileRole(name) === 'source' || unpackedTestName(name) !== undefined;
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function isTimestamp(text: string): boolean {
  const time = TIMESTAMP.test(text) ? new Date(text) : undefined;
  return time !== undefined && !Number.isNaN(time.getTime()) && time.toISOString() === text;
}
