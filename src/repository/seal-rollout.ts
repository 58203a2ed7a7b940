/**
 * The next document of a rollout, from an edit of its source: held against the rules, against the
 * history and against its bundles, sealed and signed. Nothing is written here.
 */
import { join } from 'node:path';
import { readBounded } from '../bundle/read-bounded.js';
import { decodeText } from '../bundle/text.js';
import type { Digest } from '../bundle/types.js';
import { YAML_BYTES_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { type Failed, failed, ok, type Result } from '../result.js';
import { changeProblems, type Provenance } from '../rollout/change-rules.js';
import { type Change, changesBetween } from '../rollout/changes.js';
import { setChange } from '../rollout/edit-source.js';
import { type SeenTraffic, slicesToSee } from '../rollout/evidence.js';
import { fitProblem } from '../rollout/fit.js';
import { nextDocument, rolloutOf } from '../rollout/next-document.js';
import type { RolloutPayload } from '../rollout/payload.js';
import { sealRollout } from '../rollout/seal.js';
import { parseRolloutSource } from '../rollout/source.js';
import type { RolloutSource, Slice, VerifiedDocument } from '../rollout/types.js';
import { type ExaminedRollout, examineRollout } from '../rollout/verify.js';
import type { PrivateKey } from '../signing/keys.js';
import { bundleFacts, type FoundBundle, findBundle } from './bundles.js';
import { type MadeEvidence, makeEvidence } from './evidence.js';
import { documentFile, evidenceFile, type RolloutId, rolloutFile } from './layout.js';
import type { Repository } from './open.js';
import { type OpenHistory, openHistory } from './open-history.js';
import { personWith } from './people.js';

export interface RolloutChange {
  readonly id: RolloutId;
  /** Text to text; what it makes is parsed afterwards. */
  readonly edit: (text: string) => string;
  /** The text to begin with when there is no source yet. */
  readonly first: string | undefined;
  /** Fields of `change:`; what is not given stays. */
  readonly change: Partial<RolloutSource['change']>;
  readonly from: Provenance | undefined;
  readonly revoke: readonly Digest[];
  /** Takes over the open emergency. */
  readonly reconcile: boolean;
  /** Replaces a proposal that is not approved yet. */
  readonly replace: boolean;
  readonly key: PrivateKey;
  readonly nowMs: number;
  /** Used for the first document only. */
  readonly newSeed: string;
  /** Reads decision logs; undefined when none are given. */
  readonly evidence: CollectEvidence | undefined;
}

/** Who was seen to call in these slices; which they are is known once the source is edited. */
export type CollectEvidence = (asked: {
  readonly source: RolloutSource;
  readonly slices: readonly Slice[];
  readonly active: FoundBundle;
}) => Promise<Result<SeenTraffic>>;

/** Ready to be written: the document first, then the source. */
export interface SealedChange {
  readonly id: RolloutId;
  /** Relative to the repository. */
  readonly file: string;
  readonly bytes: Buffer;
  readonly sequence: number;
  readonly digest: Digest;
  /** What `file` held when it was read, and is to be replaced; undefined = it is not there. */
  readonly replaces: Uint8Array | undefined;
  readonly source: { readonly file: string; readonly text: string } | undefined;
  /** What is to stand beside `file`; undefined = nothing. */
  readonly evidence: { readonly file: string; readonly bytes: Uint8Array } | undefined;
}

export interface SealedRolloutChange extends SealedChange {
  readonly examined: ExaminedRollout;
  /** Against the newest document that counts. */
  readonly changes: readonly Change[];
}

export async function sealChange(
  repository: Repository,
  change: RolloutChange,
): Promise<Result<SealedRolloutChange>> {
  const { id, key, nowMs } = change;
  const author = personWith(key, 'author', repository.trust, nowMs);
  if (!author.ok) return author;
  const history = await openHistory(repository, id);
  if (!history.ok) return history;
  const { proposal, documents, counting, latest, newest } = history.value;
  const unknown = unknownAhead(history.value);
  if (unknown !== undefined) return failed(unknown);
  if (proposal !== undefined && !change.replace) {
    const message = `\`${proposal.file}\` waits for approval, and stands in the way`;
    return failed(problem('change_refused', message, { help: PROPOSAL_HELP }));
  }
  const edited = await editSource(repository, change);
  if (!edited.ok) return edited;
  const { source, text } = edited.value;
  const bundles = await resolveBundles(repository, source, history.value);
  if (!bundles.ok) return bundles;
  const { active, candidate } = bundles.value;

  const unproven = nextDocument({
    ...change,
    history: documents,
    counting,
    source,
    sourceText: text,
    active: refOf(active),
    candidate: candidate && refOf(candidate),
    author: author.value,
    trust: repository.trust.digest,
    issuedAtMs: nowMs,
    evidence: undefined,
  });
  const before = rolloutOf(newest)?.source;
  const evidence = await proveChange(change, { source, before, active, seed: unproven.seed });
  if (!evidence.ok) return evidence;
  const payload = { ...unproven, evidence: evidence.value?.digest ?? null };
  const { trust } = repository;
  const against = { payload, newest: latest, counting: newest, trust, nowMs, from: change.from };
  const [refused, ...more] = changeProblems(against);
  if (refused !== undefined) return failed(refused, ...more);
  const parts = { source, text, active, history: history.value, evidence: evidence.value };
  return sealed(repository, change, payload, parts);
}

interface Unproven {
  readonly source: RolloutSource;
  readonly before: RolloutSource | undefined;
  readonly active: FoundBundle;
  readonly seed: string;
}

/** Whom a percentage takes follows from the seed, and a first document has its own. */
async function proveChange(
  { id, evidence: collect }: RolloutChange,
  { source, before, active, seed }: Unproven,
): Promise<Result<MadeEvidence | undefined>> {
  const slices = slicesToSee(source, before);
  const seen = await collect?.({ source, slices, active });
  if (seen?.ok === false) return seen;
  return makeEvidence({ source, before, seen: seen?.value, seed, file: rolloutFile(id) });
}

const PROPOSAL_HELP =
  'have it approved with `cedargate approve`, or give --replace to seal this change in its place';

/** What sidecars may have taken must not lose its number to another document: they would refuse that one. */
function unknownAhead({ entries, latest, proposal }: OpenHistory): Problem | undefined {
  const ahead = entries.find((entry) => {
    const isNewer = entry.sequence > (latest?.sequence ?? 0);
    return isNewer && (entry.isUnknown || entry.file !== proposal?.file);
  });
  if (ahead === undefined) return undefined;
  const message = `\`${ahead.file}\` lacks approvals by the rules of now, and Git does not say whether it had enough by those of its day`;
  const help =
    'have it approved again with `cedargate approve`, or work where Git has the whole history';
  return problem('history_broken', message, { help });
}

interface Sealing extends Edited {
  readonly active: FoundBundle;
  readonly history: OpenHistory;
  readonly evidence: MadeEvidence | undefined;
}

function sealed(
  { trust }: Repository,
  { id, key }: RolloutChange,
  payload: RolloutPayload,
  { source, text, active, history, evidence }: Sealing,
): Result<SealedRolloutChange> {
  const facts = bundleFacts(active.opened);
  if (!facts.ok) return facts;
  const written = { file: rolloutFile(id), text };
  const misfit = fitProblem(source, facts.value, { routes: true }, written);
  if (misfit !== undefined) return failed(misfit);
  const bytes = sealRollout(payload, key);
  const file = documentFile(id, payload.sequence);
  // What a sidecar would say, approvals apart.
  const examined = examineRollout(bytes, file, { trust, environment: id.environment });
  if (!examined.ok) return inSource(examined, file, rolloutFile(id));
  const { digest, sequence } = examined.value.document;
  const replaces = history.entries.find((entry) => entry.file === file)?.bytes;
  const beside = evidence && { file: evidenceFile(id, sequence), bytes: evidence.bytes };
  const changes = changesBetween(history.newest, examined.value.document);
  return ok({
    ...{ id, file, bytes, sequence, digest, replaces, source: written },
    ...{ evidence: beside, examined: examined.value, changes },
  });
}

/** The document was never written: what people can correct is the source. */
function inSource({ problems: [first, ...rest] }: Failed, file: string, source: string): Failed {
  const renamed = (p: Problem) => (p.file?.startsWith(file) ? { ...p, file: source } : p);
  return failed(renamed(first), ...rest.map(renamed));
}

interface Edited {
  readonly source: RolloutSource;
  readonly text: string;
}

async function editSource(
  { root, trust }: Repository,
  { id, edit, change, first }: RolloutChange,
): Promise<Result<Edited>> {
  const file = rolloutFile(id);
  const bytes = await readBounded(join(root, file), file, YAML_BYTES_MAX);
  if (!bytes.ok && first === undefined) {
    const known = trust.environments.map(({ name }) => `\`${name}\``).join(', ');
    const help = `check the name and --environment${known && ` (trust.yaml has ${known})`}, or begin the rollout: \`cedargate promote\` with --service`;
    return failed({ ...bytes.problems[0], code: 'file_unreadable', help });
  }
  const before = bytes.ok ? decodeText({ name: file, bytes: bytes.value }) : undefined;
  if (before?.ok === false) return before;
  const start = before?.value.text ?? first ?? '';
  // An edit wants a text that can be read.
  const readable = parseRolloutSource(start, file);
  if (!readable.ok) return readable;
  const text = setChange(edit(start), change);
  const source = parseRolloutSource(text, file);
  if (!source.ok) return source;
  const { name, environment } = source.value;
  if (name !== id.name || environment !== id.environment) {
    const message = `the source says \`${name}\` in \`${environment}\`, and stands elsewhere`;
    return failed(problem('rollout_invalid', message, { file }));
  }
  return ok({ source: source.value, text });
}

async function resolveBundles(
  repository: Repository,
  source: RolloutSource,
  { documents }: OpenHistory,
): Promise<Result<{ active: FoundBundle; candidate: FoundBundle | undefined }>> {
  const active = await findBundle(repository, source.bundle);
  if (!active.ok) return active;
  const candidate = source.candidate && (await findBundle(repository, source.candidate));
  if (candidate?.ok === false) return candidate;
  for (const found of [active.value, ...(candidate === undefined ? [] : [candidate.value])]) {
    const other = otherDigest(found, documents);
    if (other === undefined) continue;
    const message = `\`${found.name}@${found.version}\` was \`${other}\` in an earlier document`;
    return failed(problem('bundle_ambiguous', message, { file: found.file }));
  }
  return ok({ active: active.value, candidate: candidate?.value });
}

/** The digest that the same name and version had before, when it was another one. */
function otherDigest(
  { name, version, digest }: FoundBundle,
  documents: readonly VerifiedDocument[],
): Digest | undefined {
  return documents
    .flatMap((each) => (each.kind === 'rollout' ? [each.resolved.active] : []))
    .find((each) => each.name === name && each.version === version && each.digest !== digest)
    ?.digest;
}

function refOf({ name, version, digest }: FoundBundle) {
  return { name, version, digest };
}
