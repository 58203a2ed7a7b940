import { createHook } from 'node:async_hooks';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FSWatcher } from 'chokidar';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { watchDirectories } from '../../../src/reload/directory-watcher.js';
import type { BundleSource } from '../../../src/reload/source.js';
import {
  startWatch as openWatch,
  type Watch,
  type WatchOptions,
} from '../../../src/reload/watch.js';
import { watchedOf } from '../../../src/reload/watched.js';
import { temporaryDirectory, writeFiles } from '../../support/bundle-files.js';
import { createKubeletVolume } from '../../support/kubelet-volume.js';

const open: Watch[] = [];
afterEach(async () => {
  for (const watch of open.splice(0)) await watch.close();
});

/** Counts changes; `next` waits for one that was not waited for yet. */
async function startWatch(on: string | BundleSource, options: Partial<WatchOptions> = {}) {
  const source: BundleSource = typeof on === 'string' ? { kind: 'directory', directory: on } : on;
  let count = 0;
  let waited = 0;
  const reasons: string[] = [];
  const changed = new EventEmitter();
  const watch = openWatch({
    watched: watchedOf(source),
    // No test here may pass because of the poll, unless it says so.
    pollMs: 3_600_000,
    ...options,
    onChange: (reason) => {
      count += 1;
      reasons.push(reason);
      changed.emit('change');
    },
  });
  open.push(watch);
  await watch.start();
  const next = async () => {
    while (count === waited) await new Promise((resolve) => changed.once('change', resolve));
    waited = count;
  };
  return { next, reasons, count: () => count, watch };
}

/** Calls of `node:fs/promises` from now on. */
function fileSystemCalls() {
  const open = new Set<number>();
  let all = 0;
  let atOnce = 0;
  const hook = createHook({
    init(id, type) {
      if (type !== 'FSREQPROMISE') return;
      open.add(id);
      all += 1;
      atOnce = Math.max(atOnce, open.size);
    },
    before: (id) => void open.delete(id),
  }).enable();
  return { all: () => all, atOnce: () => atOnce, stop: () => hook.disable() };
}

describe('a change is noticed', () => {
  test('when a file is written, added, renamed over, removed', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, { 'a.cedar': 'A' });
    const { next } = await startWatch(directory);
    await writeFiles(directory, { 'a.cedar': 'B' });
    await next();
    await writeFiles(directory, { 'b.cedar': 'B' });
    await next();
    await writeFiles(directory, { 'c.tmp': 'C' });
    await rename(join(directory, 'c.tmp'), join(directory, 'a.cedar'));
    await next();
    await unlink(join(directory, 'a.cedar'));
    await next();
  });

  test('each time a volume is swapped', async () => {
    const volume = createKubeletVolume(await temporaryDirectory());
    await volume.write({ 'a.cedar': '0' });
    const { next } = await startWatch(volume.directory);
    for (let i = 1; i <= 5; i += 1) {
      await volume.write({ 'a.cedar': `${i}` });
      await next();
    }
  });

  test('when a volume appears late, its parents too', async () => {
    const directory = join(await temporaryDirectory(), 'mnt', 'policies');
    const { next } = await startWatch(directory);
    await createKubeletVolume(directory).write({ 'a.cedar': '0' });
    await next();
  });

  test('when the directory is deleted and made again, more than once', async () => {
    const directory = join(await temporaryDirectory(), 'policies');
    await mkdir(directory);
    await writeFiles(directory, { 'a.cedar': '0' });
    const { next } = await startWatch(directory);
    for (let i = 0; i < 3; i += 1) {
      await rm(directory, { recursive: true });
      await next();
      await mkdir(directory);
      await writeFiles(directory, { 'a.cedar': '0' });
      await next();
    }
    await writeFiles(directory, { 'a.cedar': '1' });
    await next();
  });

  test('after the directory was replaced in one go, which often gives it the same inode', async () => {
    const directory = join(await temporaryDirectory(), 'policies');
    await mkdir(directory);
    await writeFiles(directory, { 'a.cedar': '0' });
    const { next } = await startWatch(directory);
    for (let i = 1; i <= 5; i += 1) {
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
      writeFileSync(join(directory, 'a.cedar'), `new ${i}`);
      await next();
      await writeFiles(directory, { 'a.cedar': `edited ${i}` });
      await next();
    }
  });

  test('when the whole path to it is moved away and comes back', async () => {
    const root = await temporaryDirectory();
    const directory = join(root, 'mnt', 'policies');
    await mkdir(directory, { recursive: true });
    await writeFiles(directory, { 'a.cedar': '0' });
    const { next } = await startWatch(directory);
    await rename(directory, join(root, 'away'));
    await next();
    await rename(join(root, 'away'), directory);
    await next();
  });

  test('when a symlinked directory is retargeted, also to one that comes later', async () => {
    const root = await temporaryDirectory();
    const directory = join(root, 'current');
    for (const version of ['one', 'two']) {
      await mkdir(join(root, version));
      await writeFiles(join(root, version), { 'a.cedar': version });
    }
    const retarget = async (version: string) => {
      await symlink(version, join(root, 'next'));
      await rename(join(root, 'next'), directory);
    };
    await retarget('one');
    const { next } = await startWatch(directory);
    await retarget('two');
    await next();
    await writeFiles(join(root, 'two'), { 'a.cedar': 'edited' });
    await next();
    await retarget('three');
    await next();
    await mkdir(join(root, 'three'));
    await next();
  });

  test('with handles for directories alone, however many files there are', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, { 'a.cedar': 'A', 'b.cedar': 'B' });
    const watchers: FSWatcher[] = [];
    const { next } = await startWatch(directory, {
      openWatcher: (...given) => {
        const watcher = watchDirectories(...given);
        return watcher.once('ready', () => watchers.push(watcher));
      },
    });
    await vi.waitFor(() => expect(watchers).toHaveLength(1));
    const seen = watchers.flatMap((watcher) => Object.values(watcher.getWatched()).flat());
    expect(seen).toContain(basename(directory));
    expect(seen).not.toContain('a.cedar');
    await writeFiles(directory, { 'b.cedar': 'C' });
    await next();
  });

  test('without looking at hundreds of files in one turn', async () => {
    const directory = await temporaryDirectory();
    const names = Array.from({ length: 200 }, (_, n) => `${n}.cedar`);
    await writeFiles(directory, Object.fromEntries(names.map((name) => [name, 'A'])));
    const calls = fileSystemCalls();
    try {
      const watcher = watchDirectories(new Set([directory]));
      await once(watcher as never, 'ready');
      await watcher.close();
    } finally {
      calls.stop();
    }
    expect(calls.all()).toBeGreaterThanOrEqual(200);
    expect(calls.atOnce()).toBeLessThanOrEqual(16);
  });

  test('by the poll alone when there are no events', async () => {
    const directory = await temporaryDirectory();
    const silent = () => new EventEmitter() as never;
    const { next, reasons } = await startWatch(directory, {
      pollMs: 20,
      openWatcher: () => Object.assign(silent(), { close: async () => undefined }) as never,
    });
    await writeFiles(directory, { 'a.cedar': '1' });
    await next();
    expect(reasons).toEqual(['poll']);
  });
});

describe('on a shelf a change is noticed', () => {
  async function shelf() {
    const root = await temporaryDirectory();
    const directory = join(root, 'bundles');
    await mkdir(join(directory, 'a'), { recursive: true });
    await writeFiles(root, { 'trust.yaml': 'x' });
    const source: BundleSource = {
      kind: 'shelf',
      directory,
      digest: `sha256:${'0'.repeat(64)}`,
      trust: join(root, 'trust.yaml'),
      trustDigests: [],
    };
    return { root, directory, source };
  }

  test('when an archive comes, is replaced and goes, at any depth', async () => {
    const { directory, source } = await shelf();
    const { next } = await startWatch(source);
    await writeFiles(join(directory, 'a'), { 'x.tar.gz': '1' });
    await next();
    await writeFiles(directory, { 'new.tmp': '2' });
    await rename(join(directory, 'new.tmp'), join(directory, 'a', 'x.tar.gz'));
    await next();
    await mkdir(join(directory, 'b'));
    await writeFiles(join(directory, 'b'), { 'y.tar.gz': '3' });
    await next();
    await unlink(join(directory, 'b', 'y.tar.gz'));
    await next();
  });

  test('each time the volume of a slot is swapped', async () => {
    const { directory, source } = await shelf();
    const slot = createKubeletVolume(join(directory, 'a'));
    await slot.write({ 'x.tar.gz': '0' });
    const { next } = await startWatch(source);
    for (let i = 1; i <= 3; i += 1) {
      await slot.write({ 'x.tar.gz': `${i}` });
      await next();
    }
  });

  test('when the trust file changes, and when the shelf comes late', async () => {
    const { root, directory, source } = await shelf();
    await rm(directory, { recursive: true });
    const { next } = await startWatch(source);
    await writeFiles(root, { 'trust.yaml': 'y' });
    await next();
    await mkdir(join(directory, 'a'), { recursive: true });
    await writeFiles(join(directory, 'a'), { 'x.tar.gz': '1' });
    await next();
  });

  test('but not when a file that is no archive does', async () => {
    const { directory, source } = await shelf();
    const { next, count } = await startWatch(source);
    await writeFiles(directory, { 'README.md': 'x' });
    await writeFiles(join(directory, 'a'), { 'x.tar.gz': '1' });
    await next();
    expect(count()).toBe(1);
  });
});

describe('what is no change', () => {
  test('is not told: events without a difference, neighbours, hidden files', async () => {
    const directory = join(await temporaryDirectory(), 'policies');
    await mkdir(directory);
    await writeFiles(directory, { 'a.cedar': 'A' });
    const { next, count } = await startWatch(directory);
    await writeFile(join(dirname(directory), 'neighbour'), 'x');
    await writeFiles(directory, { '.a.cedar.swp': 'x' });
    await mkdir(join(directory, 'tests'));
    await writeFile(join(directory, 'tests', 'x.yaml'), 'x');
    await writeFiles(directory, { 'b.cedar': 'B' });
    await next();
    expect(count()).toBe(1);
  });

  test('after close', async () => {
    const directory = await temporaryDirectory();
    const { watch, count } = await startWatch(directory, { pollMs: 5 });
    await writeFiles(directory, { 'a.cedar': 'A' });
    await watch.close();
    const before = count();
    await writeFiles(directory, { 'a.cedar': 'B' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(count()).toBe(before);
  });
});

describe('a watcher that does not work', () => {
  test('is told once, is tried again, and polling goes on meanwhile', async () => {
    const directory = await temporaryDirectory();
    const onTrouble = vi.fn();
    let opened = 0;
    const broken = () => {
      opened += 1;
      const watcher = new EventEmitter();
      queueMicrotask(() => {
        for (let i = 0; i < 3; i += 1)
          watcher.emit('error', new Error('ENOSPC: no inotify watches'));
        watcher.emit('ready');
      });
      return Object.assign(watcher, { close: async () => undefined }) as never;
    };
    const { next, reasons } = await startWatch(directory, {
      pollMs: 20,
      onTrouble,
      openWatcher: broken,
    });
    await writeFiles(directory, { 'a.cedar': '1' });
    await next();
    await vi.waitFor(() => expect(opened).toBeGreaterThan(3));
    expect(onTrouble.mock.calls).toEqual([
      ['watching the policies failed: ENOSPC: no inotify watches'],
    ]);
    expect(reasons).toEqual(['poll']);
  });
});
