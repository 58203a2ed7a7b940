/** Everything that a sidecar with approved rollouts looks at: trust file, documents, shelf, state. */
import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBundle } from '../../src/bundle/open.js';
import type { Digest } from '../../src/bundle/types.js';
import { factsOf } from '../../src/reload/bundle-supply.js';
import {
  type LoadedRollouts,
  loadRollouts,
  type RolloutPaths,
  type RolloutsRequest,
} from '../../src/reload/load-rollouts.js';
import type { Memories } from '../../src/reload/rollout-memory.js';
import type { BundleFacts } from '../../src/rollout/fit.js';
import { temporaryDirectory } from './bundle-files.js';
import { resultValue } from './result.js';
import { KEYS, makeRollout, type RolloutOptions, rolloutTrustText } from './rollouts.js';
import { signedBy, smallBundle } from './signed-bundles.js';

export interface TestBundle {
  readonly archive: Buffer;
  readonly digest: Digest;
}

const bundles = new Map<number, TestBundle>();

/** Bundle `number`, signed by ada, with one policy and no route. */
export function testBundle(number: number): TestBundle {
  const known = bundles.get(number);
  if (known !== undefined) return known;
  const archive = signedBy(smallBundle(String(number)), KEYS.ada);
  const made = { archive, digest: resultValue(openBundle(archive, 'x')).digest };
  bundles.set(number, made);
  return made;
}

const ref = (number: number) => ({
  name: 'test',
  version: String(number),
  digest: testBundle(number).digest,
});

/** Document `sequence` of `orders`: everything enforced under bundle `active`. */
export function testDocument(
  sequence: number,
  active: number,
  more: RolloutOptions & { readonly rollback?: number; readonly candidate?: number } = {},
): Buffer {
  const { rollback, candidate, payload, source, ...rest } = more;
  const named = candidate === undefined ? {} : { candidate: `test@${candidate}` };
  return makeRollout({
    approvals: 2,
    ...rest,
    source: { bundle: `test@${active}`, enforce: '[{name: all, match: {}}]', ...named, ...source },
    payload: {
      sequence,
      resolved: {
        active: ref(active),
        candidate: candidate === undefined ? null : ref(candidate),
        rollback: rollback === undefined ? null : ref(rollback),
      },
      superseded: [],
      ...payload,
    },
  });
}

export interface RolloutPlace {
  readonly root: string;
  readonly paths: RolloutPaths;
  putDocument(name: string, bytes: Uint8Array): Promise<void>;
  removeDocument(name: string): Promise<void>;
  putBundles(...numbers: number[]): Promise<void>;
  /** Of the shelf, or of the state's own. */
  putArchive(name: string, bytes: Uint8Array, where?: 'shelf' | 'state'): Promise<void>;
  /** One load, which knows what the one before gave. */
  load(changes?: Partial<RolloutsRequest>): Promise<LoadedRollouts>;
  request(changes?: Partial<RolloutsRequest>): RolloutsRequest;
  /** What a new process knows. */
  forget(): void;
}

export const PLACE_NOW = Date.parse('2026-11-25T00:00:00Z');

export async function rolloutPlace(trustText = rolloutTrustText()): Promise<RolloutPlace> {
  const root = await temporaryDirectory();
  const at = (name: string) => join(root, name);
  for (const name of ['documents', 'bundles', 'state']) await mkdir(at(name));
  await writeFile(at('trust.yaml'), trustText);
  const digest = createHash('sha256').update(trustText).digest('hex');
  const paths: RolloutPaths = {
    kind: 'rollout',
    documents: at('documents'),
    bundles: at('bundles'),
    state: at('state'),
    trust: at('trust.yaml'),
    trustDigests: [`sha256:${digest}`],
  };
  let memories: Memories = new Map();
  const loaded = new Map<Digest, BundleFacts>();
  const request = (changes: Partial<RolloutsRequest> = {}): RolloutsRequest => ({
    ...{
      paths,
      stateBundles: at('state'),
      stateTrust: at('state/trust.yaml'),
      environment: 'production',
      service: undefined,
    },
    ...{ minSequence: 0, memories, remembered: new Map(), loaded, nowMs: PLACE_NOW },
    ...changes,
  });
  const place: RolloutPlace = {
    root,
    paths,
    putDocument: (name, bytes) => writeFile(join(paths.documents, name), bytes),
    removeDocument: (name) => rm(join(paths.documents, name)),
    async putBundles(...numbers) {
      for (const number of numbers) {
        await place.putArchive(`test-${number}.tar.gz`, testBundle(number).archive);
      }
    },
    putArchive: (name, bytes, where = 'shelf') =>
      writeFile(join(where === 'shelf' ? paths.bundles : at('state'), name), bytes),
    async load(changes) {
      const answer = resultValue(await loadRollouts(request(changes)));
      memories = new Map([...answer.rollouts].map(([name, { memory }]) => [name, memory]));
      for (const [found, bundle] of answer.bundles) loaded.set(found, factsOf(bundle));
      return answer;
    },
    request,
    forget() {
      memories = new Map();
      loaded.clear();
    },
  };
  return place;
}

/** `<approved sequence> <running sequence> <number of the bundle> <code of the lag>` of each rollout. */
export function standing({ rollouts }: Pick<LoadedRollouts, 'rollouts'>): Record<string, string> {
  const number = (digest: Digest | undefined) =>
    [...bundles].find(([, bundle]) => bundle.digest === digest)?.[0];
  return Object.fromEntries(
    [...rollouts].map(
      ([
        name,
        {
          memory: { newest, running },
          lag,
        },
      ]) => {
        const bundle = number(running.bundle) ?? running.absence;
        return [
          name,
          [newest.sequence, running.document.sequence, bundle, lag?.code].join(' ').trim(),
        ];
      },
    ),
  );
}
