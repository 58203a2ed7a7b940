/**
 * Metrics in Prometheus form, in a registry of their own.
 *
 * Counters live as long as the process: a series that appeared never disappears, also when the
 * bundle whose policy it names is gone, because a counter that goes away and comes back looks like
 * a reset. Only `bundle_info` follows the bundle. prom-client costs 0.25 us for each inc and
 * observe (Node 20), so the hot path calls it directly.
 */
import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricConfiguration,
  Registry,
} from 'prom-client';
import type { CheckRecord, Decision } from '../check/types.js';
import { METRIC_POLICIES_MAX, METRIC_SLICES_MAX } from '../constants.js';
import type { ErrorCode } from '../errors.js';
import { CHECK_DURATION_BUCKETS, METRICS, type MetricEntry } from './metric-table.js';
import { registerRolloutMetrics, type StandingSource } from './rollout-metrics.js';
import type { DecisionLogCounts } from './status.js';

export type ReloadResult = 'ok' | 'unchanged' | `rejected_${ErrorCode}`;

export interface BuildVersions {
  readonly version: string;
  readonly cedarSdk: string;
  readonly cedarLanguage: string;
}

/** What the decision log has counted; asked at every scrape. */
export type LogEventsSource = () => Omit<DecisionLogCounts, 'checks'>;

/** What the memory of answers has counted; asked at every scrape. */
export type CacheSource = () => Readonly<Record<'hit' | 'miss' | 'bypass', number>>;

export interface BundleFacts {
  readonly version: string;
  readonly digest: string;
  readonly role: 'active' | 'candidate';
}

export type BundleSource = () => readonly BundleFacts[];

export interface Metrics {
  /** A check was received. */
  checkStarted(): void;
  /** A check that was received has ended, answered or not. */
  checkEnded(): void;
  /** A check was answered. */
  check(record: CheckRecord, durationSeconds: number): void;
  newClass(): void;
  /** A call ended before it became a check. */
  abortedCall(): void;
  reload(result: ReloadResult): void;
  /** The bundles that are loaded; asked at every scrape. */
  bundles(source: BundleSource): void;
  logEvents(source: LogEventsSource): void;
  cacheRequests(source: CacheSource): void;
  /** How rollouts stand; asked at every scrape. */
  rollouts(source: StandingSource): void;
  /** What /metrics answers. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Forgets everything; for tests and the end of the process. */
  stop(): void;
}

const DECISIONS: readonly Decision[] = ['allow', 'deny', 'error'];

/** Defaults that are gauges and are named like counters, which promtool refuses. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

export function createMetrics(versions: BuildVersions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const counters = register(registry);
  const { version, cedarSdk, cedarLanguage } = versions;
  counters.buildInfo.set({ version, cedar_sdk: cedarSdk, cedar_language: cedarLanguage }, 1);
  // From the first scrape on, so that the first refusal and the first lost line are increases,
  // and the first flip.
  for (const result of ['ok', 'unchanged']) counters.reloads.inc({ result }, 0);
  for (const from of DECISIONS) {
    for (const to of DECISIONS) if (from !== to) counters.flips.inc({ from, to }, 0);
  }
  let standing: StandingSource = () => ({
    ...{ standings: [], nowMs: 0, latestMs: 0 },
    uses: { of: () => undefined },
  });
  registerRolloutMetrics(registry, () => standing());
  const policyLabel = boundedLabel(METRIC_POLICIES_MAX);
  const exceptionLabel = boundedLabel(METRIC_SLICES_MAX);
  const sliceLabel = boundedLabel(METRIC_SLICES_MAX);

  return {
    checkStarted: () => counters.inflightChecks.inc(),
    checkEnded: () => counters.inflightChecks.dec(),
    check(
      { decision, mode, outcome, reason, slice, exception, candidate, errors },
      durationSeconds,
    ) {
      counters.checks.inc({ decision, mode, outcome, reason });
      if (slice !== undefined) {
        counters.sliceChecks.inc({ slice: sliceLabel(slice), decision, outcome });
      }
      if (exception !== undefined) {
        counters.exceptionUses.inc({ exception: exceptionLabel(exception) });
      }
      if (candidate !== undefined) {
        counters.candidateChecks.inc();
        if (candidate.flip) {
          counters.flips.inc({ from: decision, to: candidate.decision });
        }
      }
      counters.checkDuration.observe(durationSeconds);
      for (const { policy } of errors) {
        if (policy !== undefined) counters.policyErrors.inc({ policy: policyLabel(policy) });
      }
    },
    newClass: () => counters.newClasses.inc(),
    abortedCall: () => counters.abortedCalls.inc(),
    reload: (result) => counters.reloads.inc({ result }),
    bundles(source) {
      counters.setBundleSource(source);
    },
    logEvents(source) {
      counters.setLogEventsSource(source);
    },
    cacheRequests(source) {
      counters.setCacheSource(source);
    },
    rollouts(source) {
      standing = source;
    },
    async render() {
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
    stop: () => registry.clear(),
  };
}

function register(registry: Registry) {
  const counter = (entry: MetricEntry) => new Counter(configOf(entry, registry));
  const gauge = (entry: MetricEntry) => new Gauge(configOf(entry, registry));
  let logEvents: LogEventsSource = () => ({ logged: 0, sampled: 0, dropped: 0, limited: 0 });
  new Counter({
    ...configOf(METRICS.decisionLogEvents, registry),
    // The log keeps the exact account; a second one here could only differ.
    collect() {
      const { logged, sampled, dropped } = logEvents();
      this.reset();
      this.inc({ result: 'logged' }, logged);
      this.inc({ result: 'sampled' }, sampled);
      this.inc({ result: 'dropped' }, dropped);
    },
  });
  let cache: CacheSource = () => ({ hit: 0, miss: 0, bypass: 0 });
  new Counter({
    ...configOf(METRICS.cacheRequests, registry),
    collect() {
      this.reset();
      for (const [result, count] of Object.entries(cache())) this.inc({ result }, count);
    },
  });
  let bundles: BundleSource = () => [];
  new Gauge({
    ...configOf(METRICS.bundleInfo, registry),
    collect() {
      this.reset();
      for (const { version, digest, role } of bundles()) this.set({ version, digest, role }, 1);
    },
  });
  new Counter({
    ...configOf(METRICS.decisionLogLimited, registry),
    collect() {
      this.reset();
      this.inc(logEvents().limited);
    },
  });
  return {
    checks: counter(METRICS.checks),
    sliceChecks: counter(METRICS.sliceChecks),
    abortedCalls: counter(METRICS.abortedCalls),
    checkDuration: new Histogram({
      ...configOf(METRICS.checkDuration, registry),
      buckets: [...CHECK_DURATION_BUCKETS],
    }),
    inflightChecks: gauge(METRICS.inflightChecks),
    policyErrors: counter(METRICS.policyErrors),
    newClasses: counter(METRICS.newClasses),
    reloads: counter(METRICS.reloads),
    buildInfo: gauge(METRICS.buildInfo),
    exceptionUses: counter(METRICS.exceptionUses),
    candidateChecks: counter(METRICS.candidateChecks),
    flips: counter(METRICS.flips),
    setBundleSource(source: BundleSource) {
      bundles = source;
    },
    setLogEventsSource(source: LogEventsSource) {
      logEvents = source;
    },
    setCacheSource(source: CacheSource) {
      cache = source;
    },
  };
}

function configOf(entry: MetricEntry, registry: Registry): MetricConfiguration<string> {
  return {
    name: entry.name,
    help: entry.help,
    labelNames: Object.keys(entry.labels),
    registers: [registry],
  };
}

/** The first `max` values as they are; all others share `_other`. */
function boundedLabel(max: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= max) return '_other';
    known.add(value);
    return value;
  };
}
