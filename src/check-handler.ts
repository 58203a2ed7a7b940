/**
 * The hot path with its clock, its ids and its witnesses: log, metrics, uses of exceptions. The
 * witnesses never change the answer, and never keep it back.
 */
import { type CheckCall, check } from './check/check.js';
import type { Times } from './check/standing.js';
import type { CheckRecord, CheckSettings, Generation } from './check/types.js';
import { createIdSource } from './decision-log/decision-id.js';
import type { DecisionLog } from './decision-log/log.js';
import type { CheckHandler } from './server/grpc.js';
import type { LoadGauge } from './server/load-gauge.js';
import { sometimes } from './sometimes.js';
import type { ExceptionUses } from './telemetry/exception-uses.js';
import { causeFields, type ProgramLog } from './telemetry/log.js';
import type { Metrics } from './telemetry/metrics.js';

/** The present clock, and the largest that was ever seen by it. */
export type SeenClock = () => Required<Times>;

/** `now`: milliseconds since the epoch; it may jump. */
export function createSeenClock(now: () => number): SeenClock {
  let latestMs = 0;
  return () => {
    const nowMs = now();
    latestMs = Math.max(latestMs, nowMs);
    return { nowMs, latestMs };
  };
}

export interface CheckHandlerParts {
  readonly settings: CheckSettings;
  /** Read once for each check. */
  readonly reloader: { readonly current: Generation };
  readonly clock: SeenClock;
  readonly gauge: Pick<LoadGauge, 'check'>;
  readonly decisionLog: Pick<DecisionLog, 'decision' | 'hasRoom'>;
  readonly metrics: Pick<Metrics, 'check'>;
  readonly uses: Pick<ExceptionUses, 'add'>;
  readonly programLog: ProgramLog;
}

export function createCheckHandler(parts: CheckHandlerParts): CheckHandler {
  const { settings, reloader, clock, gauge, decisionLog, metrics, programLog, uses } = parts;
  const nextId = createIdSource();
  const warnOverload = sometimes(Date.now, () => {
    programLog.warn('more is asked than can be decided in time: the policies are not asked', {
      metric: 'checks_total{reason="overload"}',
    });
  });

  function tell(record: CheckRecord, durationMs: number, nowMs: number): void {
    decisionLog.decision(record, durationMs * 1_000);
    metrics.check(record, durationMs / 1_000);
    // The log tells by itself that it is full.
    if (record.errors[0]?.code === 'overload') warnOverload('');
    if (uses.add(record, nowMs)) tellFirstUse(record, programLog);
  }

  return (message, deadlineMs) => {
    const startedMs = performance.now();
    const { nowMs, latestMs } = clock();
    // No spreads from here to the answer: with array patterns they took a third of a check.
    const call: CheckCall = {
      message,
      deadlineMs,
      nowMs,
      latestMs,
      decisionId: nextId(nowMs),
      load: gauge.check(),
      logFull: !decisionLog.hasRoom(),
    };
    const { answer, record, fault } = check(call, reloader.current, settings);
    const decision_id = record.decisionId;
    if (fault !== undefined) {
      programLog.error('a check failed', { decision_id, ...causeFields(fault) });
    }
    try {
      tell(record, performance.now() - startedMs, nowMs);
    } catch (thrown) {
      programLog.error('a check could not be told of', { decision_id, ...causeFields(thrown) });
    }
    return answer;
  };
}

function tellFirstUse(
  { exception, decisionId, regime }: CheckRecord,
  programLog: ProgramLog,
): void {
  const rollout = regime.rollout?.name;
  const known = { exception, rollout, decision_id: decisionId };
  programLog.info('an exception is used for the first time since the start', known);
}
