/** Evidence files beside the documents of a repository: making one, and reading one that is believed. */
import { bytesDigest } from '../bundle/digest.js';
import { readBounded } from '../bundle/read-bounded.js';
import type { Digest } from '../bundle/types.js';
import { percentBucket } from '../check/percent.js';
import { EVIDENCE_BYTES_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import {
  type BucketOf,
  type Evidence,
  evidenceProblems,
  formatEvidence,
  missingEvidence,
  parseEvidence,
  type SeenTraffic,
  slicesToProve,
} from '../rollout/evidence.js';
import type { RolloutSource } from '../rollout/types.js';
import { evidenceBeside } from './layout.js';

export interface MadeEvidence {
  readonly bytes: Buffer;
  readonly digest: Digest;
}

interface EvidenceParts {
  readonly source: RolloutSource;
  /** The source that counted until now. */
  readonly before: RolloutSource | undefined;
  readonly seen: SeenTraffic | undefined;
  readonly seed: string;
  /** For messages. */
  readonly file: string;
}

/**
 * Undefined when there is none and none is needed. Problem codes: `evidence_missing`,
 * `callers_too_few`.
 */
export function makeEvidence(parts: EvidenceParts): Result<MadeEvidence | undefined> {
  const { source, before, seen, seed, file } = parts;
  const slices = slicesToProve(source, before);
  if (seen === undefined) {
    const [first, ...rest] = missingEvidence(slices, file);
    return first === undefined ? ok(undefined) : failed(first, ...rest);
  }
  const bucketOf = bucketsBy(seed);
  const bytes = formatEvidence(source, seen, bucketOf);
  // Through the same reader as everybody's: what is written here can be read there.
  const read = parseEvidence(bytes, file);
  if (!read.ok) return read;
  const [wrong, ...more] = evidenceProblems(read.value, { source, bucketOf, slices }, file);
  if (wrong !== undefined) return failed(wrong, ...more);
  return ok({ bytes, digest: bytesDigest(bytes) });
}

/**
 * The evidence that a document names, from the file beside it. Problem codes: `file_unreadable`,
 * `evidence_altered`, and those of JSON.
 */
async function readEvidence(document: string, digest: Digest): Promise<Result<Evidence>> {
  const file = evidenceBeside(document);
  const bytes = await readBounded(file, file, EVIDENCE_BYTES_MAX);
  if (!bytes.ok) return failed({ ...bytes.problems[0], code: 'file_unreadable' });
  const is = bytesDigest(bytes.value);
  if (is !== digest) {
    const message = `it is \`${is}\`, and the document names \`${digest}\``;
    return failed(problem('evidence_altered', message, { file }));
  }
  return parseEvidence(bytes.value, file);
}

interface Judged {
  readonly source: RolloutSource;
  readonly before: RolloutSource | undefined;
  readonly evidence: Digest | null;
  readonly seed: string;
}

/** What speaks against a document that somebody sealed, as far as its evidence goes. */
export async function judgeEvidence(
  document: string,
  { source, before, evidence: digest, seed }: Judged,
): Promise<readonly Problem[]> {
  const slices = slicesToProve(source, before);
  if (digest === null) {
    // No flag is missing here: the rules are not kept.
    return missingEvidence(slices, document).map((each) => ({ ...each, code: 'change_refused' }));
  }
  const read = await readEvidence(document, digest);
  if (!read.ok) return read.problems;
  const proven = { source, bucketOf: bucketsBy(seed), slices };
  return evidenceProblems(read.value, proven, evidenceBeside(document));
}

/** The evidence of a document, when it is the one that the document names and speaks of it. */
export async function believedEvidence(
  document: string,
  { source, evidence: digest, seed }: Omit<Judged, 'before'>,
): Promise<Result<Evidence> | undefined> {
  if (digest === null) return undefined;
  const read = await readEvidence(document, digest);
  if (!read.ok) return read;
  const proven = { source, bucketOf: bucketsBy(seed), slices: [] };
  const [wrong] = evidenceProblems(read.value, proven, evidenceBeside(document));
  return wrong === undefined ? read : failed(wrong);
}

function bucketsBy(seed: string): BucketOf {
  return (caller) => percentBucket(seed, caller);
}
