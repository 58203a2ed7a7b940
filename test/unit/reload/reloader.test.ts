import { describe, expect, test, vi } from 'vitest';
import type { LoadedBundle } from '../../../src/bundle/load.js';
import type { CompiledBundle, Digest } from '../../../src/bundle/types.js';
import type { CedarProgram, KnownProgram } from '../../../src/cedar/types.js';
import { type ErrorCode, problem } from '../../../src/errors.js';
import type { LoadRequest } from '../../../src/reload/bundle-loader.js';
import type { ChangeEvent } from '../../../src/reload/events.js';
import { createReloader, type ReloaderOptions } from '../../../src/reload/reloader.js';
import { failed, ok } from '../../../src/result.js';
import { temporaryDirectory } from '../../support/bundle-files.js';
import { countingEvaluators } from '../../support/evaluator-double.js';

const digestOf = (version: string): Digest => `sha256:${version.padStart(64, '0')}`;

function good(version: string): LoadedBundle {
  const program = { schemaText: `text of ${version}`, policies: [] } as unknown as CedarProgram;
  const known = { program } as KnownProgram;
  const manifest = { name: 'test', version, owner: 'o' } as CompiledBundle['manifest'];
  const digest = digestOf(version);
  return { digest, result: ok({ digest, manifest, routes: [], program, warnings: [], known }) };
}

function bad(code: ErrorCode, version: string, line = 3): LoadedBundle {
  const first = problem(code, 'it is wrong', { file: 'a.cedar', line });
  return { digest: digestOf(version), result: failed(first, problem(code, 'this too')) };
}

/** A reloader whose loads the test answers, one after the other. */
async function scripted(options: Partial<ReloaderOptions> = {}) {
  const events: ChangeEvent[] = [];
  const evaluators = countingEvaluators();
  const trouble = vi.fn();
  const requests: LoadRequest[] = [];
  let next: LoadedBundle | (() => Promise<LoadedBundle>) = good('1');
  let nowMs = 1_000;
  const reloader = createReloader({
    source: { kind: 'directory', directory: await temporaryDirectory() },
    mode: 'enforce',
    environment: undefined,
    now: () => nowMs,
    onChange: (event) => events.push(event),
    onTrouble: trouble,
    createEvaluator: evaluators.create,
    loader: {
      load: async (request) => {
        requests.push(request);
        return typeof next === 'function' ? next() : next;
      },
      close: async () => undefined,
    },
    ...options,
  });
  const answer = (loaded: LoadedBundle) => {
    next = loaded;
    return reloader.reload('watch');
  };
  return {
    reloader,
    events,
    requests,
    evaluators,
    trouble,
    answer,
    answerWith: (load: () => Promise<LoadedBundle>) => {
      next = load;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('the control loop', () => {
  test('begins without a bundle and takes the first', async () => {
    const { reloader, events, answer, pass } = await scripted();
    expect(reloader.current).toMatchObject({
      number: 1,
      otherwise: { mode: 'enforce', stamp: 'none', active: undefined },
    });
    pass(500);
    expect(await answer(good('1.0'))).toBe('taken');
    expect(reloader.current).toMatchObject({
      number: 2,
      otherwise: {
        mode: 'enforce',
        stamp: '1.0+000000000000.unsigned',
        active: { loadedAtMs: 1_500, bundle: { manifest: { version: '1.0' } } },
      },
    });
    expect(events).toMatchObject([
      { result: 'taken', reason: 'watch', from: null, to: '1.0+000000000000.unsigned' },
    ]);
  });

  test('takes another, tells both stamps, and gives the old engine slot back', async () => {
    const { reloader, events, answer, evaluators } = await scripted();
    await answer(good('1'));
    await answer(good('2'));
    expect(events[1]).toMatchObject({
      from: '1+000000000000.unsigned',
      to: '2+000000000000.unsigned',
    });
    expect([...evaluators.live]).toEqual([reloader.current.otherwise.active?.bundle.program]);
    expect(reloader.counts).toEqual(new Map([['ok', 2]]));
  });

  test('gives the loader what is known of the bundle that runs', async () => {
    const { requests, answer } = await scripted();
    await answer(good('1'));
    await answer(bad('policy_syntax', '2'));
    await answer(good('3'));
    await answer(good('4'));
    expect(requests.map(({ known }) => known?.program.schemaText)).toEqual([
      undefined,
      ...['text of 1', 'text of 1', 'text of 3'],
    ]);
  });

  test('does nothing when the bytes are the same, and counts it', async () => {
    const { reloader, events, answer } = await scripted();
    await answer(good('1'));
    const before = reloader.current;
    expect(await answer(good('1'))).toBe('unchanged');
    expect(await reloader.reload('signal')).toBe('unchanged');
    expect(reloader.current).toBe(before);
    expect(events).toHaveLength(1);
    expect(reloader.counts).toEqual(
      new Map([
        ['ok', 1],
        ['unchanged', 2],
      ]),
    );
  });

  test('keeps the running generation when a bundle is refused, and says why until one is good', async () => {
    const { reloader, events, answer } = await scripted();
    await answer(good('1'));
    const before = reloader.current;
    expect(await answer(bad('policy_syntax', '2'))).toBe('refused');
    expect(reloader.current).toBe(before);
    const why = { file: 'a.cedar', line: 3, code: 'policy_syntax', message: 'it is wrong' };
    expect(reloader.lastRefusal).toEqual({ atMs: 1_000, ...why });
    expect(events[1]).toMatchObject({
      result: 'refused',
      from: before.otherwise.stamp,
      to: null,
      ...why,
    });
    expect(events[1]).toMatchObject({
      digest: digestOf('2'),
      problems: [{}, { message: 'this too' }],
    });
    await answer(good('3'));
    expect(reloader.lastRefusal).toBe(null);
  });

  test('tells the same refusal once, and again only when something about it changed', async () => {
    const { reloader, events, answer, pass } = await scripted();
    for (let i = 0; i < 3; i += 1) {
      await answer(bad('policy_syntax', '2'));
      pass(1_000);
    }
    expect(events).toHaveLength(1);
    expect(reloader.lastRefusal?.atMs).toBe(1_000);
    expect(reloader.counts.get('rejected_policy_syntax')).toBe(3);
    await answer(bad('policy_syntax', '2', 4));
    await answer(bad('policy_syntax', '3', 4));
    expect(events).toHaveLength(3);
  });

  test('tells a refusal anew after the good bytes were back in between', async () => {
    const { reloader, events, answer } = await scripted();
    await answer(good('1'));
    await answer(bad('policy_syntax', '2'));
    expect(await answer(good('1'))).toBe('unchanged');
    expect(reloader.lastRefusal).toBe(null);
    await answer(bad('policy_syntax', '2'));
    expect(events.map(({ result }) => result)).toEqual(['taken', 'refused', 'refused']);
  });

  test.each([
    ['answers with problems', () => failed(problem('policy_invalid', 'no'))],
    [
      'throws',
      () => {
        throw new Error('memory access out of bounds');
      },
    ],
  ])('refuses the bundle when the engine of this thread %s', async (_what, createEvaluator) => {
    const { reloader, events, answer } = await scripted({ createEvaluator });
    expect(await answer(good('1'))).toBe('refused');
    expect(reloader.current.otherwise.active).toBe(undefined);
    expect(events).toMatchObject([{ result: 'refused', digest: digestOf('1') }]);
  });

  test('loads once at a time: a storm during a load leads to exactly one more', async () => {
    const { reloader, answerWith } = await scripted();
    const releases: (() => void)[] = [];
    answerWith(
      () => new Promise((resolve) => releases.push(() => resolve(good(`${releases.length}`)))),
    );
    const first = reloader.reload('start');
    const storm = Array.from({ length: 100 }, () => reloader.reload('watch'));
    expect(releases).toHaveLength(1);
    releases[0]?.();
    expect(await first).toBe('taken');
    await vi.waitFor(() => expect(releases).toHaveLength(2));
    releases[1]?.();
    await Promise.all(storm);
    expect(releases).toHaveLength(2);
    expect(reloader.current.number).toBe(3);
  });

  test('survives a load that throws and a listener that throws', async () => {
    const onChange = () => {
      throw new Error('the log is broken');
    };
    const { reloader, trouble, answer, answerWith } = await scripted({ onChange });
    answerWith(() => Promise.reject(new Error('a bug')));
    expect(await reloader.reload('signal')).toBe('refused');
    expect(await answer(good('1'))).toBe('taken');
    expect(trouble.mock.calls.flat()).toEqual([
      'reloading failed: a bug',
      'telling of a change failed: the log is broken',
    ]);
  });

  test('swaps nothing after close, and leaves the running generation usable', async () => {
    const { reloader, events, answer, answerWith, evaluators } = await scripted();
    await answer(good('1'));
    let release = () => {};
    answerWith(
      () =>
        new Promise((resolve) => {
          release = () => resolve(good('2'));
        }),
    );
    const last = reloader.reload('watch');
    await reloader.close();
    release();
    expect(await last).toBe('unchanged');
    expect(await reloader.reload('signal')).toBe('unchanged');
    expect(reloader.current.otherwise.active?.bundle.manifest.version).toBe('1');
    expect(evaluators.live.size).toBe(1);
    expect(events).toHaveLength(1);
  });

  test('tries again what may do better next time, ever more rarely, and never what cannot', async () => {
    let loads = 0;
    let loaded = bad('load_timeout', '1');
    let nowMs = 0;
    let looks = 0;
    const { reloader } = await scripted({
      pollMs: 1,
      // Every poll looks at the clock once, and a load more often.
      now: () => {
        looks += 1;
        return nowMs;
      },
      loader: {
        load: async () => {
          loads += 1;
          return loaded;
        },
        close: async () => undefined,
      },
    });
    await reloader.start();
    expect(loads).toBe(1);
    const loadsAfter = async (ms: number) => {
      nowMs += ms;
      const before = { loads, looks };
      const polled = () => expect(looks).toBeGreaterThan(before.looks + 5);
      await vi.waitFor(polled, { timeout: 10_000, interval: 1 });
      return loads - before.loads;
    };
    expect(await loadsAfter(9_999)).toBe(0);
    expect(await loadsAfter(1)).toBe(1);
    expect(await loadsAfter(10_000)).toBe(0);
    expect(await loadsAfter(10_000)).toBe(1);
    loaded = bad('policy_syntax', '1');
    expect(await loadsAfter(40_000)).toBe(1);
    expect(await loadsAfter(10_000_000)).toBe(0);
    await reloader.close();
  });
});
