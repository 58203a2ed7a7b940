/** A policy repository in a temporary folder, with a history of the rollout `orders` in production. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildBundle } from '../../src/bundle/build.js';
import { openBundle } from '../../src/bundle/open.js';
import { engineVersion } from '../../src/cedar/engine.js';
import { nextDocument } from '../../src/rollout/next-document.js';
import type { RolloutPayload } from '../../src/rollout/payload.js';
import { addApproval, sealRollout } from '../../src/rollout/seal.js';
import { parseRolloutSource } from '../../src/rollout/source.js';
import type { ResolvedBundle, VerifiedDocument } from '../../src/rollout/types.js';
import { verifyDocument } from '../../src/rollout/verify.js';
import { bundleFiles, sourceFiles, temporaryDirectory } from './bundle-files.js';
import { resultValue } from './result.js';
import {
  approvalOf,
  BY,
  ISSUED_AT,
  KEYS,
  type KeyName,
  rolloutTrustText,
  type SourceOverrides,
  sourceText,
} from './rollouts.js';
import { signedBy } from './signed-bundles.js';

export interface MadeBundle extends ResolvedBundle {
  readonly archive: Buffer;
}

export interface BundleOptions {
  readonly routes?: readonly string[];
  /** `scope.destinations` */
  readonly scope?: string;
  /** More sources, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

/** `orders@<version>`, built, not signed. */
export function ordersBundle(version: string, options: BundleOptions = {}): MadeBundle {
  const { routes = [], scope, files = {} } = options;
  const manifest = `name: orders\nversion: "${version}"\nowner: team-orders\n`;
  const limits = scope === undefined ? '' : `scope: {destinations: [${scope}]}\n`;
  const list = routes.map((name) => `- {name: ${name}, path: /${name}}\n`).join('');
  const all = {
    ...bundleFiles(version),
    'bundle.yaml': `${manifest}${limits}`,
    ...(scope === undefined ? {} : { 'main.cedar': scopedPolicy(scope) }),
    ...(list === '' ? {} : { 'routes.yaml': list }),
    ...files,
  };
  const built = buildBundle({
    files: sourceFiles(all),
    testFiles: [],
    createdAt: '2026-11-03T09:30:00.000Z',
    change: {},
    cedar: engineVersion(),
    runTests: () => {
      throw new Error('there are no tests');
    },
  });
  const { archive } = resultValue(built);
  const { digest } = resultValue(openBundle(archive, 'x.tar.gz'));
  return { name: 'orders', version, digest, archive };
}

function scopedPolicy(service: string): string {
  return `@id("main")
@owner("team-test")
@description("a policy of a test")
permit(principal, action == Action::"GET", resource in Service::"${service}");
`;
}

export interface Next {
  readonly active: ResolvedBundle;
  readonly candidate?: ResolvedBundle;
  readonly source?: SourceOverrides;
  /** In place of what the history makes of it. */
  readonly payload?: Partial<RolloutPayload>;
  readonly issuedAt?: string;
  readonly approvals?: readonly KeyName[];
  readonly author?: KeyName;
  readonly reconcile?: boolean;
}

/** The next sealed document after these. */
export function sealNext(history: readonly VerifiedDocument[], next: Next): Buffer {
  const { active, candidate, author = 'ada', issuedAt = ISSUED_AT } = next;
  const ref = ({ name, version, digest }: ResolvedBundle) => ({ name, version, digest });
  const text = sourceText({
    bundle: `${active.name}@${active.version}`,
    ...(candidate === undefined ? {} : { candidate: `${candidate.name}@${candidate.version}` }),
    ...next.source,
  });
  const payload = nextDocument({
    history,
    source: resultValue(parseRolloutSource(text, 'orders.yaml')),
    sourceText: text,
    active: ref(active),
    candidate: candidate && ref(candidate),
    author,
    trust: BY.trust.digest,
    newSeed: '5eed5eed5eed5eed5eed5eed5eed5eed',
    issuedAtMs: Date.parse(issuedAt),
    evidence: undefined,
    revoke: [],
    reconcile: next.reconcile ?? false,
  });
  let bytes = sealRollout({ ...payload, ...next.payload }, KEYS[author].privateKey);
  for (const name of next.approvals ?? []) {
    const statement = approvalOf(bytes, name, { signedAt: issuedAt });
    bytes = resultValue(addApproval(bytes, 'next.json', statement, KEYS[name].privateKey));
  }
  return bytes;
}

export function verified(bytes: Uint8Array, by = BY): VerifiedDocument {
  return resultValue(verifyDocument(bytes, 'document.json', by));
}

/** The folder; `files` by path below it, undefined leaves one out. */
export async function changeRepository(
  files: Readonly<Record<string, string | Uint8Array | undefined>>,
): Promise<(path: string) => string> {
  const root = await temporaryDirectory();
  const keys = Object.entries(KEYS).map(([name, key]) => [`keys/${name}.key`, key.privatePem]);
  const all: typeof files = {
    'trust.yaml': rolloutTrustText(),
    ...Object.fromEntries(keys),
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    if (content === undefined) continue;
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  return (path) => join(root, path);
}

/** By where the repository keeps it; signed by ada unless told otherwise. */
export function shelved(
  bundles: readonly MadeBundle[],
  signers: readonly KeyName[] = ['ada'],
): Record<string, Buffer> {
  const keys = signers.map((name) => KEYS[name]);
  return Object.fromEntries(
    bundles.map(({ name, version, archive }) => [
      `bundles/${name}-${version}.tar.gz`,
      signedBy(archive, ...keys),
    ]),
  );
}
