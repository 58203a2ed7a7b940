/** Names: of things inside a bundle, and of the files that make one. */

/** Bundles, routes and the two parts of a destination (formats.md, 1). */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const NAME_RULE = 'must be 1 to 63 lower-case letters, digits and `-`, not `-` first';

/** HTTP methods: upper case, as clients send them. */
export const METHOD_PATTERN = /^[A-Z][A-Z-]{0,31}$/;

export const MANIFEST_FILE = 'bundle.yaml';
export const ROUTES_FILE = 'routes.yaml';
export const SCHEMA_FILE = 'schema.cedarschema';
export const ENTITIES_FILE = 'entities.json';

/** What `bundle build` adds to the sources. */
export const BUILT_MANIFEST_FILE = 'manifest.json';
export const INDEX_FILE = 'index.json';
export const SIGNATURES_FILE = 'signatures.json';

const POLICY_FILE = /^.+\.cedar$/s;
const ENVIRONMENT_ENTITIES_FILE = /^entities\.([A-Za-z0-9][A-Za-z0-9_-]*)\.json$/;
const FIXED_FILES = new Set([MANIFEST_FILE, ROUTES_FILE, SCHEMA_FILE, ENTITIES_FILE]);

/** Control, format (bidirectional), separator and private characters: they deceive a reader. */
const NOT_PLAIN = /[\p{C}\p{Zl}\p{Zp}]/u;
const ALL_NOT_PLAIN = new RegExp(NOT_PLAIN, 'gu');

/** What a directory entry means to a bundle: part of it, left out by rule, or left out and told. */
export type FileRole = 'source' | 'silent' | 'ignored';

export function fileRole(name: string): FileRole {
  if (name.startsWith('.') || name === 'tests') return 'silent';
  if (FIXED_FILES.has(name) || isPolicyFile(name)) return 'source';
  return ENVIRONMENT_ENTITIES_FILE.test(name) ? 'source' : 'ignored';
}

export function isPolicyFile(name: string): boolean {
  return POLICY_FILE.test(name);
}

export function environmentEntitiesFile(environment: string): string {
  return `entities.${environment}.json`;
}

const PACKED_TEST = /^tests\.[^.].*\.(json|yaml)$/s;

/** A built bundle has no folders: `tests/x.yaml` is `tests.x.yaml` there. No source is called so. */
export function packedName(name: string): string {
  return name.replace(/^tests\//, 'tests.');
}

/** The other way; undefined for a file that is no test. */
export function unpackedTestName(name: string): string | undefined {
  return PACKED_TEST.test(name) ? name.replace(/^tests\./, 'tests/') : undefined;
}

/** `production` of `entities.production.json`; undefined for any other file. */
export function environmentOfFile(name: string): string | undefined {
  return ENVIRONMENT_ENTITIES_FILE.exec(name)?.[1];
}

export interface FileName {
  /** Not to be shown: see `shown`. */
  readonly text: string;
  /** For messages and logs. */
  readonly shown: string;
  /** The bytes are this text exactly, and nothing in it is hidden from a reader. */
  readonly plain: boolean;
}

export function decodeFileName(bytes: Uint8Array): FileName {
  const text = Buffer.from(bytes).toString('utf8');
  const exact = Buffer.from(text, 'utf8').equals(bytes);
  return { text, shown: escapeName(text), plain: exact && !NOT_PLAIN.test(text) };
}

/** What cannot be seen is written as `\u{..}`. */
export function escapeName(text: string): string {
  return text.replace(ALL_NOT_PLAIN, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);
}

/** Order of names in digests: by their UTF-8 bytes (JavaScript's own order differs beyond U+FFFF). */
export function compareBytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
