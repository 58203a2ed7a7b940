import { afterEach, describe, expect, test } from 'vitest';
import type { CheckRecord } from '../../../src/check/types.js';
import { METRIC_POLICIES_MAX, METRIC_SLICES_MAX } from '../../../src/constants.js';
import {
  CHECK_DURATION_BUCKETS,
  DEFAULT_METRIC_PREFIXES,
  METRICS,
  type MetricEntry,
} from '../../../src/telemetry/metric-table.js';
import { type BundleFacts, createMetrics, type Metrics } from '../../../src/telemetry/metrics.js';
import { checkRecord } from '../../support/check-records.js';

const open: Metrics[] = [];
afterEach(async () => {
  for (const metrics of open.splice(0)) await metrics.stop();
});

function rig() {
  const metrics = createMetrics({ version: '0.1.0', cedarSdk: '4.13.0', cedarLanguage: '4.5' });
  open.push(metrics);
  return metrics;
}

/** Samples of one metric, name and labels -> value. */
async function samples(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const { body } = await metrics.render();
  const lines = body.split('\n').filter((line) => line.startsWith(name));
  return Object.fromEntries(
    lines.map((line) => {
      const cut = line.lastIndexOf(' ');
      return [line.slice(0, cut), Number(line.slice(cut + 1))];
    }),
  );
}

const failedPolicy = (policy: string) =>
  checkRecord({ errors: [{ code: 'policy_evaluation', message: 'm', policy }] });

describe('metrics', () => {
  test('have no gauge that is named like a counter, which promtool refuses', async () => {
    const { body } = await rig().render();
    const gauges = [...body.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name ?? '');
    expect(gauges.length).toBeGreaterThan(5);
    expect(gauges.filter((name) => name.endsWith('_total'))).toEqual([]);
  });

  test('count checks by decision, mode, outcome and reason', async () => {
    const metrics = rig();
    metrics.check(checkRecord(), 0.001);
    metrics.check(checkRecord(), 0.001);
    metrics.check(checkRecord({ decision: 'deny', reason: 'no_permit', wouldDeny: true }), 0.001);
    expect(await samples(metrics, 'cedargate_checks_total')).toEqual({
      'cedargate_checks_total{decision="allow",mode="shadow",outcome="allow",reason="policy_permit"}': 2,
      'cedargate_checks_total{decision="deny",mode="shadow",outcome="allow",reason="no_permit"}': 1,
    });
  });

  test('sort durations into buckets from 50 us to 200 ms', async () => {
    const metrics = rig();
    for (const seconds of [0.00004, 0.0002, 0.3]) metrics.check(checkRecord(), seconds);
    const seen = await samples(metrics, 'cedargate_check_duration_seconds');
    expect(seen).toMatchObject({
      'cedargate_check_duration_seconds_bucket{le="0.00005"}': 1,
      'cedargate_check_duration_seconds_bucket{le="0.00025"}': 2,
      'cedargate_check_duration_seconds_bucket{le="0.2"}': 2,
      'cedargate_check_duration_seconds_bucket{le="+Inf"}': 3,
      cedargate_check_duration_seconds_count: 3,
    });
    expect(Object.keys(seen)).toHaveLength(CHECK_DURATION_BUCKETS.length + 3);
  });

  test('count what is in flight up and down', async () => {
    const metrics = rig();
    for (let i = 0; i < 3; i += 1) metrics.checkStarted();
    metrics.checkEnded();
    expect(await samples(metrics, 'cedargate_inflight')).toEqual({ cedargate_inflight_checks: 2 });
  });

  test('count failures by policy, and share one value beyond the bound', async () => {
    const metrics = rig();
    for (let i = 0; i < METRIC_POLICIES_MAX + 5; i += 1) metrics.check(failedPolicy(`p${i}`), 0);
    metrics.check(failedPolicy('p0'), 0);
    metrics.check(checkRecord({ errors: [{ code: 'value_ignored', message: 'm' }] }), 0);
    const seen = await samples(metrics, 'cedargate_policy_errors_total');
    expect(Object.keys(seen)).toHaveLength(METRIC_POLICIES_MAX + 1);
    expect(seen['cedargate_policy_errors_total{policy="p0"}']).toBe(2);
    expect(seen['cedargate_policy_errors_total{policy="_other"}']).toBe(5);
  });

  test('count flips by direction, from zero, among the checks of a candidate', async () => {
    const metrics = rig();
    const flips = () => samples(metrics, 'cedargate_flips_total');
    expect(Object.values(await flips())).toEqual([0, 0, 0, 0, 0, 0]);
    const candidate = (decision: 'allow' | 'deny', flip: boolean) =>
      checkRecord({ candidate: { decision, flip } as NonNullable<CheckRecord['candidate']> });
    metrics.check(candidate('deny', true), 0);
    metrics.check(candidate('allow', false), 0);
    metrics.check(checkRecord(), 0);
    expect(await flips()).toMatchObject({
      'cedargate_flips_total{from="allow",to="deny"}': 1,
      'cedargate_flips_total{from="deny",to="allow"}': 0,
    });
    expect(await samples(metrics, 'cedargate_candidate_checks_total')).toEqual({
      cedargate_candidate_checks_total: 2,
    });
  });

  test('count uses of exceptions, and share one value beyond the bound', async () => {
    const metrics = rig();
    metrics.check(checkRecord(), 0);
    for (let i = 0; i < METRIC_SLICES_MAX + 5; i += 1) {
      metrics.check(checkRecord({ exception: `e${i}` }), 0);
    }
    const seen = await samples(metrics, 'cedargate_exception_uses_total');
    expect(Object.keys(seen)).toHaveLength(METRIC_SLICES_MAX + 1);
    expect(seen['cedargate_exception_uses_total{exception="_other"}']).toBe(5);
  });

  test('count by slice what is in one, and share one value beyond the bound', async () => {
    const metrics = rig();
    metrics.check(checkRecord(), 0);
    const denied = { decision: 'deny', outcome: 'deny', reason: 'no_permit' } as const;
    metrics.check(checkRecord({ slice: 's0', ...denied }), 0);
    for (let i = 0; i < METRIC_SLICES_MAX + 5; i += 1) {
      metrics.check(checkRecord({ slice: `s${i}` }), 0);
    }
    const seen = await samples(metrics, 'cedargate_slice_checks_total');
    const series = (labels: string) => seen[`cedargate_slice_checks_total{${labels}}`];
    expect(Object.keys(seen)).toHaveLength(METRIC_SLICES_MAX + 2);
    expect(series('slice="s0",decision="deny",outcome="deny"')).toBe(1);
    expect(series('slice="s0",decision="allow",outcome="allow"')).toBe(1);
    expect(series('slice="_other",decision="allow",outcome="allow"')).toBe(5);
  });

  test('name the bundles of the present, by role, and keep the counters when it changes', async () => {
    const metrics = rig();
    let bundles: readonly BundleFacts[] = [{ version: '1', digest: 'sha256:a', role: 'active' }];
    metrics.bundles(() => bundles);
    metrics.check(failedPolicy('old'), 0);
    bundles = [
      { version: '2', digest: 'sha256:b', role: 'active' },
      { version: '3', digest: 'sha256:c', role: 'candidate' },
    ];
    expect(await samples(metrics, 'cedargate_bundle_info')).toEqual({
      'cedargate_bundle_info{version="2",digest="sha256:b",role="active"}': 1,
      'cedargate_bundle_info{version="3",digest="sha256:c",role="candidate"}': 1,
    });
    expect(await samples(metrics, 'cedargate_policy_errors_total')).toEqual({
      'cedargate_policy_errors_total{policy="old"}': 1,
    });
    bundles = [];
    expect(await samples(metrics, 'cedargate_bundle_info')).toEqual({});
  });

  test('count loads by result, from zero', async () => {
    const metrics = rig();
    metrics.reload('ok');
    metrics.reload('rejected_policy_syntax');
    expect(await samples(metrics, 'cedargate_reloads_total')).toEqual({
      'cedargate_reloads_total{result="ok"}': 1,
      'cedargate_reloads_total{result="unchanged"}': 0,
      'cedargate_reloads_total{result="rejected_policy_syntax"}': 1,
    });
  });

  test('ask the decision log for its account at every scrape', async () => {
    const metrics = rig();
    const name = 'cedargate_decision_log_events_total';
    const account = { logged: 0, sampled: 0, dropped: 0, limited: 0 };
    expect(Object.values(await samples(metrics, name))).toEqual([0, 0, 0]);
    metrics.logEvents(() => account);
    Object.assign(account, { logged: 7, sampled: 5, dropped: 2, limited: 1 });
    for (let scrape = 0; scrape < 2; scrape += 1) {
      expect(await samples(metrics, name)).toEqual({
        [`${name}{result="logged"}`]: 7,
        [`${name}{result="sampled"}`]: 5,
        [`${name}{result="dropped"}`]: 2,
      });
    }
    const limited = 'cedargate_decision_log_limited_total';
    expect(await samples(metrics, limited)).toEqual({ [limited]: 1 });
  });

  test('ask the memory of answers for its account at every scrape', async () => {
    const metrics = rig();
    const name = 'cedargate_cache_requests_total';
    const account = { hit: 0, miss: 0, bypass: 0 };
    metrics.cacheRequests(() => account);
    Object.assign(account, { hit: 5, miss: 2, bypass: 1 });
    expect(await samples(metrics, name)).toEqual({
      [`${name}{result="hit"}`]: 5,
      [`${name}{result="miss"}`]: 2,
      [`${name}{result="bypass"}`]: 1,
    });
  });

  test('have no more series than the bounds allow, and no word of a client, whatever comes', async () => {
    const metrics = rig();
    const hostile = (i: number) => `hostile-${i}`;
    for (let i = 0; i < 500; i += 1) {
      const text = hostile(i);
      const client = { principal: text, action: text, path: `/${text}`, method: text };
      metrics.check(
        checkRecord({ ...client, requestId: text, traceId: text, decisionId: text }),
        0,
      );
      metrics.newClass();
      metrics.abortedCall();
    }
    const { body } = await metrics.render();
    expect(body).not.toContain('hostile');
    const series = body.split('\n').filter((line) => line.startsWith('cedargate_checks_total'));
    expect(series).toHaveLength(1);
  });

  test('count new classes and name the versions of the build', async () => {
    const metrics = rig();
    metrics.newClass();
    expect(await samples(metrics, 'cedargate_new_classes_total')).toEqual({
      cedargate_new_classes_total: 1,
    });
    expect(await samples(metrics, 'cedargate_build_info')).toEqual({
      'cedargate_build_info{version="0.1.0",cedar_sdk="4.13.0",cedar_language="4.5"}': 1,
    });
  });

  test('are kept apart between two instances', async () => {
    const [one, two] = [rig(), rig()];
    one.newClass();
    expect(await samples(two, 'cedargate_new_classes_total')).toEqual({
      cedargate_new_classes_total: 0,
    });
  });

  test('come in the text format of Prometheus, with process and event-loop metrics', async () => {
    const { contentType, body } = await rig().render();
    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toMatch(/^process_cpu_seconds_total /m);
    expect(body).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
  });
});

describe('the table of metrics', () => {
  const entries: readonly MetricEntry[] = Object.values(METRICS);

  test('is what is registered: names, types, help; all else has a prefix of the defaults', async () => {
    const { body } = await rig().render();
    const help = new Map([...body.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, n, h]) => [n, h]));
    const types = new Map([...body.matchAll(/^# TYPE (\S+) (.*)$/gm)].map(([, n, t]) => [n, t]));
    for (const { name, type, help: text } of entries) {
      expect(types.get(name), name).toBe(type);
      expect(help.get(name), name).toBe(text);
    }
    const names = new Set<string | undefined>(entries.map(({ name }) => name));
    for (const name of types.keys()) {
      const isDefault = DEFAULT_METRIC_PREFIXES.some((prefix) => name?.startsWith(prefix));
      expect(names.has(name) || isDefault, name).toBe(true);
    }
  });

  test.each(entries)('$name follows the naming rules and bounds its labels', (entry) => {
    expect(entry.name).toMatch(/^cedargate_[a-z]+(_[a-z]+)*$/);
    expect(entry.name.endsWith('_total')).toBe(entry.type === 'counter');
    for (const [label, bound] of Object.entries(entry.labels)) {
      expect(['path', 'principal', 'host', 'decision_id']).not.toContain(label);
      expect(bound).not.toBe('');
    }
  });
});
