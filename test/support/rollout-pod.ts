/** A sidecar of approved rollouts as the built program, with the volumes that a pod has. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { connect } from '../unit/server/grpc-client.js';
import { temporaryDirectory } from './bundle-files.js';
import { decodeResponse, httpRequest } from './check-request.js';
import { createKubeletVolume, type KubeletVolume } from './kubelet-volume.js';
import { testBundle } from './rollout-place.js';
import { rolloutTrustText } from './rollouts.js';
import { type Sidecar, type SidecarOptions, startSidecar } from './sidecar.js';
import { digestOfText } from './states.js';
import { waitFor } from './wait.js';

export const TRUST = rolloutTrustText();

export interface Pod {
  readonly root: string;
  /** Where its bundles, trust file and state are. */
  at(name: 'bundles' | 'trust.yaml' | 'state' | 'rollout', ...more: string[]): string;
  readonly rollout: KubeletVolume;
  start(args?: readonly string[], more?: Partial<SidecarOptions>): Promise<Sidecar>;
  /** Onto the shelf, by rename. */
  put(...numbers: number[]): Promise<void>;
}

export async function createPod(): Promise<Pod> {
  const root = await temporaryDirectory();
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const at: Pod['at'] = (name, ...more) => join(root, name, ...more);
  await mkdir(at('bundles'));
  await writeFile(at('trust.yaml'), TRUST);
  return {
    root,
    at,
    rollout: createKubeletVolume(at('rollout')),
    async start(args = [], more = {}) {
      const sidecar = await startSidecar({
        until: 'listening',
        args: [
          ...['--service', 'shop/orders', '--environment', 'production'],
          ...['--bundles', at('bundles'), '--rollout', at('rollout')],
          ...['--trust', at('trust.yaml'), '--trust-digest', digestOfText(TRUST)],
          ...['--state', at('state'), ...args],
        ],
        ...more,
      });
      onTestFinished(() => sidecar.kill());
      return sidecar;
    },
    async put(...numbers) {
      for (const number of numbers) {
        const temporary = join(root, `${number}.part`);
        await writeFile(temporary, testBundle(number).archive);
        await rename(temporary, at('bundles', `test-${number}.tar.gz`));
      }
    },
  };
}

/** A GET of nobody in particular. */
export async function ask(sidecar: Sidecar, path: string) {
  const client = connect(sidecar.listen[0] as string);
  const response = decodeResponse(await client.check(httpRequest({ path })));
  client.close();
  const fields = response.dynamic_metadata?.fields;
  return {
    outcome: fields?.outcome?.stringValue,
    reason: fields?.reason?.stringValue,
    stamp: fields?.policy_version?.stringValue,
  };
}

const sequenceOf = async (sidecar: Sidecar) =>
  ((await sidecar.status()).rollout as { sequence: number } | null)?.sequence;

export async function runs(sidecar: Sidecar, sequence: number): Promise<void> {
  await waitFor(`document ${sequence}`, async () => (await sequenceOf(sidecar)) === sequence, {
    detail: () => sidecar.output(),
  });
}

export interface ToldRefusal {
  readonly code: string;
  readonly file: string | null;
}

/** Waits until this is what /status says was refused. */
export async function refuses(sidecar: Sidecar, code: string): Promise<ToldRefusal> {
  let refusal: ToldRefusal | null = null;
  await waitFor(
    code,
    async () => {
      refusal = (await sidecar.status()).last_refusal as ToldRefusal | null;
      return refusal?.code === code;
    },
    { detail: () => sidecar.output() },
  );
  return refusal as unknown as ToldRefusal;
}
