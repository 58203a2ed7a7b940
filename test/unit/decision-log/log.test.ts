import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  LOG_FLUSH_MS,
  LOG_LINE_CHARS_MAX,
  LOG_RETRY_MS,
  LOG_WARN_EVERY_MS,
} from '../../../src/constants.js';
import {
  createDecisionLog,
  type DecisionLog,
  type DecisionLogOptions,
} from '../../../src/decision-log/log.js';
import { problem } from '../../../src/errors.js';
import { checkRecord, regime } from '../../support/check-records.js';
import { heldSink, maskSettings, rememberingLog } from '../../support/decision-logs.js';
import '../../support/properties.js';

function rig(options: Partial<DecisionLogOptions> = {}) {
  const held = heldSink();
  const programLog = rememberingLog();
  const log: DecisionLog = createDecisionLog({
    sink: held.sink,
    origin: { workload: 'payments-0', environment: 'production', cluster: undefined },
    mask: maskSettings(),
    programLog,
    now: Date.now,
    ...options,
  });
  const lines = () =>
    held
      .text()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { ...held, log, lines, said: programLog.said };
}

const REFUSED = {
  result: 'refused',
  from: '1+aaa.unsigned',
  problem: problem('policy_syntax', 'unexpected token', { file: 'a.cedar', line: 3 }),
} as const;

const DENIED = { decision: 'deny', reason: 'no_permit', wouldDeny: true } as const;
/** Ids that are outside of every sample but the whole, and inside of every one. */
const OUT = { decisionId: '0193b0a0-0000-7000-8000-0000ffffffff' };
const IN = { decisionId: '0193b0a0-0000-7000-8000-000000000000' };
const REQUIRED = { regime: regime({ requireLog: true }) };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the decision log', () => {
  test('writes a decision within the flush time, and type comes first', () => {
    const { log, open, text, lines } = rig();
    open();
    log.decision(checkRecord(), 143.4);
    vi.advanceTimersByTime(LOG_FLUSH_MS);
    expect(text()).toMatch(/^\{"type":"decision","schema_version":1,"timestamp":"/);
    expect(lines()).toMatchObject([{ workload: 'payments-0', duration_us: 143, first_seen: true }]);
  });

  test('says for each class once that it is new, and tells who listens', () => {
    const onNewClass = vi.fn();
    const { log, open, lines } = rig({ onNewClass });
    open();
    for (const path of ['/a', '/b']) log.decision(checkRecord({ path }), 1);
    log.decision(checkRecord({ action: 'POST' }), 1);
    vi.advanceTimersByTime(LOG_FLUSH_MS);
    expect(lines().map((line) => line.first_seen)).toEqual([true, false, true]);
    expect(onNewClass).toHaveBeenCalledTimes(2);
  });

  test('says once when the set of classes is full', () => {
    const { log, said } = rig({ classesMax: 1 });
    for (const route of ['a', 'b', 'c', 'd']) log.decision(checkRecord({ route }), 1);
    expect(said).toMatchObject([{ level: 'warn', fields: { code: 'classes_max' } }]);
  });

  test('drops and counts decisions that find no room, and warns once a minute', () => {
    const { log, said } = rig({ queueBytesMax: 2_000 });
    for (let i = 0; i < 5; i += 1) log.decision(checkRecord(), 1);
    const { checks, logged, dropped } = log.counts();
    expect(checks).toBe(5);
    expect(dropped).toBeGreaterThan(0);
    expect(logged).toBe(checks - dropped);
    expect(said).toHaveLength(1);
    vi.advanceTimersByTime(LOG_WARN_EVERY_MS);
    log.decision(checkRecord(), 1);
    expect(said).toHaveLength(2);
    expect(said[1]).toMatchObject({ level: 'warn', fields: { dropped: dropped + 1 } });
  });

  test('has room for change lines when decisions have none', () => {
    const { log, open, lines } = rig({ queueBytesMax: 10 });
    log.decision(checkRecord(), 1);
    log.change(REFUSED);
    open();
    vi.advanceTimersByTime(LOG_FLUSH_MS);
    expect(lines()).toMatchObject([
      { type: 'change', result: 'refused', reason: 'policy_syntax', file: 'a.cedar', line: 3 },
    ]);
    expect(log.counts()).toMatchObject({ checks: 1, logged: 0, dropped: 1 });
  });

  test('says a change on the program log when there is no room at all', () => {
    const { log, said } = rig();
    const huge = problem('policy_syntax', 'x'.repeat(9 * 1024 * 1024));
    log.change({ ...REFUSED, problem: huge });
    expect(said).toMatchObject([{ level: 'error', fields: { change: { result: 'refused' } } }]);
  });

  test('warns of a failing sink once a minute and keeps trying', () => {
    const { log, said, release, open, lines } = rig();
    log.decision(checkRecord(), 1);
    vi.advanceTimersByTime(LOG_FLUSH_MS);
    for (let i = 0; i < 3; i += 1) {
      release(0, new Error('write ENOSPC'));
      vi.advanceTimersByTime(LOG_RETRY_MS);
    }
    expect(said).toMatchObject([{ level: 'warn', fields: { cause: 'write ENOSPC' } }]);
    open();
    expect(lines()).toHaveLength(1);
    expect(log.counts()).toMatchObject({ checks: 1, logged: 1, dropped: 0 });
  });

  test('a record that cannot be written costs its line and nothing else', () => {
    const { log, said } = rig();
    const context = { path: 1n };
    const { input } = checkRecord();
    log.decision(checkRecord({ input: input && { ...input, context } }), 1);
    expect(log.counts()).toMatchObject({ checks: 1, logged: 0, dropped: 1, limited: 0 });
    expect(said).toMatchObject([{ level: 'error' }]);
  });

  test('leaves the input out of a line that would be too long', () => {
    const { log, open, lines } = rig();
    open();
    const { input } = checkRecord();
    const context = { params: { id: 'x'.repeat(LOG_LINE_CHARS_MAX) } };
    log.decision(checkRecord({ input: input && { ...input, context } }), 1);
    vi.advanceTimersByTime(LOG_FLUSH_MS);
    expect(lines()).toMatchObject([
      { input: null, replayable: false, errors: [{ code: 'input_omitted' }] },
    ]);
  });

  test('close writes what waits and says so', async () => {
    const { log, open, lines } = rig();
    open();
    log.decision(checkRecord(), 1);
    expect(await log.close(1_000)).toBe(true);
    expect(lines()).toHaveLength(1);
  });

  test('close of a stalled sink turns waiting decisions into dropped ones and tells of changes', async () => {
    const { log, said } = rig();
    for (let i = 0; i < 3; i += 1) log.decision(checkRecord(), 1);
    log.change(REFUSED);
    expect(log.counts()).toMatchObject({ checks: 3, logged: 3, dropped: 0 });
    const closed = log.close(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await closed).toBe(false);
    expect(log.counts()).toMatchObject({ checks: 3, logged: 0, dropped: 3 });
    expect(said.map(({ level }) => level)).toEqual(['error', 'warn']);
    log.decision(checkRecord(), 1);
    expect(log.counts()).toMatchObject({ checks: 4, logged: 0, dropped: 4, limited: 0 });
    expect(log.hasRoom()).toBe(false);
  });

  test('a sink that blocks for a minute is asked once, and costs a check its place in the queue', () => {
    const queueBytesMax = 100_000;
    const { log, pending, open, lines } = rig({ queueBytesMax });
    for (let ms = 0; ms < 60_000; ms += 100) {
      log.decision(checkRecord(), 1);
      vi.advanceTimersByTime(100);
      // The write that was begun is the only thing that waits: nothing piles up behind it.
      expect(pending()).toBe(true);
      expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
    }
    const { checks, logged } = log.counts();
    expect(checks).toBe(600);
    expect(logged).toBeGreaterThan(50);
    open();
    vi.advanceTimersByTime(LOG_FLUSH_MS);
    expect(lines()).toHaveLength(logged);
    expect(log.hasRoom()).toBe(true);
  });
});

describe('sampling', () => {
  test('leaves out plain allows by their id, and says of the others how many they stand for', () => {
    const { log, open, lines } = rig({ sampleAllows: 0.25 });
    open();
    for (const path of ['/first', '/a', '/b']) log.decision(checkRecord({ path, ...OUT }), 1);
    log.decision(checkRecord({ path: '/c', ...IN }), 1);
    log.decision(checkRecord({ path: '/denied', ...OUT, ...DENIED }), 1);
    vi.advanceTimersByTime(LOG_FLUSH_MS);
    expect(lines()).toMatchObject([
      { path: '/first', first_seen: true, sampled_share: 1 },
      { path: '/c', sampled_share: 0.25 },
      { path: '/denied', sampled_share: 1 },
    ]);
    const account = { checks: 5, logged: 3, sampled: 2, dropped: 0, limited: 0 };
    expect(log.counts()).toEqual(account);
  });

  test('is off unless it is asked for', () => {
    const { log } = rig();
    for (let i = 0; i < 3; i += 1) log.decision(checkRecord(OUT), 1);
    expect(log.counts()).toMatchObject({ logged: 3, sampled: 0 });
  });
});

describe('burst limits', () => {
  test('drop what one caller is denied too often, and say so once, with the caller', () => {
    const limits = { linesPerSecond: 0, callerLinesPerSecond: 2 };
    const { log, open, lines, said } = rig({ limits });
    open();
    for (let i = 0; i < 9; i += 1) log.decision(checkRecord({ principal: 'noisy', ...DENIED }), 1);
    for (const route of ['x', 'y']) log.decision(checkRecord({ principal: 'noisy', route }), 1);
    log.decision(checkRecord(REQUIRED), 1);
    vi.advanceTimersByTime(LOG_FLUSH_MS);
    // The first of a class is held to no limit, and takes nothing from its caller.
    expect(lines().map(({ principal, first_seen }) => [principal, first_seen])).toEqual([
      ['noisy', true],
      ...[1, 2].map(() => ['noisy', false]),
      ...[1, 2].map(() => ['noisy', true]),
      [checkRecord().principal, true],
    ]);
    const account = { checks: 12, logged: 6, sampled: 0, dropped: 6, limited: 6 };
    expect(log.counts()).toEqual(account);
    expect(said).toMatchObject([{ level: 'warn', fields: { caller: 'noisy', limited: 1 } }]);
  });

  test('ask the clock: a second later there are lines again', () => {
    const limits = { linesPerSecond: 1, callerLinesPerSecond: 0 };
    const { log } = rig({ limits });
    for (let second = 0; second < 3; second += 1) {
      for (let i = 0; i < 5; i += 1) log.decision(checkRecord(DENIED), 1);
      vi.advanceTimersByTime(1_000);
    }
    expect(log.counts()).toMatchObject({ checks: 15, logged: 3 });
  });
});

describe('a line that its destination requires', () => {
  test('is neither sampled nor limited, and finds a place of any length while there is room', () => {
    const limits = { linesPerSecond: 1, callerLinesPerSecond: 1 };
    const { log } = rig({ queueBytesMax: 4_000, sampleAllows: 0, limits });
    const long = { ...REQUIRED, path: 'x'.repeat(900) };
    let decided = 0;
    while (log.hasRoom() && decided < 100) {
      log.decision(checkRecord(long), 1);
      decided += 1;
    }
    expect(decided).toBeGreaterThan(1);
    expect(log.counts()).toMatchObject({ logged: decided, sampled: 0, dropped: 0 });
    // What follows could not be decided; its line has no place beyond the end.
    log.decision(checkRecord(long), 1);
    expect(log.counts()).toMatchObject({ logged: decided, dropped: 1, limited: 0 });
  });
});

describe('property', () => {
  const check = fc.record({
    kind: fc.constant('check' as const),
    record: fc.constantFrom(
      checkRecord(OUT),
      checkRecord(IN),
      checkRecord(DENIED),
      checkRecord({ ...DENIED, principal: undefined }),
      checkRecord({ route: 'unmade', policies: [1n as never] }),
      checkRecord(REQUIRED),
      checkRecord({ ...OUT, principal: 'anonymous' }),
    ),
  });
  const event = fc.record({
    kind: fc.constantFrom('take', 'fail', 'wait', 'change', 'jump back', 'jump on', 'close'),
  });
  // Closing is rare, else nothing else would be seen.
  const step = fc.oneof({ weight: 6, arbitrary: check }, { weight: 3, arbitrary: event });

  test('checks = logged + sampled + dropped at every step, and logged = written after close', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { log, lines, pending, release } = rig({
          ...{ queueBytesMax: 3_000, sampleAllows: 0.5 },
          limits: { linesPerSecond: 6, callerLinesPerSecond: 3 },
        });
        let checks = 0;
        let closed: Promise<boolean> | undefined;
        for (const each of steps) {
          const before = log.counts();
          const room = log.hasRoom();
          if (each.kind === 'check') {
            checks += 1;
            log.decision(each.record, 1);
            const required = room && each.record.regime.requireLog;
            if (required) expect(log.counts().logged).toBe(before.logged + 1);
          } else if (each.kind === 'change') log.change(REFUSED);
          else if (each.kind === 'wait') await vi.advanceTimersByTimeAsync(LOG_RETRY_MS);
          else if (each.kind === 'jump back') vi.setSystemTime(Date.now() - 3_600_000);
          else if (each.kind === 'jump on') vi.setSystemTime(Date.now() + 3_600_000);
          else if (each.kind === 'close') closed ??= log.close(1);
          // What is taken after the end was requested may count as dropped, and have been written.
          else if (pending() && closed === undefined)
            release(700, each.kind === 'fail' ? new Error('EIO') : undefined);
          const { logged, sampled, dropped, limited, checks: counted } = log.counts();
          expect(counted).toBe(checks);
          expect(logged + sampled + dropped).toBe(checks);
          expect(limited).toBeLessThanOrEqual(dropped);
          expect(limited).toBeGreaterThanOrEqual(before.limited);
          expect(sampled).toBeGreaterThanOrEqual(before.sampled);
        }
        closed ??= log.close(1);
        await vi.advanceTimersByTimeAsync(1);
        await closed;
        const decisions = lines().filter(({ type }) => type === 'decision');
        expect(log.counts().logged).toBe(decisions.length);
      }),
    );
  });
});
