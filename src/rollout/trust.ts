/**
 * trust.yaml, the rules of change: people and their keys, who may sign and approve what, and within
 * which limits. It stands outside what it judges; the digest of its bytes is pinned.
 */
import { bytesDigest } from '../bundle/digest.js';
import { decodeText } from '../bundle/text.js';
import type { Digest } from '../bundle/types.js';
import { readYaml, type YamlDocument } from '../bundle/yaml.js';
import { checkShape } from '../bundle/yaml-shape.js';
import { type Problem, problem } from '../errors.js';
import { type Failed, failed, okUnless, type Result } from '../result.js';
import { parsePublicKey } from '../signing/keys.js';
import type { Signers, TrustedKey } from '../signing/signers.js';
import { type Finding, locateFinding, sortProblems } from './finding.js';
import { checkTrust } from './trust-check.js';
import { type TrustFile, trustSchema } from './trust-schema.js';

export interface Person {
  readonly name: string;
  readonly email: string;
  readonly keys: readonly TrustedKey[];
}

export type Role = keyof TrustFile['roles'];

/** Durations are milliseconds. What is optional in the file and absent is undefined here. */
export interface Trust {
  /** Of the file's bytes: what `--trust-digest` pins. */
  readonly digest: Digest;
  /** By the id that the file gives them; so are keys. */
  readonly people: ReadonlyMap<string, Person>;
  readonly keys: ReadonlyMap<string, TrustedKey>;
  /** Who may sign bundles, and how many must: `roles.bundleSigner`. */
  readonly bundleSigners: Signers;
  readonly roles: ReadonlyMap<Role, Signers>;
  /** Approvals that a change of low and of high impact needs. */
  readonly thresholds: TrustFile['thresholds'];
  readonly destinations: NonNullable<TrustFile['destinations']>;
  readonly environments: NonNullable<TrustFile['environments']>;
  readonly gates: ReadonlyMap<string, NonNullable<TrustFile['gates']>[string]>;
  readonly limits: TrustFile['limits'];
  /** Whether expired documents are refused instead of alarmed about. */
  readonly refuseExpired: boolean;
}

/** Reads a trust file. Every problem has code `trust_invalid` and, but for bad UTF-8, a column. */
export function parseTrust(bytes: Uint8Array, file: string): Result<Trust> {
  const text = decodeText({ name: file, bytes });
  if (!text.ok) return asTrustProblems(text);
  const document = readYaml(file, text.value.text);
  if (!document.ok) return asTrustProblems(document);
  const yaml = document.value;
  const shaped = checkShape(yaml, yaml.value, trustSchema, { code: 'trust_invalid' });
  if (!shaped.ok) return shaped;

  const found = checkTrust(shaped.value).map((finding) => located(yaml, finding));
  const keys = readKeys(shaped.value, yaml, found);
  return okUnless(sortProblems(found), () => assemble(shaped.value, keys, bytesDigest(bytes)));
}

/**
 * A trust file is believed only when the digest of its bytes is one of those pinned; none pinned pins
 * nothing. Undefined when all is well, else the problem `trust_digest`. To be asked before parsing.
 */
export function checkTrustDigest(
  trust: Pick<Trust, 'digest'>,
  pinned: readonly string[],
): Problem | undefined {
  if (pinned.length === 0 || pinned.includes(trust.digest)) return undefined;
  const message = `the trust file has digest \`${trust.digest}\`, which is not pinned`;
  return problem('trust_digest', message);
}

/** Whatever is wrong with this file, nobody can be trusted by it: one code, one exit code. */
function asTrustProblems({ problems: [first, ...rest] }: Failed): Failed {
  const recoded = (p: Problem): Problem => ({ ...p, code: 'trust_invalid' });
  return failed(recoded(first), ...rest.map(recoded));
}

/** Keys by id; what is wrong with them goes to `found`. Two ids for one key would be two signers. */
function readKeys(
  { keys }: TrustFile,
  document: YamlDocument,
  found: Problem[],
): ReadonlyMap<string, TrustedKey> {
  const trusted = new Map<string, TrustedKey>();
  const idOfKey = new Map<string, string>();
  for (const [id, { public: pem, from, until, retired }] of Object.entries(keys)) {
    const path = ['keys', id, 'public'];
    const publicKey = parsePublicKey(pem, document.file);
    if (!publicKey.ok) {
      const [{ message, help }] = publicKey.problems;
      found.push(located(document, { message, path, ...(help === undefined ? {} : { help }) }));
      continue;
    }
    const other = idOfKey.get(publicKey.value.id);
    if (other !== undefined) {
      const message = `this is the same public key as \`keys.${other}\``;
      found.push(located(document, { message, path }));
    }
    idOfKey.set(publicKey.value.id, id);
    trusted.set(id, {
      id,
      publicKey: publicKey.value,
      fromMs: from,
      untilMs: until,
      retiredMs: retired,
    });
  }
  return trusted;
}

function located(document: YamlDocument, finding: Finding): Problem {
  return locateFinding('trust_invalid', document, finding);
}

/** INVARIANT: checkTrust and readKeys found nothing, so every name leads somewhere. */
function assemble(file: TrustFile, keys: ReadonlyMap<string, TrustedKey>, digest: Digest): Trust {
  const keysOf = (ids: readonly string[]) => ids.flatMap((id) => keys.get(id) ?? []);
  const people = new Map<string, Person>();
  for (const [id, person] of Object.entries(file.people)) {
    people.set(id, { ...person, keys: keysOf(person.keys) });
  }
  const signersOf = (role: { people: readonly string[]; threshold: number }): Signers => ({
    people: new Map(role.people.map((person) => [person, people.get(person)?.keys ?? []])),
    threshold: role.threshold,
  });
  const roles = new Map<Role, Signers>();
  for (const role of ['bundleSigner', 'author', 'approver', 'emergency'] as const) {
    const value = file.roles[role];
    if (value !== undefined) roles.set(role, signersOf(value));
  }
  return {
    digest,
    people,
    keys,
    bundleSigners: signersOf(file.roles.bundleSigner),
    roles,
    thresholds: file.thresholds,
    destinations: file.destinations ?? [],
    environments: file.environments ?? [],
    gates: new Map(Object.entries(file.gates ?? {})),
    limits: file.limits,
    refuseExpired: file.refuseExpired,
  };
}
