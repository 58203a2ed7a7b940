/**
 * Metrics in Prometheus form, in a registry of their own.
 *
 * Counters live as long as the process: a series that appeared never disappears, also when the
 * bundle whose policy it names is gone, because a counter that goes away and comes back looks like
 * a reset. Only `bundle_info` follows the bundle. prom-client writes the text and adds what is known
 * of the process; counts are our own (counts.ts). It is loaded after the start: that takes 60 ms.
 */
import type { Registry } from 'prom-client';
import type { CheckRecord, Decision } from '../check/types.js';
import { METRIC_POLICIES_MAX, METRIC_SLICES_MAX } from '../constants.js';
import type { ErrorCode } from '../errors.js';
import { Count, Distribution, registerScraped, type Sample, type Scraped } from './counts.js';
import { CHECK_DURATION_BUCKETS, METRICS, type MetricEntry } from './metric-table.js';
import { rolloutMetrics, type StandingSource } from './rollout-metrics.js';
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
  /** Loads what `render` needs. The first `render` does it otherwise. */
  prepare(): Promise<void>;
  /** What /metrics answers. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Forgets everything; for tests and the end of the process. */
  stop(): Promise<void>;
}

const DECISIONS: readonly Decision[] = ['allow', 'deny', 'error'];

/** Defaults that are gauges and are named like counters, which promtool refuses. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

export function createMetrics(versions: BuildVersions): Metrics {
  const { counts, durations, ...counted } = makeCounts();
  let inflight = 0;
  const { version, cedarSdk, cedarLanguage } = versions;
  const labels = { version, cedar_sdk: cedarSdk, cedar_language: cedarLanguage };
  const { sources, ...asked } = makeSources();
  let registry: Promise<Registry> | undefined;
  const opened = () => {
    registry ??= openRegistry([
      ...counted.scraped,
      { entry: METRICS.inflightChecks, samples: () => [{ labels: {}, value: inflight }] },
      { entry: METRICS.buildInfo, samples: () => [{ labels, value: 1 }] },
      ...asked.scraped,
    ]);
    return registry;
  };

  return {
    checkStarted() {
      inflight += 1;
    },
    checkEnded() {
      inflight -= 1;
    },
    check(record, durationSeconds) {
      countCheck(counts, record);
      durations.add(durationSeconds);
    },
    newClass() {
      counts.newClasses.value += 1;
    },
    abortedCall() {
      counts.abortedCalls.value += 1;
    },
    reload(result) {
      counts.reloads.of(result).value += 1;
    },
    bundles(source) {
      sources.bundles = source;
    },
    logEvents(source) {
      sources.logEvents = source;
    },
    cacheRequests(source) {
      sources.cache = source;
    },
    rollouts(source) {
      sources.standing = source;
    },
    async prepare() {
      await opened();
    },
    async render() {
      const scrapes = await opened();
      return { contentType: scrapes.contentType, body: await scrapes.metrics() };
    },
    async stop() {
      (await registry)?.clear();
    },
  };
}

async function openRegistry(metrics: readonly Scraped[]): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  for (const each of metrics) registerScraped(registry, each);
  return registry;
}

type Counts = ReturnType<typeof makeCounts>['counts'];

function makeCounts() {
  const counts = {
    checks: new Count(),
    sliceChecks: new Count(METRIC_SLICES_MAX),
    exceptionUses: new Count(METRIC_SLICES_MAX),
    candidateChecks: new Count(),
    flips: new Count(),
    policyErrors: new Count(METRIC_POLICIES_MAX),
    newClasses: new Count(),
    abortedCalls: new Count(),
    reloads: new Count(),
  };
  const durations = new Distribution(CHECK_DURATION_BUCKETS);
  const { checkDuration } = METRICS;
  // From the first scrape on, so that the first refusal is an increase, and the first flip.
  for (const result of ['ok', 'unchanged']) counts.reloads.of(result);
  for (const from of DECISIONS) {
    for (const to of DECISIONS) if (from !== to) counts.flips.of(from).of(to);
  }
  const scraped = Object.entries(counts).map(([name, count]): Scraped => {
    const entry: MetricEntry = METRICS[name as keyof typeof counts];
    return { entry, samples: () => count.samples(Object.keys(entry.labels)) };
  });
  scraped.push({ entry: checkDuration, samples: () => durations.samples(checkDuration.name) });
  return { counts, durations, scraped };
}

/** Labels come in the order of the table. */
function countCheck(
  counts: Counts,
  { decision, mode, outcome, reason, slice, exception, candidate, errors }: CheckRecord,
): void {
  counts.checks.of(decision).of(mode).of(outcome).of(reason).value += 1;
  if (slice !== undefined) {
    counts.sliceChecks.of(slice).of(decision).of(outcome).value += 1;
  }
  if (exception !== undefined) counts.exceptionUses.of(exception).value += 1;
  if (candidate !== undefined) {
    counts.candidateChecks.value += 1;
    if (candidate.flip) counts.flips.of(decision).of(candidate.decision).value += 1;
  }
  for (const { policy } of errors) {
    if (policy !== undefined) counts.policyErrors.of(policy).value += 1;
  }
}

interface Sources {
  logEvents: LogEventsSource;
  cache: CacheSource;
  bundles: BundleSource;
  standing: StandingSource;
}

/** What others keep the account of: a second one here could only differ. */
function makeSources(): { readonly sources: Sources; readonly scraped: readonly Scraped[] } {
  const sources: Sources = {
    logEvents: () => ({ logged: 0, sampled: 0, dropped: 0, limited: 0 }),
    cache: () => ({ hit: 0, miss: 0, bypass: 0 }),
    bundles: () => [],
    standing: () => ({
      ...{ standings: [], nowMs: 0, latestMs: 0 },
      uses: { of: () => undefined },
    }),
  };
  const byResult = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([result, value]): Sample => ({ labels: { result }, value }));
  const scraped: Scraped[] = [
    {
      entry: METRICS.decisionLogEvents,
      samples: () => {
        const { logged, sampled, dropped } = sources.logEvents();
        return byResult({ logged, sampled, dropped });
      },
    },
    {
      entry: METRICS.decisionLogLimited,
      samples: () => [{ labels: {}, value: sources.logEvents().limited }],
    },
    { entry: METRICS.cacheRequests, samples: () => byResult(sources.cache()) },
    {
      entry: METRICS.bundleInfo,
      samples: () =>
        sources.bundles().map(({ version, digest, role }) => {
          return { labels: { version, digest, role }, value: 1 };
        }),
    },
    ...rolloutMetrics(() => sources.standing()),
  ];
  return { sources, scraped };
}
