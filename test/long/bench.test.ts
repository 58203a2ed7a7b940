import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import type { Results } from '../../bench/results.js';
import { ROOT } from '../support/repository.js';

const out = mkdtempSync(join(tmpdir(), 'cedargate-bench-test-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** A run of a few seconds. Without an Envoy, which the tests of this folder do without. */
function bench(env: Readonly<Record<string, string>>) {
  return promisify(execFile)(process.execPath, ['--import', 'tsx', 'bench/main.ts'], {
    cwd: ROOT,
    env: { ...process.env, BENCH_QUICK: '1', BENCH_OUT: out, ENVOY: join(out, 'none'), ...env },
  });
}

function found(): Results {
  return JSON.parse(readFileSync(join(out, 'benchmarks.json'), 'utf8')) as Results;
}

describe('make bench', () => {
  it('measures, checks the decisions it measures, and writes what it found', async () => {
    const { stdout } = await bench({ OPA_ENVOY: '' });
    const { cpu, paced, beside, memory, reload, stall, start, latency, opa } = found();
    if ('notMeasured' in cpu) throw new Error('not measured');
    expect(cpu.noop.cpuUs.median).toBeGreaterThan(0);
    expect(cpu.sidecars.map(({ policies, shape, byValue }) => [policies, shape, byValue])).toEqual([
      [10, 'usual', false],
      [10, 'usual', true],
      [1_000, 'grouped', true],
      [20, 'open', true],
    ]);
    for (const each of cpu.sidecars) {
      expect(each.logged).toBe(each.checks);
      expect(each.allow + each.deny).toBe(each.checks);
      expect(each.ratio.median).toBeGreaterThan(0);
    }
    if ('notMeasured' in paced) throw new Error('not measured');
    expect(paced.servers.map(({ policies }) => policies)).toEqual([null, 10]);
    for (const { cpuUs, p50Ms, p99Ms, delayMaxMs } of paced.servers) {
      for (const { median } of [cpuUs, p50Ms]) expect(median).toBeGreaterThan(0);
      expect(delayMaxMs.median).toBeGreaterThanOrEqual(0);
      expect(p99Ms.median).toBeGreaterThanOrEqual(p50Ms.median);
    }
    if ('notMeasured' in memory) throw new Error('not measured');
    expect(memory).toMatchObject({ checksFirst: 200, checksSecond: 1_000 });
    const { noopUnderLoad, sizes } = memory;
    for (const { bytes, parts } of sizes) {
      const sum = parts.files + parts.code + parts.malloc + parts.anonymous;
      expect(bytes).toBeGreaterThan(noopUnderLoad.bytes);
      // Read a moment later.
      expect(Math.abs(sum / bytes - 1)).toBeLessThan(0.2);
    }
    if ('notMeasured' in beside) throw new Error('not measured');
    expect(beside.sidecars.map(({ candidate, logged }) => [candidate, logged])).toEqual([
      ...[
        [false, true],
        [true, true],
      ],
      ...[
        [false, false],
        [true, false],
      ],
    ]);
    expect(reload).toMatchObject({ ms: { count: 2 } });
    expect(latency).toMatchObject({ notMeasured: expect.stringContaining('no Envoy') });
    expect(opa).toEqual({ notMeasured: 'OPA_ENVOY is not set' });
    expect(stall).toMatchObject({
      policies: 20,
      runs: ['plain directory', 'built bundles'].map((what) => {
        return { what, failed: 0, loading: { ownMs: { count: 1 } } };
      }),
    });
    expect(start).toMatchObject({ sidecars: [{ policies: 10, overMs: { count: 1 } }] });
    expect(readFileSync(join(out, 'benchmarks.md'), 'utf8')).toContain('A smoke run');
    expect(stdout).toContain('server CPU a check at 10 policies');
  }, 240_000);
});

describe('make bench-opa', () => {
  it.each([
    ['/nowhere/opa', 'no such file'],
    ['/bin/ls', 'cannot be measured'],
  ])('says what is wrong with %s before it measures anything', async (binary, why) => {
    const failure = await bench({ OPA_ENVOY: binary }).catch((thrown) => thrown);
    expect(failure).toMatchObject({ code: 2, stdout: '' });
    expect(failure.stderr).toContain(`OPA_ENVOY=${binary} cannot be measured: `);
    expect(failure.stderr).toContain(why);
    expect(failure.stderr).toContain('docs/bench-opa.md');
  });

  it('has the same decisions of OPA-Envoy, however its rules are written', async (context) => {
    const binary = process.env.OPA_ENVOY ?? '';
    context.skip(binary === '', 'OPA_ENVOY is not set');
    await bench({ BENCH_ONLY: 'opa' });
    const { opa } = found();
    if ('notMeasured' in opa) throw new Error('not measured');
    expect(opa.sizes.map(({ policies }) => policies)).toEqual([10, 1_000]);
    for (const { rivals, cedargate } of opa.sizes) {
      expect(cedargate.logged).toBe(cedargate.checks);
      expect(rivals.map(({ form, processors }) => [form, processors])).toEqual([
        ...[
          ['data', undefined],
          ['rules', undefined],
        ],
        ...[
          ['data', 1],
          ['rules', 1],
        ],
      ]);
      for (const each of rivals) {
        expect(each.logged).toBe(each.checks);
        expect(each.ratio.median).toBeGreaterThan(0);
      }
    }
  }, 180_000);
});
