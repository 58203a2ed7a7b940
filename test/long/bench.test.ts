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

describe('make bench', () => {
  it('measures, checks the decisions it measures, and writes what it found', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'bench/main.ts'],
      // Without an Envoy, which the tests of this folder do without.
      {
        cwd: ROOT,
        env: { ...process.env, BENCH_QUICK: '1', BENCH_OUT: out, ENVOY: join(out, 'none') },
      },
    );
    const found = JSON.parse(readFileSync(join(out, 'benchmarks.json'), 'utf8')) as Results;
    if ('notMeasured' in found.cpu) throw new Error('not measured');
    const { noop, sidecars } = found.cpu;
    expect(noop.cpuUs.median).toBeGreaterThan(0);
    expect(sidecars.map(({ policies, byValue }) => [policies, byValue])).toEqual([
      [10, false],
      [10, true],
    ]);
    for (const each of sidecars) {
      expect(each.logged).toBe(each.checks);
      expect(each.allow + each.deny).toBe(each.checks);
      expect(each.ratio.median).toBeGreaterThan(0);
    }
    if ('notMeasured' in found.paced) throw new Error('not measured');
    expect(found.paced.servers.map(({ policies }) => policies)).toEqual([null, 10]);
    for (const { cpuUs, p50Ms, p99Ms, delayMaxMs } of found.paced.servers) {
      for (const { median } of [cpuUs, p50Ms]) expect(median).toBeGreaterThan(0);
      expect(delayMaxMs.median).toBeGreaterThanOrEqual(0);
      expect(p99Ms.median).toBeGreaterThanOrEqual(p50Ms.median);
    }
    if ('notMeasured' in found.memory) throw new Error('not measured');
    expect(found.memory).toMatchObject({ checksFirst: 200, checksSecond: 1_000 });
    const { noopUnderLoad, sizes } = found.memory;
    for (const { bytes, parts } of sizes) {
      const sum = parts.files + parts.code + parts.malloc + parts.anonymous;
      expect(bytes).toBeGreaterThan(noopUnderLoad.bytes);
      // Read a moment later.
      expect(Math.abs(sum / bytes - 1)).toBeLessThan(0.2);
    }
    expect(found.reload).toMatchObject({ ms: { count: 2 } });
    expect(found.latency).toMatchObject({ notMeasured: expect.stringContaining('no Envoy') });
    expect(readFileSync(join(out, 'benchmarks.md'), 'utf8')).toContain('A smoke run');
    expect(stdout).toContain('server CPU a check at 10 policies');
  }, 240_000);
});
