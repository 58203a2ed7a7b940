import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { CompiledBundle, Digest } from '../../../src/bundle/types.js';
import type { CedarProgram } from '../../../src/cedar/types.js';
import { regimeOf } from '../../../src/check/regime.js';
import { RELOAD_RETRY_MS } from '../../../src/constants.js';
import { type ErrorCode, problem } from '../../../src/errors.js';
import type { CandidateEvent, ChangeEvent } from '../../../src/reload/events.js';
import { type LoadedCandidate, loadCandidate } from '../../../src/reload/load-candidates.js';
import {
  type LoadedRollouts,
  loadRollouts,
  type RolloutsRequest,
} from '../../../src/reload/load-rollouts.js';
import { createRolloutLoop, type RolloutLoopOptions } from '../../../src/reload/rollout-loop.js';
import { type Running, rolloutNameOf, rolloutOf } from '../../../src/reload/rollout-memory.js';
import { openStateDirectory, type StateDirectory } from '../../../src/reload/state-directory.js';
import type { StateToSave } from '../../../src/reload/state-save.js';
import { failed, ok, type Result } from '../../../src/result.js';
import type { VerifiedDocument } from '../../../src/rollout/types.js';
import { countingEvaluators } from '../../support/evaluator-double.js';
import { rolloutPlace, testDocument } from '../../support/rollout-place.js';
import {
  type RolloutOptions,
  rolloutTrustText,
  someDigest,
  verifiedEmergency,
  verifiedRollout,
} from '../../support/rollouts.js';

const bundleDigest = (n: number): Digest => someDigest(String(n));

function bundle(n: number): CompiledBundle {
  const program = { schemaText: `${n}`, entities: [], policies: [] } as unknown as CedarProgram;
  const manifest = { name: 'test', version: String(n), owner: 'o' } as CompiledBundle['manifest'];
  return {
    digest: bundleDigest(n),
    manifest,
    routes: [],
    program,
    warnings: [],
  } as unknown as CompiledBundle;
}

interface Changes extends RolloutOptions {
  readonly name?: string;
  readonly services?: readonly string[];
}
function rollout(
  sequence: number,
  { name = 'orders', services = ['shop/orders'], ...more }: Changes = {},
) {
  const destinations = `[${services.map((service) => `{service: ${service}}`).join(', ')}]`;
  const source = { name, destinations, ...more.source };
  return verifiedRollout({ ...more, source, payload: { sequence, ...more.payload } });
}

/** What a load found of one rollout. */
interface Found {
  readonly newest: VerifiedDocument;
  /** Default: the newest. */
  readonly document?: VerifiedDocument;
  readonly bundle: number | undefined;
  readonly lag?: ErrorCode;
}

function loaded(
  found: readonly Found[],
  more: Partial<LoadedRollouts> = {},
): Result<LoadedRollouts> {
  const rollouts = found.map(({ newest, document = newest, bundle: number, lag }) => {
    const digest = number === undefined ? undefined : bundleDigest(number);
    const running: Running = { document, bundle: digest, absence: 'no_bundle' };
    const memory = { newest, lastRollout: rolloutOf(newest), running };
    return [rolloutNameOf(newest), { memory, lag: lag && problem(lag, `${lag} here`) }] as const;
  });
  const numbers = found.flatMap(({ bundle: number }) => number ?? []);
  return ok({
    rollouts: new Map(rollouts),
    refusals: [],
    bundles: new Map(numbers.map((number) => [bundleDigest(number), bundle(number)])),
    archives: new Map(),
    trust: Buffer.from('trust'),
    unbelieved: new Set(),
    warnings: [],
    ...more,
  });
}

/** A loop whose loads the test answers, one after the other, and whose state is only written down. */
function scripted(options: Partial<RolloutLoopOptions> = {}) {
  const events: ChangeEvent[] = [];
  const requests: RolloutsRequest[] = [];
  const saved: StateToSave[] = [];
  const evaluators = countingEvaluators();
  const besides = countingEvaluators();
  const trouble = vi.fn();
  const candidates = {
    load: async (digest: Digest): Promise<Result<LoadedCandidate>> =>
      failed(problem('bundle_not_on_shelf', `no ${digest}`)),
    events: [] as CandidateEvent[],
  };
  let nowMs = 1_000_000;
  let next: () => Promise<Result<LoadedRollouts>> = async () => loaded([]);
  const paths = { bundles: 'none', documents: 'none', trust: 'none', state: 'none' };
  const state: StateDirectory = {
    ...{ shelf: 'none', trust: 'none' },
    read: async () => ({ rollouts: new Map(), clockMs: undefined, problems: [] }),
    save: async (what) => {
      saved.push(what);
      return [];
    },
    close: async () => undefined,
  };
  const loop = createRolloutLoop({
    paths: { kind: 'rollout', ...paths, trustDigests: [] },
    environment: 'production',
    service: undefined,
    minSequence: 0,
    beforeFirst: 'fail',
    now: () => nowMs,
    loader: {
      loadRollouts: async (request) => {
        requests.push(request);
        return next();
      },
      loadCandidate: async ({ digest }) => candidates.load(digest),
      close: async () => undefined,
    },
    state,
    onChange: (event) => events.push(event),
    onCandidate: (event) => candidates.events.push(event),
    onTrouble: trouble,
    createEvaluator: evaluators.create,
    createCandidate: besides.create,
    ...options,
  });
  return {
    ...{ loop, events, candidates, besides, requests, saved, evaluators, trouble, state },
    answer(result: Result<LoadedRollouts>) {
      next = async () => result;
      return loop.reload('watch');
    },
    answerWith(load: typeof next) {
      next = load;
    },
    regime: (service = 'shop/orders') => regimeOf(loop.current, service),
    pass(ms: number) {
      nowMs += ms;
    },
    setClock(ms: number) {
      nowMs = ms;
    },
  };
}

describe('the control loop of rollouts', () => {
  it.each([
    ['fail', 'enforce'],
    ['allow', 'shadow'],
  ] as const)('begins without a document, and then %ss', (beforeFirst, mode) => {
    const { loop } = scripted({ beforeFirst });
    expect(loop.current).toMatchObject({ number: 1, otherwise: { mode, stamp: 'none' } });
    expect([loop.rollouts, loop.lastRefusal]).toEqual([[], null]);
  });

  it('takes an approved document with its bundle, and tells who stands behind it', async () => {
    const { loop, events, answer, regime } = scripted();
    expect(await answer(loaded([{ newest: rollout(3), bundle: 1 }]))).toBe('taken');
    expect(regime()).toMatchObject({ stamp: '1+111111111111.r3', rollout: { sequence: 3 } });
    expect(events).toMatchObject([
      {
        ...{ result: 'taken', reason: 'watch', from: null, to: '1+111111111111.r3' },
        digest: bundleDigest(1),
        document: { name: 'orders', sequence: 3, author: 'ada', approvers: ['bob'] },
      },
    ]);
    expect(loop.rollouts).toMatchObject([
      { name: 'orders', bundle: bundleDigest(1), lag: undefined },
    ]);
  });

  it('swaps once for a change, and not when nothing changed', async () => {
    const { loop, events, answer } = scripted();
    const found = loaded([
      { newest: rollout(3), bundle: 1 },
      { newest: rollout(1, { name: 'cart', services: ['shop/cart'] }), bundle: 1 },
    ]);
    await answer(found);
    const { current } = loop;
    expect(current.number).toBe(2);
    expect(await answer(found)).toBe('unchanged');
    expect(loop.current).toBe(current);
    expect(events).toHaveLength(2);
    expect(loop.counts).toEqual(
      new Map([
        ['ok', 2],
        ['unchanged', 1],
      ]),
    );
  });

  it('gives back the engine slots that nothing uses, and shares those that several use', async () => {
    const { loop, answer, evaluators } = scripted();
    const cart = rollout(1, { name: 'cart', services: ['shop/cart'] });
    await answer(
      loaded([
        { newest: rollout(1), bundle: 1 },
        { newest: cart, bundle: 1 },
      ]),
    );
    expect(evaluators.live.size).toBe(1);
    await answer(
      loaded([
        { newest: rollout(2), bundle: 2 },
        { newest: cart, bundle: 1 },
      ]),
    );
    expect(evaluators.live.size).toBe(2);
    await answer(
      loaded([
        { newest: rollout(2), bundle: 2 },
        { newest: cart, bundle: 2 },
      ]),
    );
    const active = regimeOf(loop.current, 'shop/cart').active;
    expect([...evaluators.live]).toEqual([active?.bundle.program]);
    await answer(loaded([{ newest: rollout(3), bundle: undefined }]));
    expect(evaluators.live.size).toBe(0);
  });

  it('tells the loader what it has, so that nothing is loaded twice', async () => {
    const { requests, answer } = scripted();
    await answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    await answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    expect(requests[0]).toMatchObject({ memories: new Map(), loaded: new Map() });
    expect([...(requests[1]?.loaded.keys() ?? [])]).toEqual([bundleDigest(1)]);
    expect(requests[1]?.memories.get('orders')?.running?.bundle).toBe(bundleDigest(1));
  });

  it('drops a rollout that another one has replaced', async () => {
    const { loop, answer } = scripted();
    await answer(loaded([{ newest: rollout(1, { services: ['s/x', 's/y'] }), bundle: 1 }]));
    await answer(loaded([{ newest: rollout(1, { name: 'b', services: ['s/x'] }), bundle: 1 }]));
    expect([...loop.current.destinations.keys()]).toEqual(['s/x']);
    await answer(loaded([]));
    expect(loop.current.destinations.size).toBe(0);
    expect(loop.current.otherwise).toMatchObject({ mode: 'enforce', absence: 'no_bundle' });
  });

  it('survives whoever listens, and a loader that throws', async () => {
    const onChange = () => {
      throw new Error('no ears');
    };
    const { loop, answer, answerWith, trouble, regime } = scripted({ onChange });
    expect(await answer(loaded([{ newest: rollout(1), bundle: 1 }]))).toBe('taken');
    expect(trouble).toHaveBeenLastCalledWith('telling of a change failed: no ears');
    answerWith(() => Promise.reject(new Error('no thread')));
    expect(await loop.reload('watch')).toBe('refused');
    expect(trouble).toHaveBeenLastCalledWith('reloading failed: no thread');
    expect(regime().stamp).toBe('1+111111111111.r1');
  });

  it('swaps nothing and saves nothing after close()', async () => {
    const { loop, answerWith, events, saved, evaluators } = scripted();
    const { current } = loop;
    let finish: (result: Result<LoadedRollouts>) => void = () => undefined;
    answerWith(() => new Promise((resolve) => (finish = resolve)));
    const reloading = loop.reload('watch');
    await loop.close();
    finish(loaded([{ newest: rollout(1), bundle: 1 }]));
    expect(await reloading).toBe('unchanged');
    expect(await loop.reload('signal')).toBe('unchanged');
    expect([loop.current, events, saved, evaluators.live.size]).toEqual([current, [], [], 0]);
  });
});

describe('two running documents that cover one destination', () => {
  const a1 = rollout(1, { name: 'a', services: ['s/x', 's/y'] });
  const a2 = rollout(2, { name: 'a', services: ['s/x'] });
  const b2 = rollout(2, { name: 'b', services: ['s/y', 's/z'] });
  const stamps = (current: ReturnType<typeof scripted>['loop']['current']) =>
    Object.fromEntries([...current.destinations].map(([service, { stamp }]) => [service, stamp]));

  it('are ruled by the newer owner, while the former one waits for its bundle', async () => {
    const { loop, answer } = scripted();
    await answer(loaded([{ newest: a1, bundle: 1 }]));
    const lagging = { newest: a2, document: a1, bundle: 1, lag: 'bundle_not_on_shelf' } as const;
    expect(await answer(loaded([lagging, { newest: b2, bundle: 2 }]))).toBe('taken');
    expect(stamps(loop.current)).toEqual({
      's/x': '1+111111111111.r1',
      's/y': '2+222222222222.r2',
      's/z': '2+222222222222.r2',
    });
  });

  it('are ruled by the former one while the newer has no bundle: nothing is interrupted', async () => {
    const { loop, answer } = scripted();
    const lagging = { newest: a2, document: a1, bundle: 1, lag: 'bundle_not_on_shelf' } as const;
    await answer(loaded([lagging, { newest: b2, bundle: undefined }]));
    expect(stamps(loop.current)).toEqual({
      's/x': '1+111111111111.r1',
      's/y': '1+111111111111.r1',
      's/z': 'none.r2',
    });
  });
});

describe('a bundle that the engine of this thread does not take', () => {
  const refusing = (bad: number, how: 'refuses' | 'throws'): Partial<RolloutLoopOptions> => {
    const { create } = countingEvaluators();
    return {
      createEvaluator: (program) => {
        if (program.schemaText !== String(bad)) return create(program);
        if (how === 'throws') throw new Error('unreachable executed');
        return failed(problem('engine_failure', 'no'));
      },
    };
  };

  it.each(['refuses', 'throws'] as const)('keeps the former generation: it %s', async (how) => {
    const { loop, answer, regime, events } = scripted(refusing(2, how));
    await answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    const { current } = loop;
    expect(await answer(loaded([{ newest: rollout(2), bundle: 2 }]))).toBe('refused');
    expect(regime().stamp).toBe('1+111111111111.r1');
    expect(regime().active).toBe(current.destinations.get('shop/orders')?.active);
    expect(loop.rollouts).toMatchObject([
      {
        approved: { sequence: 2 },
        running: { sequence: 1 },
        lag: { problem: { code: 'engine_failure' } },
      },
    ]);
    expect(events.map(({ result, code }) => [result, code])).toEqual([
      ['taken', null],
      ['refused', 'engine_failure'],
    ]);
  });

  it('is without a former one nothing', async () => {
    const { answer, regime } = scripted(refusing(1, 'refuses'));
    expect(await answer(loaded([{ newest: rollout(1), bundle: 1 }]))).toBe('taken');
    expect(regime()).toMatchObject({ stamp: 'none.r1', absence: 'no_bundle', active: undefined });
  });

  it('does not keep an emergency from acting on the bundle that runs', async () => {
    const { answer, regime } = scripted(refusing(2, 'throws'));
    const base = rollout(1);
    await answer(loaded([{ newest: base, bundle: 1 }]));
    await answer(loaded([{ newest: verifiedEmergency({ base: base.bytes }), bundle: 2 }]));
    expect(regime().stamp).toBe('1+111111111111.r2');
    expect(regime().rollout?.slices.enforces).toBe(false);
  });

  it('never brings back what is revoked', async () => {
    const { answer, regime, evaluators } = scripted(refusing(2, 'throws'));
    const base = rollout(1);
    await answer(loaded([{ newest: base, bundle: 1 }]));
    const payload = { relax: [], revoke: [bundleDigest(1)] };
    const revoke = verifiedEmergency({ base: base.bytes, payload });
    await answer(loaded([{ newest: revoke, bundle: 2 }]));
    expect(regime()).toMatchObject({
      stamp: 'none.r2',
      absence: 'bundle_revoked',
      active: undefined,
    });
    expect(evaluators.live.size).toBe(0);
  });

  it('is tried again with the next load', async () => {
    let isWell = false;
    const { create } = countingEvaluators();
    const { answer, regime } = scripted({
      createEvaluator: (program) =>
        isWell ? create(program) : failed(problem('engine_failure', 'no')),
    });
    await answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    isWell = true;
    await answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    expect(regime().stamp).toBe('1+111111111111.r1');
  });
});

describe('what is refused', () => {
  const refusal = (code: ErrorCode, file = 'orders.json', document?: VerifiedDocument) => ({
    ...{ file, document },
    problems: [problem(code, `${code} here`, { file, line: 3 })] as const,
  });

  it('is told once, until something about it changes', async () => {
    const { loop, events, answer, pass } = scripted();
    const found = [{ newest: rollout(1), bundle: 1 }];
    await answer(loaded(found));
    const refused = loaded(found, { refusals: [refusal('rollout_sequence')] });
    expect(await answer(refused)).toBe('refused');
    pass(5_000);
    expect(await answer(refused)).toBe('refused');
    expect(events.slice(1)).toMatchObject([
      {
        ...{ result: 'refused', code: 'rollout_sequence', file: 'orders.json', line: 3 },
        ...{ from: '1+111111111111.r1', to: null, document: null },
      },
    ]);
    expect(loop.lastRefusal).toEqual({
      ...{ atMs: 1_000_000, file: 'orders.json', line: 3, code: 'rollout_sequence' },
      message: 'rollout_sequence here',
    });
    await answer(loaded(found, { refusals: [refusal('approvals_missing')] }));
    expect(events).toHaveLength(3);
    await answer(loaded(found));
    expect(loop.lastRefusal).toBeNull();
    await answer(loaded(found, { refusals: [refusal('approvals_missing')] }));
    expect(events).toHaveLength(4);
    expect(loop.counts).toEqual(
      new Map([
        ['ok', 1],
        ['rejected_rollout_sequence', 1],
        ['rejected_approvals_missing', 2],
        ['unchanged', 1],
      ]),
    );
  });

  it('is in /status for as long as it stands, the latest of several first', async () => {
    const { loop, answer } = scripted();
    const [old, late] = [refusal('json_invalid', 'old.json'), refusal('rollout_sequence')];
    const last = () => loop.lastRefusal?.code;
    await answer(loaded([], { refusals: [old] }));
    await answer(loaded([], { refusals: [late, old] }));
    expect(last()).toBe('rollout_sequence');
    // The later one is mended, the older one is not.
    await answer(loaded([], { refusals: [old] }));
    expect(last()).toBe('json_invalid');
    await answer(loaded([], { refusals: [] }));
    expect(last()).toBeUndefined();
  });

  it('is tried again after a while, without an event, where the same bytes may do better', async () => {
    const { loop, answer, pass, requests } = scripted({ pollMs: 2 });
    await loop.start();
    await answer(loaded([], { refusals: [refusal('rollout_expired')] }));
    const { length } = requests;
    pass(RELOAD_RETRY_MS);
    await vi.waitFor(() => expect(requests.length).toBeGreaterThan(length));
    await loop.close();
  });

  it('names the document that is refused, and what of its rollout goes on', async () => {
    const { events, answer } = scripted();
    const found = [
      { newest: rollout(5), bundle: 1 },
      { newest: rollout(7, { name: 'cart', services: ['shop/cart'] }), bundle: 2 },
    ];
    const old = rollout(4);
    await answer(loaded(found, { refusals: [refusal('rollout_sequence', 'x.json', old)] }));
    expect(events.at(-1)).toMatchObject({
      ...{
        from: '1+111111111111.r5',
        document: { name: 'orders', sequence: 4, digest: old.digest },
      },
    });
  });

  it('is everything when the trust file is: what runs goes on, nothing is saved, and it is told once', async () => {
    const { loop, events, answer, saved } = scripted();
    await answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    const { current } = loop;
    const wrong = failed(problem('trust_digest', 'not pinned', { file: 'trust.yaml' }));
    expect([await answer(wrong), await answer(wrong)]).toEqual(['refused', 'refused']);
    expect(loop.current).toBe(current);
    expect(events.filter(({ code }) => code === 'trust_digest')).toHaveLength(1);
    expect(loop.lastRefusal?.code).toBe('trust_digest');
    expect(saved).toHaveLength(1);
    await answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    expect(loop.lastRefusal).toBeNull();
  });

  it('and what a load warned of is told once, with a generation or without', async () => {
    const { events, answer, trouble } = scripted();
    const warnings = [problem('archive_invalid', 'damaged', { file: 'x.tar.gz' })];
    await answer(loaded([], { warnings }));
    await answer(loaded([], { warnings }));
    expect(trouble.mock.calls).toEqual([['x.tar.gz: damaged']]);
    await answer(loaded([{ newest: rollout(1), bundle: 1 }], { warnings }));
    expect(events[0]?.warnings).toEqual(warnings);
    expect(trouble).toHaveBeenCalledTimes(1);
    const fresh = scripted();
    await fresh.answer(loaded([{ newest: rollout(1), bundle: 1 }], { warnings }));
    expect([fresh.events[0]?.warnings, fresh.trouble.mock.calls]).toEqual([warnings, []]);
    await answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    await answer(loaded([{ newest: rollout(1), bundle: 1 }], { warnings }));
    expect(trouble).toHaveBeenCalledTimes(2);
  });
});

describe('lag', () => {
  it('keeps its beginning as long as it lasts, whatever its reason, and begins anew after that', async () => {
    const { loop, answer, pass, events } = scripted();
    const first = rollout(1);
    const since = () => loop.rollouts[0]?.lag?.sinceMs;
    await answer(loaded([{ newest: first, bundle: 1 }]));
    expect(since()).toBeUndefined();
    pass(1_000);
    const behind = (sequence: number, lag: ErrorCode): Found => {
      return { newest: rollout(sequence), document: first, bundle: 1, lag };
    };
    expect(await answer(loaded([behind(2, 'bundle_not_on_shelf')]))).toBe('refused');
    pass(1_000);
    await answer(loaded([behind(2, 'bundle_not_on_shelf')]));
    await answer(loaded([behind(3, 'signature_threshold')]));
    expect(since()).toBe(1_001_000);
    expect(events.map(({ code }) => code)).toEqual([
      ...[null, 'bundle_not_on_shelf', 'signature_threshold'],
    ]);
    expect(events[1]).toMatchObject({ document: { sequence: 2 }, from: '1+111111111111.r1' });
    await answer(loaded([{ newest: rollout(3), bundle: 2 }]));
    expect(since()).toBeUndefined();
    pass(1_000);
    await answer(
      loaded([{ ...behind(4, 'bundle_not_on_shelf'), document: rollout(3), bundle: 2 }]),
    );
    expect(since()).toBe(1_003_000);
  });
});

describe('the clock at which exceptions end', () => {
  const issued = (sequence: number, issuedAt: string) =>
    rollout(sequence, { payload: { issuedAt } });
  const LATER = '2026-11-24T10:00:00.000Z';

  it('is moved by the newest document, also when that one cannot run, and never back', async () => {
    const { answer, regime, saved, loop } = scripted();
    const first = issued(1, '2026-11-20T10:00:00.000Z');
    await answer(loaded([{ newest: first, bundle: 1 }]));
    expect(regime().rollout?.clockFloorMs).toBe(first.issuedAtMs);
    const lagging = { document: first, bundle: 1, lag: 'bundle_not_on_shelf' } as const;
    await answer(loaded([{ ...lagging, newest: issued(2, LATER) }]));
    expect(regime().rollout?.clockFloorMs).toBe(Date.parse(LATER));
    const { number } = loop.current;
    await answer(loaded([{ ...lagging, newest: issued(2, LATER) }]));
    expect(loop.current.number).toBe(number);
    await answer(loaded([{ newest: issued(3, '2026-11-22T10:00:00.000Z'), bundle: 1 }]));
    expect(regime().rollout?.clockFloorMs).toBe(Date.parse(LATER));
    expect(saved.at(-1)?.clockMs).toBe(Date.parse(LATER));
  });

  it('is what a former process saw, and its own is remembered', async () => {
    const clockMs = Date.parse('2027-01-01T00:00:00Z');
    const { loop, state, regime, answerWith, saved } = scripted();
    state.read = async () => ({ rollouts: new Map(), clockMs, problems: [] });
    answerWith(async () => loaded([{ newest: rollout(1), bundle: 1 }]));
    await loop.start();
    expect(regime().rollout?.clockFloorMs).toBe(clockMs);
    // `/status` says of exceptions what checks do.
    expect(loop.rollouts[0]?.clockFloorMs).toBe(clockMs);
    expect(saved[0]?.clockMs).toBe(clockMs);
    await loop.close();
    const late = scripted();
    late.setClock(clockMs + 5);
    await late.answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    expect(late.saved[0]?.clockMs).toBe(clockMs + 5);
    // What was seen once stays seen: a clock that is set back brings nothing back.
    late.setClock(5);
    await late.answer(loaded([{ newest: rollout(2), bundle: 1 }]));
    expect(late.saved[1]?.clockMs).toBe(clockMs + 5);
  });
});

describe('what outlives the process', () => {
  const record = { approved: Buffer.from('a'), lastRollout: null, running: null, bundles: [] };

  it('is read once, saved after each load, and told when it cannot be', async () => {
    const { loop, state, answer, answerWith, requests, saved, trouble } = scripted();
    const read = vi.fn(async () => ({
      ...{ rollouts: new Map([['orders', record]]), clockMs: undefined },
      problems: [problem('state_unreadable', 'damaged', { file: 'clock.json' })],
    }));
    state.read = read;
    const refused = failed(problem('trust_digest', 'not pinned'));
    answerWith(async () => refused);
    await loop.start();
    expect(trouble.mock.calls).toEqual([['clock.json: damaged']]);
    // As long as nothing could be judged, what was remembered waits.
    expect(saved).toEqual([]);
    const newest = rollout(1);
    await answer(loaded([{ newest, bundle: 1 }]));
    await answer(loaded([{ newest, bundle: 1 }]));
    expect(requests.map(({ remembered }) => remembered.size)).toEqual([1, 1, 0]);
    expect(read).toHaveBeenCalledTimes(1);
    expect(saved).toHaveLength(2);
    expect(saved[0]?.clockMs).toBe(newest.issuedAtMs);
    expect(saved[0]?.rollouts.get('orders')).toMatchObject({
      ...{ approved: newest.bytes, lastRollout: newest.bytes, running: newest.bytes },
    });
    state.save = async () => [problem('state_unwritable', 'EROFS', { file: 'state' })];
    expect(await answer(loaded([{ newest: rollout(2), bundle: 1 }]))).toBe('taken');
    await vi.waitFor(() => expect(trouble).toHaveBeenLastCalledWith('state: EROFS'));
    await loop.close();
  });

  it('is not waited for: the next change comes while a disk hangs', async () => {
    const { state, answer, regime } = scripted();
    state.save = () => new Promise(() => undefined);
    await answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    expect(await answer(loaded([{ newest: rollout(2), bundle: 2 }]))).toBe('taken');
    expect(regime().stamp).toBe('2+222222222222.r2');
  });

  it('is kept as it is where it is not believed, and offered again until a document replaces it', async () => {
    const { loop, state, answer, answerWith, requests, saved } = scripted();
    const rollouts = new Map([['orders', record]]);
    state.read = async () => ({ rollouts, clockMs: undefined, problems: [] });
    const unbelieved = new Set(['orders']);
    answerWith(async () => loaded([], { unbelieved }));
    await loop.start();
    expect(saved[0]?.rollouts.get('orders')).toMatchObject(
      record.approved && { approved: record.approved },
    );
    await answer(loaded([{ newest: rollout(1), bundle: 1 }], { unbelieved }));
    await answer(loaded([{ newest: rollout(1), bundle: 1 }]));
    expect(requests.map(({ remembered }) => remembered.size)).toEqual([1, 1, 0]);
    await loop.close();
  });
});

/** Real documents, bundles and state; only the engine of this thread counts. */
async function follow(place: Awaited<ReturnType<typeof rolloutPlace>>, nowMs?: number) {
  const trouble = vi.fn();
  const loop = createRolloutLoop({
    paths: place.paths,
    ...{ environment: 'production', service: undefined, minSequence: 0, beforeFirst: 'fail' },
    now: () => nowMs ?? Date.parse('2026-11-25T00:00:00Z'),
    loader: {
      loadRollouts: (request) => loadRollouts(request),
      loadCandidate: (request) => loadCandidate(request),
      close: async () => undefined,
    },
    state: openStateDirectory(place.paths.state),
    onChange: () => undefined,
    onTrouble: trouble,
    createEvaluator: countingEvaluators().create,
    createCandidate: countingEvaluators().create,
  });
  await loop.start();
  const stamp = () => regimeOf(loop.current, 'shop/orders').stamp.replace(/\+\w+/, '');
  return { loop, trouble, stamp };
}

describe('a process that follows another one', () => {
  it('runs what ran, with broken volumes, without a trust file, and with a trust file that was wrong for a while', async () => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    await place.putDocument('orders.json', testDocument(5, 1));
    const first = await follow(place);
    expect(first.stamp()).toBe('1.r5');
    await first.loop.close();

    await rm(place.paths.bundles, { recursive: true });
    await place.removeDocument('orders.json');
    const trust = await readFile(place.paths.trust);
    await rm(place.paths.trust);
    const bare = await follow(place);
    expect(bare.stamp()).toBe('1.r5');
    expect(bare.loop.lastRefusal?.file).toBe(place.paths.trust);
    await bare.loop.close();
    await writeFile(place.paths.trust, trust);

    const strangers = await rolloutPlace(
      rolloutTrustText({ author: '{people: [carol], threshold: 1}' }),
    );
    const paths = { ...place.paths, trust: strangers.paths.trust, trustDigests: [] };
    const second = await follow({ ...place, paths });
    expect([second.stamp(), second.loop.rollouts]).toEqual(['none', []]);
    expect(second.trouble).toHaveBeenCalledWith(expect.stringContaining('state of `orders`'));
    await second.loop.close();

    const third = await follow(place);
    expect(third.stamp()).toBe('1.r5');
    await third.loop.close();
  });

  it('serves without a state directory that can be used, and says so', async () => {
    const place = await rolloutPlace();
    await place.putBundles(1);
    await place.putDocument('orders.json', testDocument(5, 1));
    const paths = { ...place.paths, state: join(place.paths.trust, 'state') };
    const { loop, stamp, trouble } = await follow({ ...place, paths });
    expect(stamp()).toBe('1.r5');
    await loop.close();
    expect(trouble).toHaveBeenCalledWith(expect.stringContaining('the directory cannot be used'));
  });
});

describe('a candidate', () => {
  const named = (n: number) => ({ name: 'test', version: String(n), digest: bundleDigest(n) });
  const comparing = (sequence: number, active: number, candidate: number) =>
    rollout(sequence, {
      source: { bundle: `test@${active}`, candidate: `test@${candidate}` },
      payload: { resolved: { active: named(active), candidate: named(candidate), rollback: null } },
    });
  const found = (n: number) =>
    ok({ bundle: bundle(n), archive: {} as unknown as LoadedCandidate['archive'] });
  /** Whatever the loop does in the background has been done. */
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('is loaded after the bundle that decides runs, and compared from then on', async () => {
    const rig = scripted();
    let give: (value: Result<LoadedCandidate>) => void = () => undefined;
    rig.candidates.load = () => new Promise((resolve) => (give = resolve));
    await rig.answer(loaded([{ newest: comparing(3, 1, 2), bundle: 1 }]));
    expect(rig.regime()).toMatchObject({ stamp: '1+111111111111.r3', candidate: undefined });
    expect(rig.loop.rollouts[0]?.candidate).toMatchObject({
      ...{ bundle: { version: '2' }, loaded: undefined, problem: undefined },
    });
    give(found(2));
    await settled();
    expect(rig.regime().candidate?.bundle.digest).toBe(bundleDigest(2));
    expect(rig.candidates.events).toMatchObject([
      { rollout: 'orders', sequence: 3, bundle: { version: '2' }, problem: undefined },
    ]);
    expect([rig.evaluators.live.size, rig.besides.live.size]).toEqual([1, 1]);
  });

  it.each<[string, () => Promise<Result<LoadedCandidate>>]>([
    ['is missing', async () => failed(problem('bundle_not_on_shelf', 'not there'))],
    ['breaks the loader', async () => Promise.reject(new Error('it broke'))],
    ['never ends to load', () => new Promise(() => undefined)],
  ])('that %s keeps nothing away', async (_what, load) => {
    const rig = scripted();
    rig.candidates.load = load;
    await rig.answer(loaded([{ newest: comparing(3, 1, 2), bundle: 1 }]));
    await settled();
    await rig.answer(loaded([{ newest: comparing(4, 3, 2), bundle: 3 }]));
    expect(rig.regime()).toMatchObject({ stamp: '3+333333333333.r4', candidate: undefined });
    expect(rig.events.map(({ result }) => result)).toEqual(['taken', 'taken']);
  });

  it('that could not be had is told once, and tried again when something changes', async () => {
    const rig = scripted();
    const load = vi.fn(async () => failed(problem('bundle_not_on_shelf', 'not there')));
    rig.candidates.load = load;
    const approved = loaded([{ newest: comparing(3, 1, 2), bundle: 1 }]);
    for (let i = 0; i < 3; i += 1) {
      await rig.answer(approved);
      await settled();
    }
    expect(load).toHaveBeenCalledTimes(3);
    expect(rig.candidates.events).toMatchObject([{ problem: { code: 'bundle_not_on_shelf' } }]);
    rig.candidates.load = async () => found(2);
    await rig.answer(approved);
    await settled();
    expect(rig.candidates.events[1]).toMatchObject({ problem: undefined });
    expect(rig.regime().candidate?.bundle.digest).toBe(bundleDigest(2));
  });

  it('that becomes the active one is not loaded again, and is none any more', async () => {
    const rig = scripted();
    rig.candidates.load = async () => found(2);
    await rig.answer(loaded([{ newest: comparing(3, 1, 2), bundle: 1 }]));
    await settled();
    await rig.answer(loaded([{ newest: rollout(4), bundle: 2 }], { bundles: new Map() }));
    expect(rig.requests[1]?.loaded.has(bundleDigest(2))).toBe(true);
    expect(rig.regime()).toMatchObject({ stamp: '2+222222222222.r4', candidate: undefined });
    expect(rig.regime().active?.bundle.digest).toBe(bundleDigest(2));
    expect([rig.evaluators.live.size, rig.besides.live.size]).toEqual([1, 0]);
  });

  it('that decided before is compared without being loaded again', async () => {
    const rig = scripted();
    rig.candidates.load = async () => found(2);
    await rig.answer(loaded([{ newest: comparing(3, 1, 2), bundle: 1 }]));
    await settled();
    rig.candidates.load = async () => failed(problem('bundle_not_on_shelf', 'not there'));
    await rig.answer(loaded([{ newest: comparing(4, 2, 1), bundle: 2 }], { bundles: new Map() }));
    await settled();
    expect(rig.regime()).toMatchObject({ stamp: '2+222222222222.r4' });
    expect(rig.regime().candidate?.bundle.digest).toBe(bundleDigest(1));
  });

  it('that nobody names any more is given back', async () => {
    const rig = scripted();
    rig.candidates.load = async () => found(2);
    await rig.answer(loaded([{ newest: comparing(3, 1, 2), bundle: 1 }]));
    await settled();
    expect([rig.evaluators.live.size, rig.besides.live.size]).toEqual([1, 1]);
    await rig.answer(loaded([{ newest: rollout(4), bundle: 1 }]));
    expect(rig.regime().candidate).toBeUndefined();
    expect([rig.evaluators.live.size, rig.besides.live.size]).toEqual([1, 0]);
  });

  it('that does not cover the destinations is not compared', async () => {
    const rig = scripted();
    const elsewhere = {
      ...bundle(2),
      manifest: { ...bundle(2).manifest, scope: { destinations: ['shop/cart'] } },
    };
    rig.candidates.load = async () => ok({ bundle: elsewhere, archive: {} as never });
    await rig.answer(loaded([{ newest: comparing(3, 1, 2), bundle: 1 }]));
    await settled();
    expect(rig.regime().candidate).toBeUndefined();
    expect(rig.candidates.events).toMatchObject([{ problem: { code: 'rollout_misfit' } }]);
  });
});
