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
import { checkRecord } from '../../support/check-records.js';
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
    expect(log.counts()).toEqual({ checks: 1, logged: 0, dropped: 1 });
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
    expect(log.counts()).toEqual({ checks: 1, logged: 1, dropped: 0 });
  });

  test('a record that cannot be written costs its line and nothing else', () => {
    const { log, said } = rig();
    const context = { path: 1n };
    const { input } = checkRecord();
    log.decision(checkRecord({ input: input && { ...input, context } }), 1);
    expect(log.counts()).toEqual({ checks: 1, logged: 0, dropped: 1 });
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
    expect(log.counts()).toEqual({ checks: 3, logged: 3, dropped: 0 });
    const closed = log.close(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await closed).toBe(false);
    expect(log.counts()).toEqual({ checks: 3, logged: 0, dropped: 3 });
    expect(said.map(({ level }) => level)).toEqual(['error', 'warn']);
    log.decision(checkRecord(), 1);
    expect(log.counts()).toEqual({ checks: 4, logged: 0, dropped: 4 });
  });
});

describe('property', () => {
  const step = fc.constantFrom('decide', 'decide', 'decide', 'take', 'fail', 'wait', 'change');

  test('checks = logged + dropped at every step, and logged = written + lost after close', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { log, lines, pending, release } = rig({ queueBytesMax: 3_000 });
        for (const kind of steps) {
          if (kind === 'decide') log.decision(checkRecord(), 1);
          else if (kind === 'change') log.change(REFUSED);
          else if (kind === 'wait') vi.advanceTimersByTime(LOG_RETRY_MS);
          else if (pending()) release(700, kind === 'fail' ? new Error('EIO') : undefined);
          const { checks, logged, dropped } = log.counts();
          expect(logged + dropped).toBe(checks);
        }
        const closed = log.close(1);
        await vi.advanceTimersByTimeAsync(1);
        await closed;
        const decisions = lines().filter(({ type }) => type === 'decision');
        expect(log.counts().logged).toBe(decisions.length);
      }),
    );
  });
});
