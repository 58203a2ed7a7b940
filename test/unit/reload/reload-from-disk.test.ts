import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdir, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { directoryDigest } from '../../../src/bundle/digest.js';
import { createEvaluator } from '../../../src/cedar/evaluator.js';
import type { Evaluation } from '../../../src/cedar/types.js';
import { BUNDLE_BYTES_MAX } from '../../../src/constants.js';
import type { BundleLoader } from '../../../src/reload/bundle-loader.js';
import type { ChangeEvent } from '../../../src/reload/events.js';
import {
  createReloader,
  type Reloader,
  type ReloaderOptions,
} from '../../../src/reload/reloader.js';
import { loadSource } from '../../../src/reload/source.js';
import {
  type BundleFiles,
  bundleFiles,
  policy,
  sourceFiles,
  temporaryDirectory,
  writeFiles,
} from '../../support/bundle-files.js';
import { countingEvaluators } from '../../support/evaluator-double.js';
import { createKubeletVolume } from '../../support/kubelet-volume.js';
import { PROPERTY_FACTOR } from '../../support/properties.js';

/** Loads here instead of in a thread: the same code, a thousand times. */
const loadHere: Pick<BundleLoader, 'load' | 'close'> = {
  load: ({ source, environment }) => loadSource(source, { environment }),
  close: async () => undefined,
};

const open: Reloader[] = [];
afterEach(async () => {
  for (const reloader of open.splice(0)) {
    await reloader.close();
    // The slots of this thread's engine are few.
    reloader.current.otherwise.active?.evaluator.release();
  }
});

async function startReloader(directory: string, options: Partial<ReloaderOptions> = {}) {
  const events: ChangeEvent[] = [];
  const changed = new EventEmitter();
  const reloader = createReloader({
    source: { kind: 'directory', directory },
    mode: 'shadow',
    environment: undefined,
    now: Date.now,
    // No test here may pass because of the poll.
    pollMs: 3_600_000,
    createEvaluator: (program) => createEvaluator(program),
    ...options,
    onChange: (event) => {
      events.push(event);
      changed.emit('change');
    },
  });
  open.push(reloader);
  await reloader.start();
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => changed.once('change', resolve));
  };
  const version = () => reloader.current.otherwise.active?.bundle.manifest.version;
  return {
    reloader,
    events,
    version,
    until,
    untilVersion: (wanted: string) => until(() => version() === wanted),
    untilRefused: (code: string) => until(() => reloader.lastRefusal?.code === code),
  };
}

function ask(reloader: Reloader, path: string): Evaluation | undefined {
  return reloader.current.otherwise.active?.evaluator.evaluate({
    principal: { uid: { type: 'Anonymous', id: 'anonymous' }, attrs: {}, parents: [] },
    action: 'GET',
    resource: { uid: { type: 'Service', id: 'shop/a' }, attrs: {}, parents: [] },
    ancestors: [],
    context: { path },
  });
}

describe('reloading with threads and the engine', () => {
  test('answers with the new version after each swap of a volume', async () => {
    const volume = createKubeletVolume(await temporaryDirectory());
    await volume.write(bundleFiles('1'));
    const { reloader, events, untilVersion } = await startReloader(volume.directory);
    for (const version of ['1', '2', '3']) {
      if (version !== '1') await volume.write(bundleFiles(version));
      await untilVersion(version);
      expect(ask(reloader, `/${version}`)).toMatchObject({ engineDecision: 'allow' });
      expect(ask(reloader, '/0')).toMatchObject({ engineDecision: 'deny' });
    }
    expect(events.map(({ result }) => result)).toEqual(Array(3).fill('taken'));
    expect(events[2]).toMatchObject({ from: events[1]?.to, to: reloader.current.otherwise.stamp });
  });

  test('refuses a bundle that would crash the engine, and goes on answering', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, bundleFiles('1'));
    const { reloader, until, untilVersion } = await startReloader(directory);
    const bombs = [
      policy('main', 'true && '.repeat(5_000).concat('true')),
      policy('main', `${'('.repeat(20_000)}true${')'.repeat(20_000)}`),
      policy('main', `${'[1, '.repeat(20_000)}1${']'.repeat(20_000)} == 1`),
    ];
    for (const [index, bomb] of bombs.entries()) {
      await writeFiles(directory, { 'main.cedar': bomb });
      const told = reloader.lastRefusal;
      await until(() => reloader.lastRefusal !== told);
      expect(reloader.lastRefusal?.code, `bomb ${index}`).toMatch(/^(policy_|engine_failure)/);
      expect(ask(reloader, '/1')).toMatchObject({ engineDecision: 'allow' });
    }
    await writeFiles(directory, bundleFiles('2'));
    await untilVersion('2');
    expect(reloader.lastRefusal).toBe(null);
    expect(ask(reloader, '/2')).toMatchObject({ engineDecision: 'allow' });
  });
});

describe('the running generation', () => {
  async function running() {
    const directory = join(await temporaryDirectory(), 'policies');
    await mkdir(directory);
    await writeFiles(directory, bundleFiles('1'));
    return { directory, ...(await startReloader(directory, { loader: loadHere })) };
  }

  const breakages: [string, string, (directory: string) => unknown][] = [
    ['a syntax error', 'policy_syntax', (d) => writeFiles(d, { 'main.cedar': 'permit(' })],
    ['a bad manifest', 'manifest_invalid', (d) => writeFiles(d, { 'bundle.yaml': 'name: x' })],
    ['a bad byte', 'not_utf8', (d) => writeFile(join(d, 'x.cedar'), Buffer.from([0xff]))],
    ['no schema', 'bundle_file_missing', (d) => unlink(join(d, 'schema.cedarschema'))],
    ['no directory', 'bundle_missing', (d) => rm(d, { recursive: true })],
    [
      'a file in its place',
      'bundle_unreadable',
      async (d) => {
        await rename(d, `${d}-away`);
        await writeFile(d, 'x');
      },
    ],
    ['a pipe', 'bundle_unreadable', (d) => execFileSync('mkfifo', [join(d, 'x.cedar')])],
    ['a symlink loop', 'bundle_unreadable', (d) => symlink('x.cedar', join(d, 'x.cedar'))],
    ['a link outside', 'bundle_unreadable', (d) => symlink('/etc/hostname', join(d, 'x.cedar'))],
    [
      'too many bytes',
      'bundle_too_large',
      (d) => truncate(join(d, 'main.cedar'), BUNDLE_BYTES_MAX + 1),
    ],
    ['nested YAML', 'yaml_invalid', (d) => writeFiles(d, { 'routes.yaml': '['.repeat(100_000) })],
  ];
  test.each(breakages)(
    'stays when the directory has %s, and is followed when that is mended',
    async (_what, code, destroy) => {
      const { directory, reloader, events, untilRefused, untilVersion } = await running();
      const before = reloader.current;
      await destroy(directory);
      await untilRefused(code);
      expect(reloader.current).toBe(before);
      expect(ask(reloader, '/1')).toMatchObject({ engineDecision: 'allow' });
      expect(events.at(-1)).toMatchObject({
        result: 'refused',
        from: before.otherwise.stamp,
        to: null,
        code,
      });

      await rm(directory, { recursive: true, force: true });
      await mkdir(directory);
      await writeFiles(directory, bundleFiles('2'));
      await untilVersion('2');
      expect(reloader.lastRefusal).toBe(null);
    },
  );

  test('is not touched by a forced read of the same bytes', async () => {
    const { reloader, events } = await running();
    const before = reloader.current;
    expect(await reloader.reload('signal')).toBe('unchanged');
    expect(reloader.current).toBe(before);
    expect(events).toHaveLength(1);
  });

  test('comes when a volume appears late', async () => {
    const directory = join(await temporaryDirectory(), 'mnt', 'policies');
    const { reloader, events, untilVersion } = await startReloader(directory, { loader: loadHere });
    expect(reloader.current.otherwise.stamp).toBe('none');
    expect(events).toMatchObject([{ result: 'refused', code: 'bundle_missing', reason: 'start' }]);
    await createKubeletVolume(directory).write(bundleFiles('1'));
    await untilVersion('1');
  });

  test('is loaded a bounded number of times in a storm of writes', async () => {
    const { directory, reloader, untilVersion } = await running();
    const before = [...reloader.counts.values()].reduce((a, b) => a + b, 0);
    for (let i = 0; i < 300; i += 1) {
      writeFileSync(join(directory, 'main.cedar'), policy('main', `context.path == "/s${i}"`));
      if (i % 10 === 0) await sleep(1);
    }
    await writeFiles(directory, bundleFiles('2'));
    await untilVersion('2');
    const loads = [...reloader.counts.values()].reduce((a, b) => a + b, 0) - before;
    expect(loads).toBeLessThan(20);
  });
});

describe('whatever happens to the directory', () => {
  const pause = fc.constantFrom(0, 0, 1, 5, 30, 70);
  const version = fc.integer({ min: 1, max: 9 }).map(String);
  const broken = fc.constantFrom<BundleFiles>(
    { 'main.cedar': 'permit(' },
    { 'bundle.yaml': 'name: [' },
    { 'extra.cedar': policy('main') },
  );
  const filesOf = (v: string, more: BundleFiles = {}): BundleFiles => {
    const names = Array.from({ length: 5 }, (_, i) => `p${i}`);
    const policies = names.map((id) => [`${id}.cedar`, policy(id, `context.path == "/${v}"`)]);
    return { ...bundleFiles(v), ...Object.fromEntries(policies), ...more };
  };
  const digestOf = (files: BundleFiles) => directoryDigest(sourceFiles(files));

  /** The reloader ends with exactly `files`, and everything it ever took was one of `states`. */
  async function expectFinal(
    started: Awaited<ReturnType<typeof startReloader>>,
    files: BundleFiles,
    states: ReadonlySet<string>,
  ) {
    const { reloader, events, until } = started;
    await until(() => reloader.current.otherwise.active?.bundle.digest === digestOf(files));
    await reloader.reload('signal');
    expect(reloader.current.otherwise.active?.bundle.digest).toBe(digestOf(files));
    expect(reloader.lastRefusal).toBe(null);
    const taken = events.filter(({ result }) => result === 'taken').map(({ digest }) => digest);
    for (const digest of taken) expect(states).toContain(digest);
  }

  test('a volume that is swapped, broken, removed: its final version runs, never a mix', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('swap' as const), version, pause }),
      fc.record({ kind: fc.constant('break' as const), version, broken, pause }),
      fc.record({ kind: fc.constant('remove' as const), pause }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), version, async (steps, last) => {
        const directory = join(await temporaryDirectory(), 'volume');
        const volume = createKubeletVolume(directory);
        const evaluators = countingEvaluators();
        const options = { loader: loadHere, createEvaluator: evaluators.create };
        const started = await startReloader(directory, options);
        const states = new Set([digestOf(filesOf(last))]);
        for (const one of steps) {
          if (one.kind === 'remove') await rm(directory, { recursive: true, force: true });
          else {
            const files = filesOf(one.version, one.kind === 'break' ? one.broken : {});
            states.add(digestOf(files));
            await volume.write(files);
          }
          await sleep(one.pause);
        }
        await volume.write(filesOf(last));
        await expectFinal(started, filesOf(last), states);
        expect(evaluators.live.size).toBe(1);
        await started.reloader.close();
      }),
      { numRuns: 8 * PROPERTY_FACTOR },
    );
  });

  test('a directory that is edited file by file: its final content runs', async () => {
    const name = fc.constantFrom('p0.cedar', 'p1.cedar', 'p4.cedar', 'bundle.yaml');
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), name, version, pause }),
      fc.record({ kind: fc.constant('rename' as const), name, version, pause }),
      fc.record({ kind: fc.constant('delete' as const), name, version, pause }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), version, async (steps, last) => {
        const directory = await temporaryDirectory();
        const content: Record<string, string> = { ...filesOf('1') };
        await writeFiles(directory, content);
        const states = new Set([digestOf(content)]);
        const evaluators = countingEvaluators();
        const options = { loader: loadHere, createEvaluator: evaluators.create };
        const started = await startReloader(directory, options);
        const put = (file: string, text: string) => {
          content[file] = text;
          writeFileSync(join(directory, file), text);
          states.add(digestOf(content));
        };
        for (const one of steps) {
          const text = filesOf(one.version)[one.name] ?? '';
          if (one.kind === 'write') put(one.name, text);
          else if (one.kind === 'delete') {
            delete content[one.name];
            await rm(join(directory, one.name), { force: true });
            states.add(digestOf(content));
          } else {
            writeFileSync(join(directory, '.new'), text);
            content[one.name] = text;
            states.add(digestOf(content));
            await rename(join(directory, '.new'), join(directory, one.name));
          }
          await sleep(one.pause);
        }
        for (const [file, text] of Object.entries(filesOf(last))) put(file, text);
        await expectFinal(started, filesOf(last), states);
        await started.reloader.close();
      }),
      { numRuns: 8 * PROPERTY_FACTOR },
    );
  });
});
