import { describe, expect, it } from 'vitest';
import { judgeGoals } from '../../../bench/goals.js';
import { renderGoals, renderPage } from '../../../bench/report.js';
import {
  type LatencyName,
  type LatencyResult,
  type MemoryUnderLoad,
  NO_OPA,
  type NotMeasured,
  type OpaSize,
  type PacedServer,
  type Results,
  type SidecarCpu,
} from '../../../bench/results.js';
import { type Spread, spreadOf } from '../../../bench/statistics.js';

const one = (value: number): Spread => spreadOf([value]);

type Kind = Partial<Pick<SidecarCpu, 'shape' | 'byValue'>>;

function sidecar(policies: number, ratio: Spread, kind: Kind = {}, us = 250): SidecarCpu {
  const counts = { checks: 900, logged: 900, allow: 300, deny: 600, responseBytes: 500 };
  const { shape = 'usual', byValue = false } = kind;
  const remembered = byValue ? 0.001 : 0.985;
  return { policies, shape, byValue, remembered, cpuUs: one(us), ratio, ...counts };
}

/** Hits and misses of a bundle of which few policies apply. */
function grouped(hitUs: number, missUs: number): SidecarCpu[] {
  const shape = 'grouped';
  return [
    sidecar(10_000, one(1.5), { shape }, hitUs),
    sidecar(10_000, one(5), { shape, byValue: true }, missUs),
  ];
}

function rollout(few: number, many: number): Results['rollout'] {
  const cost = (calls: number) => ({ cpuUs: one(300), engineCalls: one(calls) });
  return {
    ...{ policies: 10, rounds: 1, checks: 100, plainUs: one(175), twiceUs: one(275) },
    few: { slices: 2, exceptions: 2, ...cost(few) },
    many: { slices: 100, exceptions: 1_000, ...cost(many) },
    ownSchema: { slices: 100, exceptions: 1_000, ...cost(many) },
    plainRememberedUs: one(30),
    remembered: { slices: 100, exceptions: 1_000, ...cost(0.3) },
  };
}

function paced(policies: number | null, us: number): PacedServer {
  const ms = { p50Ms: one(0.75), p99Ms: one(2), delayP99Ms: one(1), delayMaxMs: one(4.5) };
  return { policies, cpuUs: one(us), ...ms };
}

function underLoad(megabytes: number): MemoryUnderLoad {
  const parts = { files: 45e6, code: 5e6, malloc: 10e6, anonymous: (megabytes - 60) * 1e6 };
  return { bytes: megabytes * 1e6, parts };
}

function beside(ratio: number): Results['beside'] {
  const row = (candidate: boolean, logged: boolean, factor?: number) => ({
    ...{ candidate, logged, remembered: 0.985, cpuUs: one(200 * (factor ?? 1)), checks: 900 },
    ...(factor === undefined ? {} : { ratio: one(factor) }),
    ...{ compared: candidate ? 0.999 : 0, lines: logged ? 900 : 12 },
  });
  const sidecars = [row(false, true), row(true, true, ratio), row(false, false, 0.9)];
  return { policies: 10, rounds: 1, cpuSecondsMin: 1.5, sidecars };
}

function opaSize(policies: number, ratios: readonly [number, number]): OpaSize {
  const counts = { checks: 900, logged: 900, allow: 300, deny: 600, responseBytes: 66 };
  const cost = { ...counts, cpuUs: one(250), residentBytes: 53e6 };
  const [data, rules] = ratios.map(one) as [Spread, Spread];
  return {
    policies,
    cedargate: { ...cost, remembered: 0.985 },
    rivals: [
      { form: 'data', ...cost, ratio: data },
      { form: 'rules', processors: 1, ...cost, ratio: rules },
    ],
  };
}

/** Milliseconds of all rounds, p50 and p99, with what each server left undecided. */
type Columns = Partial<Record<LatencyName, readonly [number, number, number]>>;

function latency(changes: Columns, ...absent: LatencyName[]): LatencyResult {
  const columns = {
    ...{ without: [0.5, 1.5, 0], 'no-op': [2, 9, 0], cedargate: [2.1, 10, 0] },
    ...{ 'OPA-Envoy': [2.625, 10, 0], ...changes },
  } as Required<Columns>;
  return {
    ...{ envoy: '1.40.0', policies: 10, requestsPerSecond: 500, rounds: 6, secondsPerRound: 10 },
    columns: (Object.keys(columns) as LatencyName[])
      .filter((name) => !absent.includes(name))
      .map((name) => {
        const [p50Ms, p99Ms, undecided] = columns[name];
        const whole = { p50Ms, p99Ms };
        return { name, p50Ms: spreadOf([1, 1.25]), p99Ms: one(3), whole, undecided };
      }),
  };
}

function stall(ownMs: number, wrong: { failed: number; late: number }): Results['stall'] {
  const spreads = (own: number) => ({ wallMs: one(own + 30), ownMs: one(own) });
  const sums = { checks: 9_000, slowestMs: 40, quiet: spreads(3) };
  return {
    ...{ policies: 10_000, perSecond: 200, times: 1 },
    runs: [
      { ...sums, what: 'plain directory', failed: 0, late: wrong.late, loading: spreads(4) },
      { ...sums, what: 'built bundles', failed: wrong.failed, late: 0, loading: spreads(ownMs) },
    ],
  };
}

function started(policies: number, overMs: readonly number[]) {
  return { policies, ms: one(900), cpuMs: one(800), overMs: spreadOf(overMs) };
}

/** A run in which every goal is met, exactly. */
function results(changes: Partial<Results> = {}): Results {
  return {
    machine: {
      date: '2026-11-22T12:00:00.000Z',
      commit: '0123456789ab',
      cpu: 'Testprozessor 1',
      cores: 2,
      node: 'v20.19.0',
      kernel: 'Linux 6.1',
      cedargate: '0.1.0',
    },
    quick: false,
    cpu: {
      concurrency: 16,
      rounds: 3,
      cpuSecondsMin: 2,
      requestBytes: 1_050,
      noop: { cpuUs: spreadOf([70, 62, 81]), checks: 1_800, responseBytes: 480 },
      sidecars: [
        sidecar(10, spreadOf([1, 1.25, 1.3])),
        sidecar(10_000, one(1.375)),
        sidecar(10_000, one(9), { byValue: true }, 900),
        ...grouped(250, 500),
        sidecar(1_000, one(50), { shape: 'open', byValue: true }, 5_000),
      ],
    },
    paced: {
      ...{ checksPerSecond: 500, rounds: 4, secondsPerRound: 8 },
      servers: [paced(null, 400), paced(1_000, 500)],
    },
    beside: beside(1.15),
    rollout: rollout(1.25, 1.25),
    opa: {
      ...{ version: '1.19.1', concurrency: 16, rounds: 1, cpuSecondsMin: 1 },
      sizes: [opaSize(10, [0.25, 0.2]), opaSize(10_000, [0.125, 0.25])],
    },
    latency: latency({}),
    memory: {
      policies: 10,
      checksFirst: 10_000,
      checksSecond: 100_000,
      cedargate: { firstBytes: 150e6, secondBytes: 170e6 },
      noop: { firstBytes: 60e6, secondBytes: 61e6 },
      noopUnderLoad: underLoad(75),
      noopDefaults: underLoad(115),
      checksUnderLoad: 20_000,
      sizes: [
        { policies: 1_000, built: false, ...underLoad(120) },
        { policies: 1_000, built: true, ...underLoad(125) },
        { policies: 10_000, built: true, ...underLoad(165) },
      ],
    },
    reload: { policies: 100, ms: spreadOf([120, 180, 300]) },
    stall: stall(20, { failed: 0, late: 0 }),
    start: {
      rounds: 3,
      empty: { ms: one(300), cpuMs: one(400) },
      sidecars: [started(1_000, [150, 200, 900]), started(10_000, [700])],
    },
    ...changes,
  };
}

function measured<T extends object>(part: T | NotMeasured): T {
  if ('notMeasured' in part) throw new Error('not measured');
  return part;
}

const verdicts = (changes?: Partial<Results>) => {
  return judgeGoals(results(changes)).map(({ verdict }) => verdict);
};

describe('the judgement of goals', () => {
  it('counts what is exactly at the limit as met', () => {
    expect(verdicts()).toEqual(Array(18).fill('met'));
  });

  it('says by how much a goal is missed', () => {
    const good = results();
    if ('notMeasured' in good.cpu || 'notMeasured' in good.memory) throw new Error('measured');
    const changes: Partial<Results> = {
      cpu: {
        ...good.cpu,
        sidecars: [
          sidecar(10, spreadOf([1, 1.5, 9])),
          sidecar(10_000, one(1.8)),
          ...grouped(260, 520),
        ],
      },
      beside: beside(1.4),
      rollout: rollout(1.25, 1.3),
      opa: { ...measured(good.opa), sizes: [opaSize(10, [0.2, 0.2]), opaSize(100, [0.2, 0.375])] },
      latency: latency({ cedargate: [2.625, 11, 0] }),
      memory: {
        ...good.memory,
        cedargate: { firstBytes: 150e6, secondBytes: 170.5e6 },
        sizes: [
          { policies: 1_000, built: false, ...underLoad(130) },
          { policies: 1_000, built: true, ...underLoad(100) },
        ],
      },
      reload: { policies: 100, ms: spreadOf([100, 100, 412]) },
      stall: stall(20.04, { failed: 1, late: 2 }),
      start: {
        rounds: 1,
        empty: { ms: one(300), cpuMs: one(400) },
        sidecars: [started(1_000, [201]), started(10_000, [90])],
      },
    };
    expect(verdicts(changes)).toEqual([
      'missed by 0.20 x',
      'missed by 0.10 x',
      'missed by 10 us',
      'missed by 0.25 x',
      'met',
      'missed by 0.05 engine calls',
      ...['missed by 0.13 x', 'missed by 0.20 x', 'missed by 0.10 x', 'missed by 0.27 x'],
      'missed by 5.0 MB',
      'not measured',
      'missed by 0.5 MB',
      'missed by 112 ms',
      'missed by 0.1 ms',
      'missed by 3',
      'missed by 1 ms',
      'met',
    ]);
    expect(renderGoals(results(changes)).split('\n')[0]).toBe(
      'server CPU a check at 10 policies, against the no-op server: ' +
        '1.50 x (<= 1.30 x): missed by 0.20 x',
    );
    expect(renderPage(results(changes))).toContain('| **missed by 112 ms** |');
  });

  it('never shows a miss as missed by nothing, nor as a value within the limit', () => {
    const good = results();
    if ('notMeasured' in good.cpu) throw new Error('measured');
    const cpu = { ...good.cpu, sidecars: [sidecar(10, one(1.301))] };
    const [goal] = judgeGoals(results({ cpu }));
    expect(goal).toMatchObject({ found: '1.31 x', verdict: 'missed by 0.01 x' });
  });

  it('calls memory that shrinks a goal that is met', () => {
    const good = results();
    if ('notMeasured' in good.memory) throw new Error('measured');
    const memory = { ...good.memory, cedargate: { firstBytes: 150e6, secondBytes: 141e6 } };
    const growth = judgeGoals(results({ memory })).find(({ what }) => what.startsWith('growth'));
    expect(growth).toMatchObject({ found: '-9.0 MB', verdict: 'met' });
  });

  it('says of a goal without a run that it was not measured', () => {
    const notMeasured = { notMeasured: 'no time' };
    expect(verdicts({ cpu: notMeasured, reload: notMeasured })).toEqual([
      ...['not measured: no time', 'not measured: no time', 'not measured: no time'],
      ...Array(10).fill('met'),
      'not measured: no time',
      ...['met', 'met', 'met', 'met'],
    ]);
    expect(verdicts({ beside: notMeasured })[3]).toBe('not measured: no time');
    const good = results();
    if ('notMeasured' in good.cpu) throw new Error('measured');
    expect(verdicts({ cpu: { ...good.cpu, sidecars: [] } })[0]).toBe('not measured');
  });

  const opaGoals = (changes: Partial<Results>) =>
    judgeGoals(results(changes))
      .filter(({ what }) => /OPA-Envoy|no-op server \(aim\)/.test(what))
      .map(({ verdict }) => verdict);

  it('says of the goals beside OPA-Envoy, without one, what is not set', () => {
    const none = 'not measured: OPA_ENVOY is not set';
    const changes = { opa: NO_OPA, latency: latency({}, 'OPA-Envoy') };
    expect(opaGoals(changes)).toEqual([none, none, none, 'met']);
  });

  it.each([
    ['cedargate', ['not measured', 'not measured', 'not measured']],
    ['OPA-Envoy', ['not measured', 'not measured', 'met']],
    ['no-op', ['met', 'met', 'not measured']],
  ] as const)('judges no latency of %s when it left more than one in 100 undecided', (name, is) => {
    const ms = { cedargate: [2.1, 10], 'OPA-Envoy': [2.625, 10], 'no-op': [2, 9] } as const;
    const [p50, p99] = ms[name];
    expect(opaGoals({ latency: latency({ [name]: [p50, p99, 300] }) })).toEqual(
      Array(4).fill('met'),
    );
    const told = opaGoals({ latency: latency({ [name]: [p50, p99, 301] }) }).slice(1);
    const why = `not measured: ${name} decided too few in time`;
    expect(told).toEqual(is.map((verdict) => (verdict === 'met' ? 'met' : why)));
  });
});

describe('the page', () => {
  const page = renderPage(results());

  it('shows commit, processor, Node and date', () => {
    for (const text of [
      '0123456789ab',
      'Testprozessor 1',
      'v20.19.0',
      '2026-11-22T12:00:00.000Z',
    ]) {
      expect(page).toContain(text);
    }
  });

  it('shows median and spread of the rounds', () => {
    expect(page).toContain('| no-op | 70 us (62 to 81) | 1 |');
    expect(page).toContain('| 1.25 x (1.00 to 1.30) | 98.5 % |');
    expect(page).toContain('| 10,000 policies, by value | 900 us (900 to 900) |');
    expect(page).toContain('| 10,000 policies, grouped | 250 us (250 to 250) |');
    expect(page).toContain('| 10,000 policies, grouped, by value | 500 us (500 to 500) |');
    expect(page).toContain('| 1,000 policies, open, by value | 5000 us (5000 to 5000) |');
    expect(page).toContain(
      '| a candidate, logged | 230 us (230 to 230) | 1.15 x (1.15 to 1.15) | 99.9 % | 98.5 % | 900 | 900 |',
    );
    expect(page).toContain('| no candidate, logged | 200 us (200 to 200) | 1 | - | 98.5 % |');
    const row = '1.13 ms (1.00 to 1.25) | 3.00 ms (3.00 to 3.00) | 2.10 ms | 10.00 ms | 0 |';
    expect(page).toContain(`| cedargate | ${row}`);
  });

  it('shows every way that OPA-Envoy was run in, beside cedargate', () => {
    const section = page.slice(page.indexOf('## Beside OPA-Envoy'), page.indexOf('## Latency'));
    expect(section.split('\n').filter((line) => line.startsWith('| 10,000 |'))).toEqual([
      '| 10,000 | cedargate, 98.5 % remembered | 250 us (250 to 250) | 1 | 53.0 MB | 900 | 900 | 300 | 600 | 66 bytes |',
      '| 10,000 | OPA-Envoy, data | 250 us (250 to 250) | 0.13 x (0.13 to 0.13) | 53.0 MB | 900 | 900 | 300 | 600 | 66 bytes |',
      '| 10,000 | OPA-Envoy, rules, one processor | 250 us (250 to 250) | 0.25 x (0.25 to 0.25) | 53.0 MB | 900 | 900 | 300 | 600 | 66 bytes |',
    ]);
    expect(renderPage(results({ opa: NO_OPA }))).toContain(
      '## Beside OPA-Envoy\n\nNot measured: OPA_ENVOY is not set.',
    );
    expect(page).toContain('| built bundles, loaded anew | 50.00 ms (50.00 to 50.00) | 20.00 ms');
    expect(page).toContain('| 1,000 policies | 900 ms (900 to 900) | 200 ms (150 to 900) | 800 ms');
  });

  it('shows what a check costs at a fixed rate, and how late the event loop is', () => {
    expect(page).toContain('| no-op | 400 us (400 to 400) | 0.75 ms');
    expect(page).toContain('| 1,000 policies | 500 us (500 to 500) | 0.75 ms');
    expect(page).toContain('| 4.50 ms (4.50 to 4.50) |');
  });

  it('shows memory over the no-op server, by part, and what the defaults of Node would take', () => {
    const parts = (rest: string) => `45.0 MB | 5.0 MB | 10.0 MB | ${rest} MB |`;
    expect(page).toContain(`| no-op | 75.0 MB | - | ${parts('15.0')}`);
    expect(page).toContain(`| no-op, defaults of Node | 115.0 MB | 40.0 MB | ${parts('55.0')}`);
    expect(page).toContain(`| 10,000 policies, built | 165.0 MB | 90.0 MB | ${parts('105.0')}`);
  });

  it('says of a part without a run that it was not measured, and why', () => {
    expect(renderPage(results({ latency: { notMeasured: 'no Envoy' } }))).toContain(
      '## Latency through Envoy\n\nNot measured: no Envoy.',
    );
  });

  it('says of a smoke run that it is one', () => {
    expect(page).not.toContain('smoke run');
    expect(renderPage(results({ quick: true }))).toContain('**A smoke run');
  });
});
