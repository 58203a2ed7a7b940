import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLineQueue, type LineQueue } from '../../../src/decision-log/line-queue.js';
import type { Sink } from '../../../src/decision-log/sink.js';
import { type HeldSink, heldSink } from '../../support/decision-logs.js';
import '../../support/properties.js';

const FLUSH_MS = 50;
const RETRY_MS = 1_000;
const NO_LIMIT = Number.POSITIVE_INFINITY;

interface Rig extends HeldSink {
  readonly queue: LineQueue;
  readonly errors: Error[];
}

function rig(chunkBytes = 1_024): Rig {
  const held = heldSink();
  const errors: Error[] = [];
  const queue = createLineQueue({
    sink: held.sink,
    chunkBytes,
    flushMs: FLUSH_MS,
    retryMs: RETRY_MS,
    onError: (error) => errors.push(error),
  });
  return { ...held, queue, errors };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a line queue', () => {
  test('hands a lone line on after the flush time, and lines that came meanwhile with it', () => {
    const { queue, pending, open, text } = rig();
    queue.push('one', NO_LIMIT);
    queue.push('two', NO_LIMIT);
    vi.advanceTimersByTime(FLUSH_MS - 1);
    expect(pending()).toBe(false);
    vi.advanceTimersByTime(1);
    open();
    expect(text()).toBe('one\ntwo\n');
    expect(queue.waitingBytes()).toBe(0);
  });

  test('writes at once when a chunk is full', () => {
    const { queue, pending, release, text } = rig(8);
    queue.push('1234567', NO_LIMIT);
    expect(pending()).toBe(false);
    queue.push('next', NO_LIMIT);
    expect(pending()).toBe(true);
    release();
    expect(text()).toBe('1234567\n');
  });

  test('writes line after line from the same memory', () => {
    const used = new Set<ArrayBufferLike>();
    const sink: Sink = (bytes, done) => {
      used.add(bytes.buffer);
      done(undefined, bytes.length);
    };
    const onError = () => expect.unreachable();
    const limits = { chunkBytes: 8, flushMs: FLUSH_MS, retryMs: RETRY_MS };
    const queue = createLineQueue({ sink, onError, ...limits });
    for (let n = 0; n < 20; n += 1) queue.push('1234567', NO_LIMIT);
    vi.advanceTimersByTime(FLUSH_MS);
    expect(queue.waitingBytes()).toBe(0);
    expect(used.size).toBe(1);
  });

  test('takes a line longer than a chunk, and counts bytes, not characters', () => {
    const { queue, open, text } = rig(8);
    const long = 'é€😀'.repeat(10);
    queue.push(long, NO_LIMIT);
    expect(queue.waitingBytes()).toBe(Buffer.byteLength(long) + 1);
    vi.advanceTimersByTime(FLUSH_MS);
    open();
    expect(text()).toBe(`${long}\n`);
  });

  test('refuses a line that would exceed the limit, and takes it once there is room', () => {
    const { queue, release, open, text } = rig(8);
    expect(queue.push('1234567', 16)).toBe(true);
    expect(queue.push('1234567', 16)).toBe(true);
    expect(queue.push('x', 16)).toBe(false);
    expect(queue.push('x', 18)).toBe(true);
    release();
    expect(queue.push('y', 16)).toBe(true);
    open();
    vi.advanceTimersByTime(FLUSH_MS);
    expect(text()).toBe('1234567\n1234567\nx\ny\n');
  });

  test('goes on where a short write ended', () => {
    const { queue, release, open, text } = rig();
    queue.push('abcdef', NO_LIMIT);
    vi.advanceTimersByTime(FLUSH_MS);
    release(3);
    vi.advanceTimersByTime(FLUSH_MS);
    open();
    expect(text()).toBe('abcdef\n');
  });

  test('tries a failed write again after the retry time, not before', () => {
    const { queue, errors, pending, release, open, text } = rig();
    queue.push('abc', NO_LIMIT);
    vi.advanceTimersByTime(FLUSH_MS);
    release(0, new Error('EPIPE'));
    expect(errors.map(({ message }) => message)).toEqual(['EPIPE']);
    queue.push('def', NO_LIMIT);
    vi.advanceTimersByTime(RETRY_MS - 1);
    expect(pending()).toBe(false);
    vi.advanceTimersByTime(1);
    open();
    vi.advanceTimersByTime(FLUSH_MS);
    expect(text()).toBe('abc\ndef\n');
  });

  test('load does not make it try a failing sink more often', () => {
    const { queue, errors, pending, release } = rig(8);
    queue.push('1234567', NO_LIMIT);
    vi.advanceTimersByTime(FLUSH_MS);
    release(0, new Error('EPIPE'));
    for (let i = 0; i < 20; i += 1) queue.push('1234567', NO_LIMIT);
    expect(pending()).toBe(false);
    vi.advanceTimersByTime(RETRY_MS);
    expect(pending()).toBe(true);
    expect(errors).toHaveLength(1);
  });

  test('a sink that takes nothing and names no error is not asked in a loop', () => {
    const { queue, pending, release } = rig();
    queue.push('abc', NO_LIMIT);
    vi.advanceTimersByTime(FLUSH_MS);
    release(0);
    expect(pending()).toBe(false);
    vi.advanceTimersByTime(RETRY_MS);
    expect(pending()).toBe(true);
  });

  test('flush does not wait for the flush time and resolves when all is written', async () => {
    const { queue, release, text } = rig();
    queue.push('abc', NO_LIMIT);
    const flushed = queue.flush(5_000);
    release();
    expect(await flushed).toBe(true);
    expect(text()).toBe('abc\n');
  });

  test('flush is not held up by lines that come after it', async () => {
    const { queue, release } = rig();
    queue.push('abc', NO_LIMIT);
    const flushed = queue.flush(5_000);
    queue.push('later', NO_LIMIT);
    release();
    expect(await flushed).toBe(true);
    expect(queue.waitingBytes()).toBe(6);
  });

  test('flush of a stalled sink ends after its time-out', async () => {
    const { queue } = rig();
    queue.push('abc', NO_LIMIT);
    const flushed = queue.flush(200);
    vi.advanceTimersByTime(200);
    expect(await flushed).toBe(false);
  });

  test('flush of an empty queue is done at once', async () => {
    expect(await rig().queue.flush(0)).toBe(true);
  });

  test('close gives back what was not written, a line begun in full, and takes no more', () => {
    const { queue, release, pending } = rig(8);
    queue.push('first', NO_LIMIT);
    queue.push('second', NO_LIMIT);
    queue.push('third', NO_LIMIT);
    release(2, new Error('ENOSPC'));
    expect(queue.close()).toEqual(['first', 'second', 'third']);
    expect(queue.push('fourth', NO_LIMIT)).toBe(false);
    vi.advanceTimersByTime(10 * RETRY_MS);
    expect(pending()).toBe(false);
    expect(queue.close()).toEqual([]);
  });

  test('a write that ends after close does no harm', () => {
    const { queue, release, pending } = rig(8);
    queue.push('first', NO_LIMIT);
    queue.push('second', NO_LIMIT);
    queue.close();
    release();
    expect(pending()).toBe(false);
  });
});

describe('property', () => {
  const line = fc.oneof(fc.string({ maxLength: 12 }), fc.constant('€'.repeat(20)));
  const step = fc.oneof(
    { weight: 5, arbitrary: line.map((text) => ({ kind: 'push' as const, text })) },
    {
      weight: 2,
      arbitrary: fc.nat({ max: 30 }).map((count) => ({ kind: 'take' as const, count })),
    },
    {
      weight: 1,
      arbitrary: fc.nat({ max: 30 }).map((count) => ({ kind: 'fail' as const, count })),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'wait' as const }) },
  );
  const clean = (text: string) => text.replaceAll('\n', ' ').replace(/[\ud800-\udfff]/g, '?');

  test('every accepted line is written once and in order, or given back by close', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { queue, pending, release, text } = rig(16);
        const accepted: string[] = [];
        for (const { kind, ...rest } of steps) {
          if (kind === 'push') {
            const pushed = clean((rest as { text: string }).text);
            if (queue.push(pushed, 100)) accepted.push(pushed);
          } else if (kind === 'wait') {
            vi.advanceTimersByTime(RETRY_MS);
          } else if (pending()) {
            release(
              (rest as { count: number }).count,
              kind === 'fail' ? new Error('no') : undefined,
            );
          }
          expect(queue.waitingBytes()).toBeLessThanOrEqual(100);
        }
        // What was begun comes back whole, so the written text may end in the middle of a line.
        const whole = text().split('\n').slice(0, -1);
        expect([...whole, ...queue.close()]).toEqual(accepted);
      }),
    );
  });
});
