/**
 * Gauges of how rollouts stand, made anew at every scrape: what has a time in it (lag, expiry,
 * exceptions that begin and end) changes without anything happening in this process.
 */
import { EXCEPTION_ENDS_SOON_MS } from '../constants.js';
import type { RolloutStanding } from '../reload/events.js';
import type { Exception } from '../rollout/types.js';
import type { Sample, Scraped } from './counts.js';
import { METRICS, type MetricEntry } from './metric-table.js';
import { type Moment, stateOfBlock, stateOfException } from './moment.js';

/** How rollouts stand at present. */
export type StandingSource = () => Moment & { readonly standings: readonly RolloutStanding[] };

type Read = (standings: readonly RolloutStanding[], moment: Moment) => readonly Sample[];

export function rolloutMetrics(source: StandingSource): readonly Scraped[] {
  const gauge = (entry: MetricEntry, read: Read): Scraped => ({
    entry,
    samples() {
      const { standings, ...moment } = source();
      // Without rollouts nothing is said, for 0 would say something.
      return read(standings, moment);
    },
  });
  const each = (
    entry: MetricEntry,
    value: (standing: RolloutStanding, moment: Moment) => number,
  ): Scraped =>
    gauge(entry, (standings, moment) =>
      standings.map((standing) => ofRollout(standing, value(standing, moment))),
    );

  return [
    gauge(METRICS.rolloutSequence, (standings) =>
      standings.flatMap(({ name: rollout, approved, running }) => {
        const { environment } = approved;
        return [
          { labels: { rollout, environment, role: 'approved' }, value: approved.sequence },
          { labels: { rollout, environment, role: 'running' }, value: running.sequence },
        ];
      }),
    ),
    each(METRICS.lagSeconds, ({ lag }, { nowMs }) =>
      lag === undefined ? 0 : Math.max(0, nowMs - lag.sinceMs) / 1_000,
    ),
    each(METRICS.rolloutExpires, ({ running }) => running.expiresAtMs / 1_000),
    each(METRICS.reviewDue, ({ running }) => running.reviewByMs / 1_000),
    each(METRICS.emergencyUnreconciled, ({ approved }) =>
      approved.emergency === undefined ? 0 : 1,
    ),
    each(METRICS.exceptionsActive, (standing, moment) => liveExceptions(standing, moment).length),
    each(METRICS.exceptionsUnused, (standing, moment) => {
      return liveExceptions(standing, moment).filter(({ name }) => {
        return moment.uses.of(standing.name, name) === undefined;
      }).length;
    }),
    each(METRICS.exceptionsEndingSoon, (standing, moment) => {
      const soonMs = moment.nowMs + EXCEPTION_ENDS_SOON_MS;
      return liveExceptions(standing, moment).filter(({ untilMs }) => untilMs <= soonMs).length;
    }),
    each(METRICS.blocksActive, ({ running }, moment) => {
      return running.blocks.filter((block) => stateOfBlock(block, moment) === 'active').length;
    }),
    gauge(METRICS.exceptionNextExpiry, (standings, moment) =>
      standings.flatMap((standing) => {
        const ends = liveExceptions(standing, moment).map(({ untilMs }) => untilMs);
        return ends.length === 0 ? [] : [ofRollout(standing, Math.min(...ends) / 1_000)];
      }),
    ),
  ];
}

function ofRollout({ name: rollout }: RolloutStanding, value: number): Sample {
  return { labels: { rollout }, value };
}

function liveExceptions(standing: RolloutStanding, moment: Moment): readonly Exception[] {
  return standing.running.exceptions.filter((exception) => {
    return stateOfException(exception, moment, standing.clockFloorMs) === 'active';
  });
}
