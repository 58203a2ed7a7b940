/**
 * How long a change of the policies takes: from the swap of a ConfigMap volume, as kubelet does it,
 * to the first answer that carries the new version.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { decodeResponse } from '../test/support/check-request.js';
import { createKubeletVolume } from '../test/support/kubelet-volume.js';
import { bundleFiles } from './bundles.js';
import type { Plan } from './plan.js';
import { benchPolicies } from './policies.js';
import type { ReloadResult } from './results.js';
import { startCedargate } from './servers.js';
import { spreadOf } from './statistics.js';
import { messageAt } from './traffic.js';

const TAKES_MS_MAX = 10_000;
/** Between two questions; the figures are as exact as this. */
const ASK_EVERY_MS = 5;
/** Between two changes. Real ones are minutes apart; without it they meet the end of the last. */
const PAUSE_MS = 1_500;
const CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';

export async function measureReload(
  plan: Plan,
  directory: string,
  say: (line: string) => void,
): Promise<ReloadResult> {
  const { policies: count, times } = plan.reload;
  const policies = benchPolicies(count);
  const volume = createKubeletVolume(join(directory, 'bundle-reload'));
  await volume.write(bundleFiles(policies, '1.0.0'));
  const server = await startCedargate({ bundle: volume.directory });
  const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
  try {
    const tookMs: number[] = [];
    // The first is not counted: it warms up.
    for (let time = 0; time <= times; time += 1) {
      const version = `1.0.${time + 1}`;
      await sleep(PAUSE_MS);
      const files = bundleFiles(policies, version);
      const seen = untilVersion(client, version);
      const swapped = volume.write(files).then(() => {});
      const ms = await seen;
      await swapped;
      if (time > 0) tookMs.push(ms);
    }
    const ms = spreadOf(tookMs);
    say(`${times} reloads: ${ms.min.toFixed(0)} to ${ms.max.toFixed(0)} ms`);
    return { policies: count, ms };
  } finally {
    client.close();
    await server.stop();
  }
}

/**
 * Asks one call at a time until an answer carries the version. The clock starts
 * before the first byte of the new volume is written, so the time that writing takes is included.
 */
async function untilVersion(client: Client, version: string): Promise<number> {
  const begin = performance.now();
  for (let n = 0; ; n += 1) {
    if ((await versionOfAnswer(client, n)).startsWith(`${version}+`)) {
      return performance.now() - begin;
    }
    if (performance.now() - begin > TAKES_MS_MAX) throw new Error(`version ${version} never came`);
    await sleep(ASK_EVERY_MS);
  }
}

function versionOfAnswer(client: Client, n: number): Promise<string> {
  const asIs = (bytes: Buffer) => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(CHECK_PATH, asIs, asIs, messageAt(n), (error, answer) => {
      if (error !== null || answer === undefined) reject(error);
      else resolve(stampOf(answer));
    });
  });
}

function stampOf(answer: Buffer): string {
  const { dynamic_metadata: metadata } = decodeResponse(answer);
  return metadata?.fields?.policy_version?.stringValue ?? '';
}
