/** Where the policies come from that are loaded anew while the event loop is watched. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKubeletVolume } from '../test/support/kubelet-volume.js';
import { digestOf, KEYS, makeRollout, rolloutTrustText } from '../test/support/rollouts.js';
import { signedBy } from '../test/support/signed-bundles.js';
import { builtFrom } from '../test/support/source-bundle.js';
import { digestOfText } from '../test/support/states.js';
import { bundleFiles } from './bundles.js';
import { type BenchPolicy, benchPolicies } from './policies.js';
import type { SidecarSettings } from './servers.js';

export interface StallSource {
  readonly what: string;
  readonly settings: SidecarSettings;
  /** For the n-th time, from 1; resolves with the version that then decides. */
  change(time: number): Promise<{ readonly version: string; readonly written: Promise<void> }>;
}

/** Each time another policy says something else: one of everybody, of one caller, of a namespace, ... */
export async function plainDirectory(policies: number, directory: string): Promise<StallSource> {
  const all = benchPolicies(policies);
  const volume = createKubeletVolume(join(directory, 'bundle-stall'));
  await volume.write(bundleFiles(all, '1.0.0'));
  return {
    what: 'plain directory',
    settings: { bundle: volume.directory, probed: true },
    async change(time) {
      const version = `1.0.${time}`;
      return { version, written: volume.write(bundleFiles(changed(all, time), version)) };
    },
  };
}

/**
 * Of an approved rollout, each document of which names the other one of two: building takes longer than
 * loading. They differ in a policy of everybody, so that every caller's policies are others.
 */
export async function builtBundles(policies: number, directory: string): Promise<StallSource> {
  const place = join(directory, 'stall');
  const at = (...names: string[]) => join(place, ...names);
  for (const folder of ['bundles', 'rollout', 'state']) mkdirSync(at(folder), { recursive: true });
  const all = benchPolicies(policies);
  const bundles = [0, 1].map((time) => {
    const version = `1.0.${time}`;
    const built = builtFrom(bundleFiles(time === 0 ? all : changed(all, time), version));
    writeFileSync(at('bundles', `bench-${version}.tar.gz`), signedBy(built.archive, KEYS.ada));
    return { name: built.manifest.name, version, digest: built.digest };
  });
  let previous: Buffer | undefined;
  const put = (time: number) => {
    const active = bundles[time % 2] as (typeof bundles)[number];
    const document = makeRollout({
      approvals: 2,
      source: {
        ...{ name: 'payments', destinations: '[{service: shop/payments}]', enforce: '[]' },
        bundle: `${active.name}@${active.version}`,
      },
      payload: {
        sequence: 1 + time,
        previous: previous === undefined ? null : digestOf(previous),
        resolved: { active, candidate: null, rollback: null },
        superseded: [],
      },
    });
    previous = document;
    writeFileSync(at('next'), document);
    renameSync(at('next'), at('rollout', 'payments.json'));
    return active.version;
  };
  put(0);
  const trust = rolloutTrustText();
  writeFileSync(at('trust.yaml'), trust);
  const flags = [
    ...['--environment', 'production', '--bundles', at('bundles'), '--rollout', at('rollout')],
    ...['--state', at('state'), '--trust', at('trust.yaml'), '--trust-digest', digestOfText(trust)],
  ];
  return {
    what: 'built bundles',
    settings: { flags, everyLine: true, probed: true },
    change: async (time) => ({ version: put(time), written: Promise.resolve() }),
  };
}

function changed(policies: readonly BenchPolicy[], time: number): BenchPolicy[] {
  return policies.map((policy, index) => {
    return index === time ? { ...policy, path: `${policy.path}${time}` } : policy;
  });
}
