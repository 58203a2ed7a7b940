import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { loadBundleDirectory } from '../../../src/bundle/load.js';
import { unpackProgram } from '../../../src/cedar/packed-policies.js';
import {
  type BundleLoader,
  createBundleLoader,
  type LoadRequest,
} from '../../../src/reload/bundle-loader.js';
import { packSource } from '../../../src/reload/pack-bundles.js';
import { bundleFiles, temporaryDirectory, writeFiles } from '../../support/bundle-files.js';
import { resultValue } from '../../support/result.js';
import { waitFor } from '../../support/wait.js';

const thread = (name: string) => ({ workerUrl: new URL(`./threads/${name}.js`, import.meta.url) });
const requestFor = (directory: string): LoadRequest => ({
  source: { kind: 'directory', directory },
  environment: undefined,
});
const REQUEST = requestFor('anywhere');

const open: BundleLoader[] = [];
afterEach(async () => {
  for (const loader of open.splice(0)) await loader.close();
});
function openLoader(options: Parameters<typeof createBundleLoader>[0] = {}): BundleLoader {
  const loader = createBundleLoader(options);
  open.push(loader);
  return loader;
}

describe('loading in a thread', () => {
  test('gives what loading here gives, load after load', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, bundleFiles('1'));
    const request = requestFor(directory);
    const loader = openLoader();
    const loaded = await loader.load(request);
    expect(loaded.result).toMatchObject({ ok: true });
    expect(loaded).toEqual(
      packSource(await loadBundleDirectory(directory, { environment: undefined })),
    );
    await writeFiles(directory, { 'main.cedar': 'permit(' });
    const refused = await loader.load(request);
    expect(refused.result.ok).toBe(false);
    expect(refused).toEqual(await loadBundleDirectory(directory, { environment: undefined }));
  });

  test('takes over what is known of the bundle before', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, bundleFiles('1'));
    const loader = openLoader();
    const request = requestFor(directory);
    const { known } = resultValue((await loader.load(request)).result);
    expect(await loader.load({ ...request, known })).toEqual(await loader.load(request));
    // Only a lie shows that it was not found out again.
    if (known === undefined) throw new Error('nothing is known');
    const program = unpackProgram(known.program);
    const policies = program.policies.map((each) => ({ ...each, owner: 'known' }));
    const lie = { ...known, program: { ...program, policies } };
    const loaded = resultValue((await loader.load({ ...request, known: lie })).result);
    expect(unpackProgram(loaded.program).policies.map(({ owner }) => owner)).toEqual(['known']);
  });

  test('begins with the second built bundle: for the first nobody waits meanwhile', async () => {
    const directory = await temporaryDirectory();
    const digest = `sha256:${'0'.repeat(64)}` as const;
    const paths = { trust: `${directory}/trust.yaml`, trustDigests: [digest] };
    const request: LoadRequest = {
      source: { kind: 'shelf', directory, digest, ...paths },
      environment: undefined,
    };
    const loader = openLoader(thread('tells-whether-spare'));
    const here = await loader.load(request);
    expect(here.result).toMatchObject({ ok: false, problems: [{ code: 'bundle_unreadable' }] });
    expect(await loader.load(request)).toMatchObject({ spare: false });
  });

  describe('while somebody changes policies', () => {
    /** Longer than it takes to start or to end a thread. */
    const AWHILE_MS = 300;
    const open = (options: { readonly spareMs?: number } = {}) => {
      const loader = openLoader({ ...thread('tells-whether-spare'), ...options });
      return async () => (await loader.load(REQUEST)) as unknown as { spare: boolean };
    };

    test('has a thread ready for the next load, but none for the first change', async () => {
      const isSpare = open();
      expect(await isSpare()).toMatchObject({ spare: false });
      await sleep(AWHILE_MS);
      expect(await isSpare()).toMatchObject({ spare: false });
      await waitFor('a spare thread', async () => (await isSpare()).spare);
    });

    test('keeps it no longer than it was told to', async () => {
      const running = new Set<Worker>();
      const count = (worker: Worker) => {
        running.add(worker);
        worker.once('exit', () => running.delete(worker));
      };
      process.on('worker', count);
      onTestFinished(() => void process.off('worker', count));
      const isSpare = open({ spareMs: 1 });
      for (let load = 0; load < 3; load += 1) {
        expect(await isSpare()).toMatchObject({ spare: false });
        await sleep(AWHILE_MS);
      }
      await waitFor('the end of all threads', () => running.size === 0);
    });
  });

  test('leaves the event loop alone', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, bundleFiles('1'));
    let turns = 0;
    const ticking = setInterval(() => {
      turns += 1;
    }, 1);
    await openLoader().load(requestFor(directory));
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(10);
  });

  test.each([
    ['never answers', 'silent', 'load_timeout', 'longer than 300 ms'],
    ['never ends', 'busy', 'load_timeout', 'longer than 300 ms'],
    ['ends without an answer', 'ending', 'engine_failure', 'ended without an answer'],
    ['dies', 'throwing', 'engine_failure', 'unreachable executed'],
    ['takes all memory', 'hungry', 'engine_failure', 'memory'],
    ['cannot be started', 'none', 'engine_failure', 'none.js'],
  ])('a thread that %s is a refusal, and so is the next', async (_what, name, code, message) => {
    const limit = code === 'load_timeout' ? { timeoutMs: 300 } : {};
    const loader = openLoader({ ...limit, ...thread(name) });
    for (let i = 0; i < (name === 'hungry' ? 1 : 2); i += 1) {
      const { result, digest } = await loader.load(REQUEST);
      if (result.ok) throw new Error('the bundle was taken');
      expect(digest).toBe(undefined);
      expect(result.problems[0].code).toBe(code);
      expect(result.problems[0].message).toContain(message);
    }
  });

  test('ends when the loader is closed, and none begins afterwards', async () => {
    const loader = openLoader(thread('busy'));
    const loading = loader.load(REQUEST);
    await sleep(50);
    await loader.close();
    expect((await loading).result.ok).toBe(false);
    expect((await loader.load(REQUEST)).result.ok).toBe(false);
  });
});
