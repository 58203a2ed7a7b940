/**
 * Gauges of how rollouts stand, made anew at every scrape: what has a time in it (lag, expiry,
 * exceptions that begin and end) changes without anything happening in this process.
 */
import { Gauge, type Registry } from 'prom-client';
import type { RolloutStanding } from '../reload/events.js';
import type { Block } from '../rollout/types.js';
import { METRICS, type MetricEntry } from './metric-table.js';

/** How rollouts stand at present, and the clock, milliseconds since the epoch. */
export type StandingSource = () => {
  readonly standings: readonly RolloutStanding[];
  readonly nowMs: number;
};

type Read = (gauge: Gauge, standings: readonly RolloutStanding[], nowMs: number) => void;

export function registerRolloutMetrics(registry: Registry, source: StandingSource): void {
  const gauge = (entry: MetricEntry, read: Read) => {
    const made: Gauge = new Gauge({
      name: entry.name,
      help: entry.help,
      labelNames: Object.keys(entry.labels),
      registers: [registry],
      collect() {
        const { standings, nowMs } = source();
        this.reset();
        // Without rollouts there is nothing to say, and 0 would say something.
        if (standings.length > 0) read(this, standings, nowMs);
      },
    });
    return made;
  };
  const each =
    (value: (standing: RolloutStanding, nowMs: number) => number): Read =>
    (to, standings, nowMs) => {
      for (const standing of standings) {
        to.set({ rollout: standing.name }, value(standing, nowMs));
      }
    };

  gauge(METRICS.rolloutSequence, (to, standings) => {
    for (const { name: rollout, approved, running } of standings) {
      const { environment } = approved;
      to.set({ rollout, environment, role: 'approved' }, approved.sequence);
      to.set({ rollout, environment, role: 'running' }, running.sequence);
    }
  });
  gauge(
    METRICS.lagSeconds,
    each(({ lag }, nowMs) => (lag === undefined ? 0 : Math.max(0, nowMs - lag.sinceMs) / 1_000)),
  );
  gauge(
    METRICS.rolloutExpires,
    each(({ running }) => running.expiresAtMs / 1_000),
  );
  gauge(
    METRICS.reviewDue,
    each(({ running }) => running.reviewByMs / 1_000),
  );
  gauge(
    METRICS.emergencyUnreconciled,
    each(({ approved }) => (approved.emergency === undefined ? 0 : 1)),
  );
  gauge(
    METRICS.exceptionsActive,
    each(({ running }, nowMs) => activeOf(running.exceptions, nowMs).length),
  );
  gauge(
    METRICS.blocksActive,
    each(({ running }, nowMs) => activeOf(running.blocks, nowMs).length),
  );
  gauge(METRICS.exceptionNextExpiry, (to, standings, nowMs) => {
    for (const { name: rollout, running } of standings) {
      const ends = activeOf(running.exceptions, nowMs).map(({ untilMs }) => untilMs);
      if (ends.length > 0) to.set({ rollout }, Math.min(...ends) / 1_000);
    }
  });
}

function activeOf<T extends Block>(entries: readonly T[], nowMs: number): readonly T[] {
  return entries.filter(({ fromMs, untilMs }) => fromMs <= nowMs && nowMs < untilMs);
}
