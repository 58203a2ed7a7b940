/**
 * The decision log: one line for every check, one for every change, on a bounded queue.
 *
 * The log never decides and never delays: when its reader stalls or its disk is full, lines are
 * dropped and counted, and nothing here throws.
 *
 * INVARIANT: checks = logged + sampled + dropped, at any moment. What becomes of a line is one value,
 * told by one function and counted in one place; the number of checks is their sum. A line counts as
 * logged when the queue takes it; lines that are still waiting when the log is closed without success
 * move to dropped then.
 *
 * Lines are written by hand (line.ts), not by pino: its object logging takes 7 to 10 us for a typical
 * line (Node 20).
 */
import type { CheckRecord } from '../check/types.js';
import {
  CLASSES_MAX,
  LOG_CALLERS_MAX,
  LOG_CHUNK_BYTES,
  LOG_FLUSH_MS,
  LOG_LINE_CHARS_MAX,
  LOG_QUEUE_BYTES_MAX,
  LOG_QUEUE_RESERVED_BYTES,
  LOG_RETRY_MS,
} from '../constants.js';
import { messageOf } from '../errors.js';
import { sometimes } from '../sometimes.js';
import type { ProgramLog } from '../telemetry/log.js';
import type { DecisionLogCounts } from '../telemetry/status.js';
import { type Change, changeEvent } from './change.js';
import { createClassSet } from './classes.js';
import { heldTo, isPlainAllow } from './evidence.js';
import {
  DECISION_START,
  decisionLine,
  type LineContext,
  type LogOrigin,
  originText,
  shortDecisionLine,
} from './line.js';
import { createLineLimiter, type LineLimits } from './line-limits.js';
import { createLineQueue } from './line-queue.js';
import type { MaskSettings } from './mask.js';
import { inSample } from './sample.js';
import type { Sink } from './sink.js';

export interface DecisionLogOptions {
  readonly sink: Sink;
  readonly origin: LogOrigin;
  readonly mask: MaskSettings;
  /** Share of plain allows that are written, 0 to 1; default 1. */
  readonly sampleAllows?: number;
  /** Default: none. */
  readonly limits?: LineLimits;
  /** Hears of trouble with the sink, at most once in LOG_WARN_EVERY_MS each. */
  readonly programLog: ProgramLog;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Called for every class that is new to this process. */
  readonly onNewClass?: () => void;
  /** Default LOG_QUEUE_BYTES_MAX. */
  readonly queueBytesMax?: number;
  /** Default CLASSES_MAX. */
  readonly classesMax?: number;
}

/** What became of the line of a check: every check has exactly one. */
type Fate =
  | 'logged'
  | 'sampled'
  /** Beyond a burst limit. */
  | 'limited'
  /** The queue did not take it, or the sink did not take it from the queue before the end. */
  | 'unwritten'
  /** It could not be made. */
  | 'unmade';

const NO_LIMITS: LineLimits = { linesPerSecond: 0, callerLinesPerSecond: 0 };

export interface DecisionLog {
  /** Never throws and never waits. */
  decision(record: CheckRecord, durationUs: number): void;
  /**
   * Whether the line of the next check is sure to be taken when its destination requires that.
   * INVARIANT: between this and `decision` nothing else is logged; checks are synchronous.
   */
  hasRoom(): boolean;
  /** Never throws and never waits. Change lines have room of their own when the queue is full. */
  change(change: Change): void;
  counts(): DecisionLogCounts;
  /** True once everything logged so far is written; false when that took longer. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Flushes and stops; what could not be written counts as dropped, as does all that follows. */
  close(timeoutMs: number): Promise<boolean>;
}

export function createDecisionLog(options: DecisionLogOptions): DecisionLog {
  const { now, programLog } = options;
  const origin = originText(options.origin);
  const queueBytesMax = options.queueBytesMax ?? LOG_QUEUE_BYTES_MAX;
  const classes = createClassSet(options.classesMax ?? CLASSES_MAX);
  const sampleAllows = options.sampleAllows ?? 1;
  const limiter = createLineLimiter(options.limits ?? NO_LIMITS, LOG_CALLERS_MAX);
  const fates: Record<Fate, number> = {
    logged: 0,
    sampled: 0,
    limited: 0,
    unwritten: 0,
    unmade: 0,
  };

  const warn = {
    sink: sometimes(now, (cause) => {
      const { dropped } = counts();
      programLog.warn('the decision log cannot be written and is tried again', { cause, dropped });
    }),
    unwritten: sometimes(now, () => {
      const { dropped } = counts();
      programLog.warn('the decision log has no reader fast enough: lines are dropped', { dropped });
    }),
    limited: sometimes(now, (caller) => {
      const { limited } = fates;
      programLog.warn('decision lines beyond a burst limit are dropped', { caller, limited });
    }),
    line: sometimes(now, (cause) => {
      programLog.error('a decision line could not be made', { cause });
    }),
    classes: once(() => {
      programLog.warn('first_seen is false from now on: too many classes', { code: 'classes_max' });
    }),
  };
  const queue = createLineQueue({
    sink: options.sink,
    chunkBytes: LOG_CHUNK_BYTES,
    flushMs: LOG_FLUSH_MS,
    retryMs: LOG_RETRY_MS,
    onError: (error) => warn.sink(messageOf(error)),
  });

  function decision(record: CheckRecord, durationUs: number): void {
    const fate = fateOf(record, durationUs);
    fates[fate] += 1;
    if (fate === 'unwritten') warn.unwritten('');
    else if (fate === 'limited') warn.limited(record.principal ?? 'unidentified');
  }

  function fateOf(record: CheckRecord, durationUs: number): Fate {
    try {
      const timestampMs = now();
      const firstSeen = isNewClass(record);
      const sampledShare = isPlainAllow(record, firstSeen) ? sampleAllows : 1;
      if (!inSample(record.decisionId, sampledShare)) return 'sampled';
      const held = heldTo(record, firstSeen);
      if (!limiter.admits(record.principal, held, timestampMs)) return 'limited';
      const { mask } = options;
      const context = { origin, timestampMs, durationUs, firstSeen, sampledShare, mask };
      const line = boundedLine(record, context);
      // A line that is required takes its place whatever its length: at most one lies beyond the end.
      const anyLength = record.regime.requireLog && hasRoom();
      const bytesMax = anyLength ? Number.POSITIVE_INFINITY : queueBytesMax;
      return queue.push(line, bytesMax) ? 'logged' : 'unwritten';
    } catch (thrown) {
      warn.line(messageOf(thrown));
      return 'unmade';
    }
  }

  function isNewClass(record: CheckRecord): boolean {
    const firstSeen = classes.add(record);
    if (firstSeen) options.onNewClass?.();
    else if (classes.overflowed) warn.classes();
    return firstSeen;
  }

  const hasRoom = () => queue.hasRoom(queueBytesMax);

  function counts(): DecisionLogCounts {
    const { logged, sampled, limited, unwritten, unmade } = fates;
    const dropped = limited + unwritten + unmade;
    return { checks: logged + sampled + dropped, logged, sampled, dropped, limited };
  }

  function change(what: Change): void {
    const event = changeEvent(what, options.origin, now());
    if (queue.push(JSON.stringify(event), queueBytesMax + LOG_QUEUE_RESERVED_BYTES)) return;
    // The history of changes is what auditors ask for: it is said where it can still be said.
    programLog.error('a change line found no room in the decision log', { change: event });
  }

  async function close(timeoutMs: number): Promise<boolean> {
    const flushed = await queue.flush(timeoutMs);
    for (const line of queue.close()) {
      if (line.startsWith(DECISION_START)) {
        fates.logged -= 1;
        fates.unwritten += 1;
      } else {
        programLog.error('a change line was not written to the decision log', { change: line });
      }
    }
    const { dropped } = counts();
    if (!flushed) programLog.warn('the decision log ended with lines unwritten', { dropped });
    return flushed;
  }

  const flush = (timeoutMs: number) => queue.flush(timeoutMs);
  return { decision, hasRoom, change, counts, flush, close };
}

function boundedLine(record: CheckRecord, context: LineContext): string {
  const line = decisionLine(record, context);
  return line.length <= LOG_LINE_CHARS_MAX ? line : shortDecisionLine(record, context);
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}
