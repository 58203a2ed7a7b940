/** The built program, whose ten thousand policies change while it is asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { bundleFiles, temporaryDirectory } from '../support/bundle-files.js';
import { decodeResponse, httpRequest } from '../support/check-request.js';
import { createKubeletVolume } from '../support/kubelet-volume.js';
import { startSidecar } from '../support/sidecar.js';
import { waitFor } from '../support/wait.js';
import { connect } from '../unit/server/grpc-client.js';

const CALLERS = 200;
const POLICIES_EACH = 50;
const PAUSE_MS = 20;

const idOf = (caller: number) => `spiffe://example.org/ns/shop/sa/caller-${caller}`;

/** Each caller has policies of its own, so that each needs some parsed that nobody else does. */
function files(version: string): Record<string, string> {
  const ofCaller = (caller: number) =>
    Array.from({ length: POLICIES_EACH }, (_, n) => {
      const path = `/${n}/${caller === 0 ? version : 'x'}*`;
      return `@id("c${caller}-${n}") @owner("o") @description("d")
permit (principal == Workload::"${idOf(caller)}", action, resource)
when { context.path like "${path}" };`;
    }).join('\n');
  const texts = Array.from({ length: CALLERS }, (_, caller) => [
    `caller-${caller}.cedar`,
    ofCaller(caller),
  ]);
  return { ...bundleFiles(version), ...Object.fromEntries(texts) };
}

it('decides every check while its policies are loaded, and all of them by the new ones then', async () => {
  const volume = createKubeletVolume(`${await temporaryDirectory()}/policies`);
  await volume.write(files('1'));
  const sidecar = await startSidecar({
    args: ['--service', 'shop/payments', '--bundle', volume.directory],
    env: { CEDARGATE_DRAIN_MS: '0' },
    timeoutMs: 120_000,
  });
  onTestFinished(() => sidecar.kill());
  // A process in shadow is ready without its policies, and these take a while.
  const loaded = async () => (await sidecar.status()).bundle !== null;
  await waitFor('the policies', loaded, { timeoutMs: 120_000, detail: () => sidecar.output() });
  const client = connect(sidecar.listen[0] as string);
  onTestFinished(() => client.close());

  // Each caller once, so that what is measured is the change.
  for (let caller = 0; caller < CALLERS; caller += 1) {
    await client.check(httpRequest({ path: '/0/x', principal: idOf(caller) }));
  }
  let phase = 'before';
  const seen = new Map<string, number>();
  const versions = new Set<string>();
  let asking = true;
  const load = (async () => {
    const calls: Promise<void>[] = [];
    for (let n = 0; asking; n += 1) {
      const message = httpRequest({ path: `/${n % 60}/x`, principal: idOf(n % CALLERS) });
      calls.push(
        client.check(message).then((answer) => {
          const fields = decodeResponse(answer).dynamic_metadata?.fields;
          const what = `${phase}: ${fields?.reason?.stringValue}`;
          seen.set(what, (seen.get(what) ?? 0) + 1);
          versions.add(String(fields?.policy_version?.stringValue).split('+')[0] ?? '');
        }),
      );
      await sleep(PAUSE_MS);
    }
    await Promise.all(calls);
  })();
  const everybody = async () => {
    const before = [...seen.values()].reduce((a, b) => a + b, 0);
    await waitFor(
      'an answer to each caller',
      () => [...seen.values()].reduce((a, b) => a + b, 0) >= before + CALLERS,
      { timeoutMs: 60_000 },
    );
  };
  await everybody();
  phase = 'loading';
  await volume.write(files('2'));
  await waitFor('the new policies', () => versions.has('2'), {
    timeoutMs: 120_000,
    detail: () => sidecar.output(),
  });
  phase = 'after';
  await everybody();
  asking = false;
  await load;

  const decided = ['no_permit', 'policy_permit'];
  const undecided = [...seen].filter(([what]) => !decided.some((reason) => what.endsWith(reason)));
  expect(undecided).toEqual([]);
  expect([...versions].sort()).toEqual(['1', '2']);
}, 300_000);
