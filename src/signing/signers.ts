/**
 * Who signed: which people's keys verify, were valid at the moment that counts, and whether they
 * are enough. Distinct people count, never keys or signatures.
 */
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { decodeBase64 } from './base64.js';
import { pae, type Signature, type SignatureSet } from './dsse.js';
import { type PublicKey, verify } from './keys.js';

/** A key that somebody is trusted with. Moments are milliseconds since 1970. */
export interface TrustedKey {
  /** Its name in trust.yaml. */
  readonly id: string;
  readonly publicKey: PublicKey;
  /** The first moment at which it counts. */
  readonly fromMs: number;
  /** The first moment at which it no longer counts, as planned; undefined = none. */
  readonly untilMs: number | undefined;
  /** The same, as decided later; undefined = in use. */
  readonly retiredMs: number | undefined;
}

export interface Signers {
  /** Person -> the keys of that person. A key belongs to one person. */
  readonly people: ReadonlyMap<string, readonly TrustedKey[]>;
  /** How many people must have signed. */
  readonly threshold: number;
}

export interface SignerFound {
  readonly person: string;
  readonly key: TrustedKey;
}

/** What one signature is worth. */
export interface SignatureVerdict {
  readonly keyid: string;
  /** Whose key it verifies with; undefined = nobody's. */
  readonly signer: SignerFound | undefined;
  /** Why it does not count; undefined = it counts. */
  readonly fault: string | undefined;
}

/**
 * The people whose signature counts, one entry a person, in the order of the signatures. `atMs` is
 * the moment at which keys must be valid: the one that the signed thing states, never the clock, so
 * that a restart years later judges alike. Fewer than the threshold: problem `signature_threshold`,
 * which says of every signature why it did not count.
 */
export function countSigners(
  set: SignatureSet,
  payload: Uint8Array,
  signers: Signers,
  atMs: number,
): Result<readonly SignerFound[]> {
  return enoughSigners(judgeSignatures(set, payload, signers, atMs), signers);
}

/** The same of verdicts that were given before. */
export function enoughSigners(
  verdicts: readonly SignatureVerdict[],
  { threshold }: Pick<Signers, 'threshold'>,
): Result<readonly SignerFound[]> {
  const counted = verdicts.flatMap(({ signer, fault }) =>
    signer !== undefined && fault === undefined ? [signer] : [],
  );
  if (counted.length >= threshold) return ok(counted);
  return failed(problem('signature_threshold', shortfall(verdicts, threshold, counted.length)));
}

/** A verdict on every signature, in their order. */
export function judgeSignatures(
  set: SignatureSet,
  payload: Uint8Array,
  signers: Signers,
  atMs: number,
): readonly SignatureVerdict[] {
  return judgeSigners(identifySigners(set, payload, signers), atMs);
}

/**
 * Whose key each signature verifies with, before a moment is known: it stands in the payload, and
 * a payload is not read before it is known to be somebody's.
 */
export function identifySigners(
  set: SignatureSet,
  payload: Uint8Array,
  { people }: Pick<Signers, 'people'>,
): readonly SignatureVerdict[] {
  const bytes = pae(set.payloadType, payload);
  const candidates = [...people].flatMap(([person, keys]) => keys.map((key) => ({ person, key })));
  return set.signatures.map((signature) => {
    const { keyid } = signature;
    const signer = findSigner(signature, bytes, candidates);
    const fault = signer === undefined ? strangerFault(keyid, candidates) : undefined;
    return { keyid, signer, fault };
  });
}

/** The second half of the verdict: the key counted at that moment, and its person counts once. */
export function judgeSigners(
  identified: readonly SignatureVerdict[],
  atMs: number,
): readonly SignatureVerdict[] {
  const counted = new Set<string>();
  return identified.map((verdict) => {
    const { keyid, signer } = verdict;
    if (signer === undefined || verdict.fault !== undefined) return verdict;
    const { person } = signer;
    const fault =
      timeFault(signer, atMs) ??
      (counted.has(person) ? `\`${person}\` signed already: a person counts once` : undefined);
    if (fault === undefined) counted.add(person);
    return { keyid, signer, fault };
  });
}

/** Any trusted key may be the one; the key id only says where to look first. */
function findSigner(
  { keyid, sig }: Signature,
  bytes: Uint8Array,
  candidates: readonly SignerFound[],
): SignerFound | undefined {
  const signature = decodeBase64(sig);
  if (signature === undefined) return undefined;
  const verifies = ({ key }: SignerFound) => verify(key.publicKey, bytes, signature);
  const isHinted = ({ key }: SignerFound) => key.publicKey.id === keyid || key.id === keyid;
  return (
    candidates.filter(isHinted).find(verifies) ??
    candidates.filter((candidate) => !isHinted(candidate)).find(verifies)
  );
}

function strangerFault(keyid: string, candidates: readonly SignerFound[]): string {
  const named = candidates.find(({ key }) => key.publicKey.id === keyid || key.id === keyid);
  return named === undefined
    ? 'it verifies with no key of the people who may sign'
    : `it does not verify with key \`${named.key.id}\`, which it names, nor with any other`;
}

function timeFault({ person, key }: SignerFound, atMs: number): string | undefined {
  const whose = `key \`${key.id}\` of \`${person}\``;
  if (atMs < key.fromMs) {
    return `${whose} counts from ${timeText(key.fromMs)}, and this was made at ${timeText(atMs)}`;
  }
  const ends = [
    ['was retired at', key.retiredMs],
    ['counts until', key.untilMs],
  ] as const;
  for (const [word, end] of ends) {
    if (end !== undefined && atMs >= end) {
      return `${whose} ${word} ${timeText(end)}, and this was made at ${timeText(atMs)}`;
    }
  }
  return undefined;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

function shortfall(
  verdicts: readonly SignatureVerdict[],
  threshold: number,
  count: number,
): string {
  const needed = `${threshold} ${threshold === 1 ? 'person' : 'people'} must have signed`;
  if (verdicts.length === 0) return `${needed}, and there are no signatures`;
  const faults = verdicts.flatMap(({ keyid, fault }, i) =>
    fault === undefined ? [] : [`signature ${i + 1} (${keyid || 'no key id'}): ${fault}`],
  );
  return [`${needed}, ${count} did`, ...faults].join('; ');
}
