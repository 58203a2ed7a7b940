/**
 * Whether an audit folder holds, without the repository that it came from: the digests of its files,
 * each document under rules that whoever checks believes, and that they follow each other. The rules
 * that lie in the folder are as strange as the rest of it: only those that are pinned count.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesDigest } from '../bundle/digest.js';
import { escapeName } from '../bundle/names.js';
import { readBounded } from '../bundle/read-bounded.js';
import { systemErrorText } from '../bundle/system-error.js';
import type { Digest } from '../bundle/types.js';
import {
  AUDIT_FILE_BYTES_MAX,
  AUDIT_FILES_MAX,
  AUDIT_INDEX_BYTES_MAX,
  SHELF_DEPTH_MAX,
  YAML_BYTES_MAX,
} from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { listHistories } from '../repository/histories.js';
import { readHistory } from '../repository/history.js';
import {
  type BelievedRules,
  type JudgedHistory,
  judgeHistory,
  recordedTrust,
} from '../repository/judge.js';
import { evidenceFile, type RolloutId } from '../repository/layout.js';
import { failed, ok, type Result } from '../result.js';
import { parseTrust, type Trust } from '../rollout/trust.js';
import { emergencyRecords } from './emergencies.js';
import {
  AUDIT_FILES,
  AUDIT_INDEX_FILE,
  type AuditIndex,
  EMERGENCIES_FILE,
  parseIndex,
  trustPath,
} from './index-file.js';
import { jsonText } from './json-text.js';
import { shortProblem } from './report.js';

export interface CheckedFolder {
  readonly index: AuditIndex;
  /** Of index.json: it stands for the whole folder. */
  readonly digest: Digest;
  readonly histories: readonly JudgedHistory[];
  /** Everything that is off. */
  readonly problems: readonly Problem[];
}

export interface Believed {
  readonly given: Trust;
  /** Versions of the folder that count as well. */
  readonly pinned: readonly string[];
}

/** A failure when there is nothing to check; what is off in it is in `problems`. */
export async function checkFolder(folder: string, by: Believed): Promise<Result<CheckedFolder>> {
  const bytes = await readBounded(
    join(folder, AUDIT_INDEX_FILE),
    AUDIT_INDEX_FILE,
    AUDIT_INDEX_BYTES_MAX,
  );
  if (!bytes.ok) return bytes;
  const parsed = parseIndex(bytes.value);
  if (!parsed.ok) return parsed;
  const index = parsed.value;
  const problems = await checkFiles(folder, index);
  const versions = await readVersions(folder, index, by.pinned);
  const histories: JudgedHistory[] = [];
  const ids = await listHistories(folder);
  if (!ids.ok) return ids;
  problems.push(...checkRollouts(index, ids.value));
  for (const id of ids.value) {
    const { environment } = id;
    const history = await readHistory(folder, id, { trust: by.given, environment });
    if (!history.ok) return history;
    const believed = (digest: string) => versions.get(digest);
    const all = [...versions.values()];
    const judged = judgeHistory(history.value, { given: by.given, believed, all });
    problems.push(...advised(judged, index, by), ...(await checkEvidence(folder, judged)));
    histories.push(judged);
  }
  problems.push(...(await checkEmergencies(folder, histories)), ...checkKinds(index, histories));
  problems.push(...toldBefore(index, problems));
  return ok({ index, digest: bytesDigest(bytes.value), histories, problems });
}

/** Where the rules of its day lie in the folder, and are not pinned, that may be all that is wrong. */
function advised({ entries, problems }: JudgedHistory, index: AuditIndex, by: Believed): Problem[] {
  return problems.map((found) => {
    const entry = entries.find(
      ({ file, document }) => document === undefined && file === found.file,
    );
    const recorded = entry === undefined ? undefined : recordedTrust(entry.bytes, entry.file);
    const isOpen = recorded !== by.given.digest && !by.pinned.includes(recorded ?? '');
    if (!isOpen || !index.trust.some(({ digest }) => digest === recorded)) return found;
    const help = `it was made by other rules: when you have made sure that ${recorded} were in force, pin them as well, with --trust-digest`;
    return { ...found, help };
  });
}

/** What did not hold when the folder was made, and cannot be seen in it: what came before it. */
function toldBefore({ problems: told }: AuditIndex, found: readonly Problem[]): Problem[] {
  const seen = new Set(found.map(shortProblem));
  return told
    .filter((text) => !seen.has(text))
    .map((text) => problem('history_broken', `when it was exported: ${escapeName(text)}`));
}

function altered(message: string, file?: string): Problem {
  return problem('audit_altered', message, file === undefined ? {} : { file });
}

async function checkFiles(folder: string, { files }: AuditIndex): Promise<Problem[]> {
  const problems: Problem[] = [];
  const listed = await listFiles(folder);
  if (!listed.ok) return [...listed.problems];
  const there = new Set(listed.value);
  for (const path of there) {
    if (path !== AUDIT_INDEX_FILE && !files.has(path)) {
      problems.push(altered('the index does not list the file', escapeName(path)));
    }
  }
  for (const [path, digest] of files) {
    if (!there.has(path)) {
      problems.push(altered('the file is missing', path));
      continue;
    }
    const bytes = await readBounded(join(folder, path), path, AUDIT_FILE_BYTES_MAX);
    if (!bytes.ok) problems.push(...bytes.problems);
    else if (bytesDigest(bytes.value) !== digest) {
      problems.push(altered('the file is not the one that the index lists', path));
    }
  }
  return problems;
}

/** Paths with `/`, of everything that is no folder. Problem code: `audit_altered`. */
async function listFiles(folder: string): Promise<Result<string[]>> {
  const found: string[] = [];
  const queue: { readonly path: string; readonly depth: number }[] = [{ path: '', depth: 0 }];
  for (const { path, depth } of queue) {
    try {
      for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
        const inside = path === '' ? entry.name : `${path}/${entry.name}`;
        if (entry.isDirectory()) queue.push({ path: inside, depth: depth + 1 });
        else if (entry.isFile()) found.push(inside);
        else return failed(altered('it is neither a file nor a folder', escapeName(inside)));
      }
    } catch (thrown) {
      return failed(altered(`it cannot be read: ${systemErrorText(thrown)}`, escapeName(path)));
    }
    if (
      found.length > AUDIT_FILES_MAX ||
      queue.length > AUDIT_FILES_MAX ||
      depth > SHELF_DEPTH_MAX
    ) {
      return failed(altered(`there are more than ${AUDIT_FILES_MAX} files, or folders too deep`));
    }
  }
  return ok(found.sort());
}

/** Those that are pinned, and are what they are called. */
async function readVersions(
  folder: string,
  { trust }: AuditIndex,
  pinned: readonly string[],
): Promise<ReadonlyMap<string, BelievedRules>> {
  const versions = new Map<string, BelievedRules>();
  for (const { digest } of trust.filter((version) => pinned.includes(version.digest))) {
    const path = trustPath(digest);
    const bytes = await readBounded(join(folder, path), path, YAML_BYTES_MAX);
    const parsed = bytes.ok ? parseTrust(bytes.value, path) : bytes;
    if (!parsed.ok || parsed.value.digest !== digest) continue;
    // Until when they were in force, whoever pins them has to know: here are only claims.
    versions.set(digest, { trust: parsed.value, untilMs: Number.POSITIVE_INFINITY });
  }
  return versions;
}

function checkRollouts({ rollouts }: AuditIndex, there: readonly RolloutId[]): Problem[] {
  const text = ({ environment, name }: RolloutId) => `${environment}/${name}`;
  const [listed, found] = [new Set(rollouts.map(text)), new Set(there.map(text))];
  return [
    ...[...listed].filter((id) => !found.has(id)).map((id) => altered(`no document of \`${id}\``)),
    ...[...found].filter((id) => !listed.has(id)).map((id) => altered(`\`${id}\` is not listed`)),
  ];
}

/**
 * Nothing lies in the folder that nobody has looked at, such as a document in a folder that is no
 * rollout's, and no version of trust.yaml is called what it is not.
 */
function checkKinds({ files, trust }: AuditIndex, histories: readonly JudgedHistory[]): Problem[] {
  const versions = new Map(trust.map(({ digest }) => [trustPath(digest), digest]));
  const known = new Set<string>([...AUDIT_FILES, ...versions.keys()]);
  for (const { id, entries } of histories) {
    for (const { file, document, sequence } of entries) {
      known.add(file);
      const hasEvidence = document?.kind === 'rollout' && document.evidence !== null;
      if (hasEvidence) known.add(evidenceFile(id, sequence));
    }
  }
  return [
    ...[...files.keys()]
      .filter((path) => !known.has(path))
      .map((path) => altered('it is no file of an audit', path)),
    ...[...AUDIT_FILES, ...versions.keys()]
      .filter((path) => !files.has(path))
      .map((path) => altered('the index does not list it', path)),
    ...[...versions]
      .filter(([path, digest]) => (files.get(path) ?? digest) !== digest)
      .map(([path]) => altered('it is not the version that it is called', path)),
  ];
}

/** Evidence may be kept elsewhere; what is here must be it. */
async function checkEvidence(folder: string, { id, documents }: JudgedHistory): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const document of documents) {
    if (document.kind !== 'rollout' || document.evidence === null) continue;
    const path = evidenceFile(id, document.sequence);
    const bytes = await readBounded(join(folder, path), path, AUDIT_FILE_BYTES_MAX);
    if (bytes.ok && bytesDigest(bytes.value) !== document.evidence) {
      problems.push(altered('it is not the evidence that the document names', path));
    }
  }
  return problems;
}

/** They follow from the documents, so they are made again. */
async function checkEmergencies(
  folder: string,
  histories: readonly JudgedHistory[],
): Promise<Problem[]> {
  const file = EMERGENCIES_FILE;
  const bytes = await readBounded(join(folder, file), file, AUDIT_FILE_BYTES_MAX);
  const made = jsonText(histories.flatMap(emergencyRecords));
  if (bytes.ok && bytes.value.toString('utf8') === made) return [];
  return [altered('it is not what follows from the documents', file)];
}
