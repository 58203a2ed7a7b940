/**
 * The versions of trust.yaml that a repository has had, by Git. A document is judged by the rules of
 * its day where the rules of today say something else.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bytesDigest } from '../bundle/digest.js';
import { readBounded } from '../bundle/read-bounded.js';
import type { Digest } from '../bundle/types.js';
import { TRUST_VERSIONS_MAX, YAML_BYTES_MAX } from '../constants.js';
import { messageOf } from '../errors.js';
import { parseTrust, type Trust } from '../rollout/trust.js';
import { TRUST_FILE } from './layout.js';

export interface TrustVersion {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  /** Undefined when the file could not be used. */
  readonly trust: Trust | undefined;
  /** When it was committed to the branch that is checked out; null = not committed. */
  readonly sinceMs: number | null;
}

export interface TrustHistory {
  /** Newest first; the file as it is now comes first. A version that came back is there twice. */
  readonly versions: readonly TrustVersion[];
  /** Why older ones are not, or not all, known; undefined when they are. */
  readonly gap: string | undefined;
}

export async function readTrustHistory(root: string): Promise<TrustHistory> {
  const present = await readBounded(join(root, TRUST_FILE), TRUST_FILE, YAML_BYTES_MAX);
  const now = present.ok ? [versionOf(present.value, null)] : [];
  try {
    const { versions, gap } = await committed(root);
    const [newest] = versions;
    // Not changed since its commit: one version, with the time of the commit.
    const isCommitted = newest !== undefined && newest.digest === now[0]?.digest;
    return { versions: isCommitted ? versions : [...now, ...versions], gap };
  } catch (thrown) {
    return {
      versions: now,
      gap: `Git does not say what ${TRUST_FILE} was before: ${fault(thrown)}`,
    };
  }
}

/** The rules with this digest, and until when they were in force: to the end of the last time they were. */
export function rulesWith(
  { versions }: Pick<TrustHistory, 'versions'>,
  digest: string,
): { readonly trust: Trust; readonly untilMs: number } | undefined {
  const trust = versions.find((version) => version.digest === digest)?.trust;
  if (trust === undefined) return undefined;
  const ends = versions.flatMap((version, i) =>
    version.digest === digest ? [versions[i - 1]?.sinceMs ?? Number.POSITIVE_INFINITY] : [],
  );
  return { trust, untilMs: Math.max(...ends) };
}

/** Every version that could be used, newest first. */
export function allRules(history: Pick<TrustHistory, 'versions'>) {
  const digests = new Set(history.versions.map(({ digest }) => digest));
  return [...digests].flatMap((digest) => rulesWith(history, digest) ?? []);
}

/**
 * Along the first parents alone: what a merged branch had in between was never in force, and nobody
 * may have reviewed it.
 */
async function committed(root: string): Promise<TrustHistory> {
  const range = [
    `--max-count=${TRUST_VERSIONS_MAX + 1}`,
    '--first-parent',
    '--diff-merges=first-parent',
  ];
  const log = ['log', '--no-show-signature', ...range, '--format=%H %ct', '--', TRUST_FILE];
  const lines = (await git(root, log)).toString('utf8').split('\n').filter(Boolean);
  const versions: TrustVersion[] = [];
  for (const line of lines.slice(0, TRUST_VERSIONS_MAX)) {
    const [commit = '', seconds = ''] = line.split(' ');
    // cat-file, since `show` may run filters that the repository names. A commit may remove the file.
    const bytes = await git(root, ['cat-file', 'blob', `${commit}:./${TRUST_FILE}`]).catch(
      () => null,
    );
    if (bytes !== null) versions.push(versionOf(bytes, Number(seconds) * 1_000));
  }
  if (lines.length === 0) return { versions, gap: `${TRUST_FILE} is not committed` };
  const shallow = await git(root, ['rev-parse', '--is-shallow-repository']);
  const isCut = shallow.toString('utf8').trim() === 'true' || lines.length > TRUST_VERSIONS_MAX;
  const gap = isCut
    ? `the history of ${TRUST_FILE} is cut off: older versions are not known`
    : undefined;
  return { versions, gap };
}

function versionOf(bytes: Uint8Array, sinceMs: number | null): TrustVersion {
  const parsed = parseTrust(bytes, TRUST_FILE);
  const trust = parsed.ok ? parsed.value : undefined;
  return { digest: bytesDigest(bytes), bytes, trust, sinceMs };
}

async function git(root: string, args: readonly string[]): Promise<Buffer> {
  const fixed = ['--no-optional-locks', '-C', root, ...args];
  const options = { encoding: 'buffer', maxBuffer: YAML_BYTES_MAX } as const;
  return (await promisify(execFile)('git', fixed, options)).stdout;
}

function fault(thrown: unknown): string {
  const { stderr } = thrown as { readonly stderr?: Buffer };
  return stderr?.toString('utf8').trim().split('\n')[0] || messageOf(thrown);
}
