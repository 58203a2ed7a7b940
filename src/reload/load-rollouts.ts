/**
 * One look at everything that a rollout depends on: trust file, documents, bundles. Runs in the
 * loading thread; what it returns is plain data, and the serving thread only swaps.
 *
 * INVARIANT: nothing of a document or a bundle is parsed before who signed it has been found to count.
 */
import type { ShelfFile } from '../bundle/shelf-files.js';
import type { Digest, ServedBundle } from '../bundle/types.js';
import { CLOCK_AHEAD_MS } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { timeText } from '../rollout/document-fields.js';
import type { BundleFacts } from '../rollout/fit.js';
import type { VerifiedDocument } from '../rollout/types.js';
import { type JudgedBy, verifyDocument } from '../rollout/verify.js';
import { acceptDocuments, checkService, type FileRefusal } from './accept-documents.js';
import { BundleSupply, findTrust, type SupplyPlaces } from './bundle-supply.js';
import { chooseRunning } from './choose-running.js';
import { readDocumentFiles } from './rollout-files.js';
import { type Memories, type RolloutMemory, rolloutNameOf, rolloutOf } from './rollout-memory.js';
import type { TrustPaths } from './signed-bundle.js';
import type { RolloutRecord } from './state-record.js';

/** Where everything is. */
export interface RolloutPaths extends TrustPaths {
  readonly kind: 'rollout';
  /** A file or a directory. */
  readonly documents: string;
  /** The shelf. */
  readonly bundles: string;
  /** What is remembered across restarts; its bundles are a second shelf. */
  readonly state: string;
}

export interface RolloutsRequest extends SupplyPlaces {
  readonly paths: RolloutPaths;
  readonly service: string | undefined;
  readonly minSequence: number;
  readonly memories: Memories;
  /** Of a former process; taken only for rollouts that `memories` lacks, and believed only if it verifies. */
  readonly remembered: ReadonlyMap<string, RolloutRecord>;
  /** Bundles that the serving thread has loaded. */
  readonly loaded: ReadonlyMap<Digest, BundleFacts>;
  readonly nowMs: number;
}

export interface LoadedRollout {
  readonly memory: RolloutMemory & { readonly running: NonNullable<RolloutMemory['running']> };
  readonly lag: Problem | undefined;
}

export interface LoadedRollouts {
  readonly rollouts: ReadonlyMap<string, LoadedRollout>;
  readonly refusals: readonly FileRefusal[];
  /** The bytes of the trust file by which all that was judged. */
  readonly trust: Uint8Array;
  /** Those that run and that the serving thread does not have yet. */
  readonly bundles: ReadonlyMap<Digest, ServedBundle>;
  /** The archive of each running bundle, as far as it was read now. */
  readonly archives: ReadonlyMap<Digest, ShelfFile>;
  /**
   * Names in `remembered` of which nothing could be believed, or nothing counts: under another trust
   * file, or another least sequence, it may.
   */
  readonly unbelieved: ReadonlySet<string>;
  readonly warnings: readonly Problem[];
}

/** Fails when no trust file can be had: then nothing can be judged, and nothing changes. */
export async function loadRollouts(request: RolloutsRequest): Promise<Result<LoadedRollouts>> {
  const { paths, environment, service, minSequence, nowMs } = request;
  const found = await findTrust(request);
  if (!found.ok) return found;
  const { trust, bytes: trustBytes, refusal } = found.value;
  const by = { trust, environment };
  const warnings: Problem[] = [];
  const read = await readDocumentFiles(paths.documents);
  const unread = read.ok ? read.value.problems : read.problems;
  const files = (read.ok ? read.value.files : []).map(({ file, bytes }) => ({
    file,
    result: verifyDocument(bytes, file, by),
  }));
  const recalled = recall(request, by, warnings);
  const before = new Map([...recalled, ...request.memories]);
  const rules = { minSequence, service, refuseExpired: trust.refuseExpired, nowMs };
  const accepted = acceptDocuments(files, before, rules);

  for (const [name, { newest }] of accepted.below) {
    const message = `sequence ${newest.sequence} is below the least one allowed, ${minSequence}`;
    warnings.push(problem('rollout_sequence', message, { file: stateOf(name) }));
  }
  for (const memory of accepted.memories.values()) warnings.push(...checkIssued(memory, nowMs));

  const supply = new BundleSupply(request, trust);
  const rollouts = new Map<string, LoadedRollout>();
  const refusals = [...refusal, ...unread.map(unreadFile), ...accepted.refusals];
  for (const [name, memory] of accepted.memories) {
    const { running, lag } = await chooseRunning(memory, (digest) => supply.get(digest));
    rollouts.set(name, { memory: { ...memory, running }, lag });
  }
  const used = new Set([...rollouts.values()].map(({ memory }) => memory.running.bundle));
  return ok({
    rollouts,
    refusals,
    trust: trustBytes,
    bundles: new Map([...supply.bundles].filter(([digest]) => used.has(digest))),
    archives: new Map([...supply.archives].filter(([digest]) => used.has(digest))),
    unbelieved: new Set(
      [...request.remembered.keys()].filter((name) => {
        return !before.has(name) || accepted.below.has(name);
      }),
    ),
    warnings: [...warnings, ...supply.warnings],
  });
}

/** Exceptions end by the largest clock that anybody is known to have seen, so all may end too soon. */
function checkIssued({ newest }: RolloutMemory, nowMs: number): Problem[] {
  if (newest.issuedAtMs <= nowMs + CLOCK_AHEAD_MS) return [];
  const { sequence, issuedAtMs } = newest;
  const what = `document ${sequence} of \`${rolloutNameOf(newest)}\``;
  const message = `${what} was issued at ${timeText(issuedAtMs)}, which is later than it is here: one of the two clocks is wrong, and exceptions that end before that have ended`;
  return [problem('clock_ahead', message)];
}

/** For messages: where a document stands that no file was read for. */
const stateOf = (name: string) => `state of \`${name}\``;

function unreadFile(found: Problem): FileRefusal {
  return { file: found.file ?? '', document: undefined, problems: [found] };
}

/** What a former process had verified is verified again: the directory may have been written by anybody. */
function recall(
  { remembered, memories: held, service }: RolloutsRequest,
  by: JudgedBy,
  warnings: Problem[],
): Memories {
  const memories = new Map<string, RolloutMemory>();
  for (const [name, record] of remembered) {
    if (held.has(name)) continue;
    const file = stateOf(name);
    const open = (bytes: Uint8Array | null): VerifiedDocument | undefined => {
      const result = bytes && verifyRemembered(bytes, file, { ...by, name, service });
      if (result?.ok === false) warnings.push(result.problems[0]);
      return result?.ok === true ? result.value : undefined;
    };
    const newest = open(record.approved);
    const lastRollout = open(record.lastRollout);
    if (newest === undefined || lastRollout?.kind !== 'rollout') continue;
    const document = open(record.running);
    const [bundle] = record.bundles;
    const running = document && ({ document, bundle, absence: 'no_bundle' } as const);
    memories.set(name, { newest, lastRollout, running });
  }
  return memories;
}

/** The name of a file proves nothing, and a document of another rollout would run in this one's place. */
function verifyRemembered(
  bytes: Uint8Array,
  file: string,
  { name, service, ...by }: JudgedBy & { name: string; service: string | undefined },
): Result<VerifiedDocument> {
  const verified = verifyDocument(bytes, file, by);
  if (!verified.ok) return verified;
  const rollout = rolloutOf(verified.value);
  if (rollout.name !== name) {
    const message = `a document of rollout \`${rollout.name}\` stands here`;
    return failed(problem('state_unreadable', message, { file }));
  }
  const foreign = checkService(rollout, service);
  return foreign === undefined ? verified : failed({ file, ...foreign });
}
