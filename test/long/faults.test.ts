/**
 * The built program while its volumes, its disk and its clock go wrong. What runs goes on, and
 * /status, metrics and change lines tell one story of what was refused.
 */
import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { chmod, mkdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { STATE_FILE_BYTES_MAX } from '../../src/constants.js';
import { testDocument } from '../support/rollout-place.js';
import { ask, createPod, type Pod, runs, type ToldRefusal, TRUST } from '../support/rollout-pod.js';
import type { Sidecar } from '../support/sidecar.js';
import { waitFor } from '../support/wait.js';

const DAY_MS = 86_400_000;
/** Many facts about few programs. */
const LONG = { timeout: 120_000 };
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

/** One story of one refusal, while document `sequence` goes on. */
async function expectRefused(sidecar: Sidecar, code: string, file: RegExp, sequence: number) {
  const isIt = (told: { code?: unknown; file?: unknown } | null) =>
    told?.code === code && file.test(String(told.file));
  const detail = () => `${JSON.stringify(sidecar.lines.slice(-4))}\n${sidecar.output()}`;
  await waitFor(
    `${code} of ${file}`,
    async () => isIt((await sidecar.status()).last_refusal as ToldRefusal | null),
    { detail },
  );
  await sidecar.waitForLine(
    ({ type, result, reason, file: named }) =>
      type === 'change' && result === 'refused' && isIt({ code: reason, file: named }),
  );
  expect(
    await sidecar.metric(`cedargate_reloads_total{result="rejected_${code}"}`),
  ).toBeGreaterThan(0);
  await expectRunning(sidecar, sequence);
}

async function expectRunning(sidecar: Sidecar, sequence: number) {
  expect(await sidecar.status()).toMatchObject({ ready: true, rollout: { sequence } });
  const running = '{rollout="orders",environment="production",role="running"}';
  expect(await sidecar.metric(`cedargate_rollout_sequence${running}`)).toBe(sequence);
}

it(
  'goes on whatever is mounted, and takes what is right as soon as it is there',
  LONG,
  async () => {
    const { root, at, rollout, start, put } = await createPod();
    await put(1);
    await rollout.write({ 'orders.json': testDocument(5, 1) });
    const sidecar = await start();
    await runs(sidecar, 5);

    const twin = testDocument(6, 1, { payload: { seed: '0'.repeat(32) } });
    await rollout.write({ 'a.json': testDocument(6, 1), 'b.json': twin });
    await expectRefused(sidecar, 'rollout_sequence', /^[ab]\.json$/, 5);
    await rollout.write({ 'jump.json': testDocument(1_006, 1) });
    await expectRefused(sidecar, 'rollout_sequence', /^jump\.json$/, 5);
    const cart = testDocument(9, 1, { source: { name: 'cart' } });
    await rollout.write({ 'orders.json': testDocument(5, 1), 'cart.json': cart });
    await expectRefused(sidecar, 'rollout_conflict', /^(orders|cart)\.json$/, 5);
    await rollout.write({ 'garbage.json': Buffer.from([0, 255, 1, 254]) });
    await expectRefused(sidecar, 'not_utf8', /^garbage\.json$/, 5);
    await rollout.write({ 'half.json': testDocument(7, 1).subarray(0, 900) });
    await expectRefused(sidecar, 'json_invalid', /^half\.json$/, 5);
    await mkdir(at('rollout', 'folder.json'));
    await expectRefused(sidecar, 'rollout_unreadable', /^folder\.json$/, 5);
    await rm(at('rollout'), { recursive: true });
    await expectRefused(sidecar, 'rollout_missing', /rollout$/, 5);
    expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'allow' });

    // Six is skipped, and the bundle of seven comes late, after something that is none.
    await rollout.write({ 'orders.json': testDocument(7, 2, { rollback: 1 }) });
    await waitFor('the lag', async () => (await sidecar.status()).lag);
    await writeFile(at('bundles', 'test-2.tar.gz'), 'garbage');
    await waitFor('the warning', () => sidecar.output().includes('test-2.tar.gz'));
    expect(await sidecar.status()).toMatchObject({
      ...{ rollout: { sequence: 5 }, approved: { sequence: 7 } },
      lag: { reason: 'bundle_not_on_shelf' },
    });
    await expectRunning(sidecar, 5);
    expect(await ask(sidecar, '/1')).toMatchObject({ outcome: 'allow' });
    await put(2);
    await runs(sidecar, 7);
    expect(await sidecar.status()).toMatchObject({ lag: null, last_refusal: null });
    expect(await sidecar.metric('cedargate_lag_seconds{rollout="orders"}')).toBe(0);

    // The state directory is taken away, and comes back. By renames: it may be written at this moment.
    await writeFile(join(root, 'file'), '');
    renameSync(at('state'), join(root, 'away'));
    renameSync(join(root, 'file'), at('state'));
    await rollout.write({ 'orders.json': testDocument(8, 2) });
    await runs(sidecar, 8);
    await waitFor('the warning', () => sidecar.output().includes('the directory cannot be used'));
    await rm(at('state'));
    await rollout.write({ 'orders.json': testDocument(9, 2) });
    await runs(sidecar, 9);
    await waitFor('the state', () => isThere(at('state', 'rollouts', 'orders.json')));

    // What runs needs neither shelf nor trust file, and documents are judged by the pinned copy.
    await rm(at('bundles'), { recursive: true });
    await rm(at('trust.yaml'));
    await expectRefused(sidecar, 'bundle_unreadable', /trust\.yaml$/, 9);
    await rollout.write({ 'orders.json': testDocument(10, 2) });
    await runs(sidecar, 10);
    expect(await ask(sidecar, '/2')).toMatchObject({ outcome: 'allow' });
  },
);

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Takes a caller's exception and a block as live as the present clock says, all day but no longer. */
function timely(sequence: number, active: number): Buffer {
  const time = (ms: number) => new Date(Date.now() + ms).toISOString();
  const entry = (name: string, path: string) =>
    `[{name: ${name}, ticket: INC-1, owner: o, reason: r, match: {${path}}, ` +
    `from: "${time(-DAY_MS / 4)}", until: "${time(DAY_MS / 4)}"}]`;
  return testDocument(sequence, active, {
    source: { exceptions: entry('let', 'actions: [GET]'), blocks: entry('stop', 'actions: [GET]') },
    payload: { issuedAt: time(0) },
    statement: { signedAt: time(0) },
  });
}

const clock = (shiftMs: number) => ({
  NODE_OPTIONS: `--import ${fixture('shifted-clock.mjs')}`,
  CLOCK_SHIFT_MS: `${shiftMs}`,
});

/** Root may write where modes say no, so for root it takes a mount. The reason when there is no way. */
async function makeReadOnly(directory: string): Promise<string | undefined> {
  if (process.getuid?.() !== 0) {
    for (const name of ['rollouts', 'bundles', '.']) await chmod(`${directory}/${name}`, 0o555);
    onTestFinished(async () => {
      for (const name of ['.', 'rollouts', 'bundles']) await chmod(`${directory}/${name}`, 0o755);
    });
    return undefined;
  }
  try {
    execFileSync('mount', ['--bind', directory, directory], { stdio: 'pipe' });
    onTestFinished(() => void execFileSync('umount', ['-l', directory]));
    execFileSync('mount', ['-o', 'remount,bind,ro', directory], { stdio: 'pipe' });
    return undefined;
  } catch (thrown) {
    return String(thrown);
  }
}

/** What the state holds beside what was saved. */
async function damage({ at }: Pod): Promise<void> {
  await writeFile(at('state', 'clock.json'), '{"minReader":1,"clo');
  await symlink(at('state', 'rollouts', 'orders.json'), at('state', 'rollouts', 'link.json'));
  await writeFile(at('state', 'rollouts', 'huge.json'), '');
  await truncate(at('state', 'rollouts', 'huge.json'), STATE_FILE_BYTES_MAX + 1);
}

it(
  'goes on with a full disk, a read-only one, damaged state, and a clock wrong by a day',
  LONG,
  async () => {
    const pod = await createPod();
    const { at, rollout, start, put } = pod;
    await put(1);
    await rollout.write({ 'orders.json': testDocument(5, 1) });
    const first = await start();
    await runs(first, 5);
    await waitFor('the state', () => isThere(at('state', 'rollouts', 'orders.json')));
    await first.kill();

    // Nothing is mounted any more, the disk is full, and it is tomorrow.
    for (const name of ['bundles', 'rollout', 'trust.yaml'] as const) {
      await rm(at(name), { recursive: true });
    }
    const full = await start([], { env: clock(DAY_MS), node: fixture('full-disk.sh') });
    await runs(full, 5);
    expect(await ask(full, '/1')).toMatchObject({ outcome: 'allow' });
    await writeFile(at('trust.yaml'), TRUST);
    await mkdir(at('bundles'));
    await put(1, 2);
    await rollout.write({ 'orders.json': timely(6, 2) });
    await runs(full, 6);
    await waitFor('the warning', () => full.output().includes('orders.json: the bundle'));
    expect(full.output()).toMatch(/cannot be kept: .*EFBIG/);
    // Both ended: nobody is blocked, and what nobody permits is denied.
    expect(await ask(full, '/2')).toMatchObject({ outcome: 'allow' });
    expect(await ask(full, '/other')).toMatchObject({ outcome: 'deny', reason: 'no_permit' });
    await full.kill();

    await damage(pod);
    const readOnlyFailed = await makeReadOnly(at('state'));
    if (readOnlyFailed !== undefined) console.warn(`no read-only state: ${readOnlyFailed}`);
    const early = await start([], { env: clock(-DAY_MS) });
    await runs(early, 6);
    const told = () => early.output();
    expect(told()).toMatch(/clock\.json: the file is damaged/);
    expect(told()).toMatch(/huge\.json: the file cannot be read: it has more than/);
    expect(told()).toMatch(/link\.json: the file cannot be read: it is a symbolic link/);
    await waitFor('the clock', () => told().includes('later than it is here'));
    if (readOnlyFailed === undefined) {
      await waitFor('the warning', () => /EROFS|EACCES/.test(told()));
    }
    // Neither has begun.
    expect(await early.status()).toMatchObject({
      ...{ exceptions: [{ state: 'pending' }], blocks: [{ state: 'pending' }] },
    });
    expect(await ask(early, '/2')).toMatchObject({ outcome: 'allow' });
    expect(await ask(early, '/other')).toMatchObject({ outcome: 'deny', reason: 'no_permit' });
    await expectRunning(early, 6);
  },
);
