/**
 * Gauges of how rollouts stand, made anew at every scrape: what has a time in it (lag, expiry,
 * exceptions that begin and end) changes without anything happening in this process.
 */
import { Gauge, type Registry } from 'prom-client';
import { EXCEPTION_ENDS_SOON_MS } from '../constants.js';
import type { RolloutStanding } from '../reload/events.js';
import type { Exception } from '../rollout/types.js';
import { METRICS, type MetricEntry } from './metric-table.js';
import { type Moment, stateOfBlock, stateOfException } from './moment.js';

/** How rollouts stand at present. */
export type StandingSource = () => Moment & { readonly standings: readonly RolloutStanding[] };

type Read = (gauge: Gauge, standings: readonly RolloutStanding[], moment: Moment) => void;

export function registerRolloutMetrics(registry: Registry, source: StandingSource): void {
  const gauge = (entry: MetricEntry, read: Read) => {
    const made: Gauge = new Gauge({
      name: entry.name,
      help: entry.help,
      labelNames: Object.keys(entry.labels),
      registers: [registry],
      collect() {
        const { standings, ...moment } = source();
        this.reset();
        // Without rollouts there is nothing to say, and 0 would say something.
        if (standings.length > 0) read(this, standings, moment);
      },
    });
    return made;
  };
  const each =
    (value: (standing: RolloutStanding, moment: Moment) => number): Read =>
    (to, standings, moment) => {
      for (const standing of standings) {
        to.set({ rollout: standing.name }, value(standing, moment));
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
    each(({ lag }, { nowMs }) =>
      lag === undefined ? 0 : Math.max(0, nowMs - lag.sinceMs) / 1_000,
    ),
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
    each((standing, moment) => liveExceptions(standing, moment).length),
  );
  gauge(
    METRICS.exceptionsUnused,
    each((standing, moment) => {
      return liveExceptions(standing, moment).filter(({ name }) => {
        return moment.uses.of(standing.name, name) === undefined;
      }).length;
    }),
  );
  gauge(
    METRICS.exceptionsEndingSoon,
    each((standing, moment) => {
      const soonMs = moment.nowMs + EXCEPTION_ENDS_SOON_MS;
      return liveExceptions(standing, moment).filter(({ untilMs }) => untilMs <= soonMs).length;
    }),
  );
  gauge(
    METRICS.blocksActive,
    each(({ running }, moment) => {
      return running.blocks.filter((block) => stateOfBlock(block, moment) === 'active').length;
    }),
  );
  gauge(METRICS.exceptionNextExpiry, (to, standings, moment) => {
    for (const standing of standings) {
      const ends = liveExceptions(standing, moment).map(({ untilMs }) => untilMs);
      if (ends.length > 0) to.set({ rollout: standing.name }, Math.min(...ends) / 1_000);
    }
  });
}

function liveExceptions(standing: RolloutStanding, moment: Moment): readonly Exception[] {
  return standing.running.exceptions.filter((exception) => {
    return stateOfException(exception, moment, standing.clockFloorMs) === 'active';
  });
}
