/** The built program, asked for more than it can decide in time. */
import { expect, it, onTestFinished } from 'vitest';
import { bundleFiles, policy, temporaryDirectory, writeFiles } from '../support/bundle-files.js';
import { decodeResponse, httpRequest } from '../support/check-request.js';
import { startSidecar } from '../support/sidecar.js';
import { waitFor } from '../support/wait.js';
import { connect } from '../unit/server/grpc-client.js';

/** Each is looked at for every request: a check takes milliseconds. */
const POLICIES = 2_000;
const CALLS_AT_ONCE = 400;

it('asks no policies while it is flooded, answers all the same what it knows, and then decides again', async () => {
  const directory = await temporaryDirectory();
  const texts = Array.from({ length: POLICIES }, (_, n) =>
    policy(`p${n}`, `context.path like "*/${n}/*/${n}"`),
  );
  await writeFiles(directory, { ...bundleFiles('1.0.0'), 'many.cedar': texts.join('') });
  const sidecar = await startSidecar({
    args: ['--service', 'shop/payments', '--bundle', directory],
    env: { CEDARGATE_DRAIN_MS: '0' },
    timeoutMs: 60_000,
  });
  onTestFinished(() => sidecar.kill());
  const client = connect(sidecar.listen[0] as string);
  onTestFinished(() => client.close());
  const told = async (path: string) => {
    const response = decodeResponse(await client.check(httpRequest({ path })));
    const fields = response.dynamic_metadata?.fields;
    return { reason: fields?.reason?.stringValue, outcome: fields?.outcome?.stringValue };
  };
  // From here on it is remembered.
  expect((await told('/known')).reason).toBe('no_permit');

  const seen = new Set<string>();
  let flooding = true;
  let asked = 0;
  const flood = Array.from({ length: CALLS_AT_ONCE }, async () => {
    while (flooding) {
      asked += 1;
      const { reason, outcome } = await told(`/x-${asked}`);
      seen.add(`${reason} ${outcome}`);
    }
  });
  const overloaded = () => seen.has('overload allow');
  await waitFor('an overload', overloaded, { timeoutMs: 60_000, detail: () => [...seen].join() });
  expect((await told('/known')).reason).toBe('no_permit');
  flooding = false;
  await Promise.all(flood);

  // In shadow nobody is denied for it, and what had time was decided.
  expect([...seen].sort()).toEqual(['no_permit allow', 'overload allow']);
  expect(sidecar.output()).toContain('more is asked than can be decided in time');
  await waitFor('a decision', async () => (await told('/new')).reason === 'no_permit');
  const counts = (await sidecar.status()).decision_log as Record<string, number>;
  expect(counts.checks).toBe((counts.logged ?? 0) + (counts.sampled ?? 0) + (counts.dropped ?? 0));
}, 180_000);
