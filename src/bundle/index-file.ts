/**
 * index.json of a built bundle: where each policy stands in its file, what its scope asks and what it
 * reads, so that a start need not parse and validate. Never a second form of a policy: what is
 * evaluated is the text of the file, cut by the range here.
 */
import { POLICY_ID } from '../cedar/policies.js';
import { skipBlank } from '../cedar/tokens.js';
import type { PolicySource } from '../cedar/types.js';
import { type Problem, problem } from '../errors.js';
import { failed, type Result } from '../result.js';
import * as shape from '../shape/kinds.js';
import { canonicalJson, type JsonValue, parseCanonicalJson } from '../signing/canonical-json.js';
import { API_VERSION } from './built-manifest.js';
import { checkJsonShape } from './json-shape.js';
import { INDEX_FILE } from './names.js';
import { cutPolicies } from './policy-ranges.js';

const uid = shape.strictObject({ type: shape.string(), id: shape.string() });

const entityTest = shape.discriminatedUnion('kind', {
  any: shape.strictObject({ kind: shape.literal('any') }),
  equals: shape.strictObject({ kind: shape.literal('equals'), uid }),
  in: shape.strictObject({ kind: shape.literal('in'), uid }),
  is: shape.strictObject({ kind: shape.literal('is'), type: shape.string(), in: uid.optional() }),
});

const actionTest = shape.discriminatedUnion('kind', {
  any: shape.strictObject({ kind: shape.literal('any') }),
  equals: shape.strictObject({ kind: shape.literal('equals'), action: shape.string() }),
  in: shape.strictObject({ kind: shape.literal('in'), actions: shape.array(shape.string()) }),
});

const offset = shape.int().min(0, 'must not be negative');

const policySchema = shape.strictObject({
  id: shape.string().regex(POLICY_ID, 'has a form that is not allowed'),
  effect: shape.oneOf(['permit', 'forbid']),
  owner: shape.string(),
  description: shape.string(),
  file: shape.string(),
  line: shape.int(),
  /** Bytes of the file, as it is in the archive, where the policy begins and where it has ended. */
  start: offset,
  end: offset,
  scope: shape.strictObject({ principal: entityTest, action: actionTest, resource: entityTest }),
  reads: shape.strictObject({
    context: shape.array(shape.string()),
    uses: shape
      .array(
        shape.strictObject({
          path: shape.array(shape.string()),
          value: shape.boolean().optional(),
          equals: shape.array(shape.string()).optional(),
          like: shape.array(shape.array(shape.string()).min(1)).optional(),
        }),
      )
      .optional(),
    attributes: shape.array(shape.string()),
    ancestors: shape.array(uid).nullable(),
    tags: shape.boolean(),
    entities: shape.array(uid),
  }),
});

export type IndexedPolicy = shape.Output<typeof policySchema>;

const indexSchema = shape.strictObject({
  apiVersion: shape.literal(API_VERSION),
  kind: shape.literal('BundleIndex'),
  policies: shape.array(policySchema),
});

/** `policies` in the order of files and, in a file, of the text: as they were compiled. */
export function formatIndex(
  policies: readonly PolicySource[],
  files: ReadonlyMap<string, Uint8Array>,
): Buffer {
  const at = new Map<string, Cursor>();
  const entries = policies.map((policy): JsonValue => {
    const cursor = at.get(policy.file) ?? cursorOf(files.get(policy.file));
    at.set(policy.file, cursor);
    const { text, ...said } = policy;
    return { ...said, ...advance(cursor, text) } as unknown as JsonValue;
  });
  const index = { apiVersion: API_VERSION, kind: 'BundleIndex', policies: entries };
  return Buffer.from(canonicalJson(withoutAbsent(index)), 'utf8');
}

interface Cursor {
  readonly text: string;
  /** UTF-16 index, and the byte it stands for. */
  index: number;
  byte: number;
}

function cursorOf(bytes: Uint8Array | undefined): Cursor {
  // With its byte order mark, if it has one: ranges count the bytes of the file.
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  return { text, index: 0, byte: 0 };
}

/** Steps over blank space and the policy that follows: its range in bytes. */
function advance(cursor: Cursor, policy: string): { start: number; end: number } {
  const index = skipBlank(cursor.text, cursor.index);
  if (!cursor.text.startsWith(policy, index)) throw new Error('a policy is not where it was found');
  const start = cursor.byte + Buffer.byteLength(cursor.text.slice(cursor.index, index), 'utf8');
  cursor.index = index + policy.length;
  cursor.byte = start + Buffer.byteLength(policy, 'utf8');
  return { start, end: cursor.byte };
}

/** Fields that are undefined have no place in JSON. */
function withoutAbsent(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

/**
 * The policies, with their text cut from `files`. Problem codes: `json_not_canonical`,
 * `index_invalid`, `not_utf8`.
 */
export function parseIndex(
  bytes: Uint8Array,
  files: ReadonlyMap<string, Uint8Array>,
): Result<PolicySource[]> {
  const json = parseCanonicalJson(bytes, INDEX_FILE);
  if (!json.ok) return json;
  const shaped = checkJsonShape(json.value, indexSchema, {
    code: 'index_invalid',
    file: INDEX_FILE,
  });
  if (!shaped.ok) return shaped;
  const { policies } = shaped.value;
  const twice = duplicateId(policies);
  if (twice !== undefined) return failed(twice);
  return cutPolicies(policies, files);
}

function duplicateId(policies: readonly IndexedPolicy[]): Problem | undefined {
  const ids = new Set<string>();
  for (const { id } of policies) {
    if (ids.has(id)) {
      return problem('index_invalid', `the id \`${id}\` is there twice`, { file: INDEX_FILE });
    }
    ids.add(id);
  }
  return undefined;
}
