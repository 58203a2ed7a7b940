import { PassThrough, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { problem } from '../../../src/errors.js';
import { boundedStream, createProgramLog, problemFields } from '../../../src/telemetry/log.js';

function rig() {
  const lines: string[] = [];
  const log = createProgramLog({ write: (line) => void lines.push(line) });
  return { log, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('the program log', () => {
  test('writes one JSON line a message, with its level, time and fields', () => {
    const { log, parsed } = rig();
    log.info('serving', { address: '127.0.0.1:9191' });
    log.warn('watch out');
    log.error('failed');
    expect(parsed()).toMatchObject([
      { type: 'program', level: 'info', message: 'serving', address: '127.0.0.1:9191' },
      { type: 'program', level: 'warn', message: 'watch out' },
      { type: 'program', level: 'error', message: 'failed' },
    ]);
    for (const { timestamp } of parsed()) {
      expect(timestamp).toBe(new Date(String(timestamp)).toISOString());
    }
  });

  test('says of a problem its code, its place and what to do', () => {
    const { log, parsed } = rig();
    const found = problem('policy_syntax', 'unexpected token', { file: 'a.cedar', line: 3 });
    log.error(found.message, problemFields(found));
    expect(parsed()).toMatchObject([
      { message: 'unexpected token', code: 'policy_syntax', file: 'a.cedar', line: 3 },
    ]);
    expect(parsed()[0]?.help).toMatch(/caret/);
    expect(problemFields({ ...found, help: 'do this' })).toMatchObject({ help: 'do this' });
  });
});

describe('a bounded stream', () => {
  test('drops what a stalled reader does not take, and goes on when it reads again', () => {
    const stream = new PassThrough({ highWaterMark: 1 });
    const bounded = boundedStream(stream, 100);
    for (let i = 0; i < 50; i += 1) bounded.write('0123456789');
    expect(stream.writableLength + stream.readableLength).toBeLessThan(200);
    while (stream.read() !== null);
    bounded.write('again');
    expect(String(stream.read())).toContain('again');
  });

  test('outlives a reader that is gone', async () => {
    const stream = new Writable({
      write: (_chunk, _encoding, done) => done(new Error('write EPIPE')),
      autoDestroy: false,
    });
    const bounded = boundedStream(stream, 100);
    bounded.write('a');
    await new Promise(setImmediate);
    expect(() => bounded.write('b')).not.toThrow();
  });
});
