/** The decision log against real pipes and disks whose other end misbehaves. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { LOG_QUEUE_BYTES_MAX } from '../../src/constants.js';
import { waitFor } from '../support/wait.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/decision-log.ts', import.meta.url));
/** Lines of about 1,000 bytes: well over what the queue holds. */
const MORE_THAN_FITS = Math.ceil((2 * LOG_QUEUE_BYTES_MAX) / 1_000);

interface Message {
  readonly level: string;
  readonly message: string;
  readonly checks: number;
  readonly logged: number;
  readonly dropped: number;
  readonly cause?: string;
}

interface Writer {
  readonly child: ChildProcess;
  readonly messages: readonly Message[];
  said(message: string): Promise<Message>;
  /** SIGTERM; resolves with what it said at the end. */
  end(): Promise<Message>;
}

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const act of cleanup.splice(0).reverse()) act();
});

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'cedargate-log-'));
  cleanup.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The fixture with `stdout` as its stdout; the descriptor is closed here. */
function startWriter(stdout: number, ...args: string[]): Writer {
  const child = spawn(process.execPath, ['--import', 'tsx', FIXTURE, ...args], {
    stdio: ['ignore', stdout, 'pipe'],
  });
  closeSync(stdout);
  cleanup.push(() => child.kill('SIGKILL'));
  const messages: Message[] = [];
  const noise: string[] = [];
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    if (line.startsWith('{')) messages.push(JSON.parse(line) as Message);
    else noise.push(line);
  });
  const said = (message: string) =>
    waitFor(message, () => messages.find((each) => each.message === message), {
      detail: () => [...noise, ...messages.map((each) => JSON.stringify(each))].join('\n'),
    });
  const end = async () => {
    child.kill('SIGTERM');
    const [code, signal] = await once(child, 'exit');
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    return said('closed');
  };
  return { child, messages, said, end };
}

/** A named pipe: its two ends here, and a reader that takes what is there when it is asked. */
function namedPipe() {
  const path = join(folder(), 'pipe');
  execFileSync('mkfifo', [path]);
  const openReader = () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let reader = openReader();
  const chunk = Buffer.alloc(1024 * 1024);
  cleanup.push(() => closeSync(reader));
  return {
    writeEnd: openSync(path, constants.O_WRONLY),
    /** What is in the pipe now. */
    read(): string {
      let text = '';
      for (;;) {
        const count = readAvailable(reader, chunk);
        if (count === 0) return text;
        text += chunk.toString('latin1', 0, count);
      }
    },
    close: () => closeSync(reader),
    reopen: () => {
      reader = openReader();
    },
  };
}

function readAvailable(fd: number, into: Buffer): number {
  try {
    return readSync(fd, into);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw thrown;
  }
}

/** Every line parses and is a decision; a last part without newline is left out. */
function wholeLines(text: string): number {
  const lines = text.split('\n').slice(0, -1);
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ type: 'decision' });
  return lines.length;
}

describe('a pipe', () => {
  test('whose reader stalls costs lines beyond the queue, and not one more', async () => {
    const pipe = namedPipe();
    const writer = startWriter(pipe.writeEnd, 'burst', String(MORE_THAN_FITS));
    const stalled = await writer.said('burst done');
    expect(stalled.checks).toBe(MORE_THAN_FITS);
    expect(stalled.dropped).toBeGreaterThan(0);
    expect(stalled.logged + stalled.dropped).toBe(stalled.checks);
    let text = '';
    await waitFor('all that was logged', () => {
      text += pipe.read();
      return text.split('\n').length - 1 === stalled.logged;
    });
    const closed = await writer.end();
    expect(wholeLines(text + pipe.read())).toBe(closed.logged);
    expect(closed).toMatchObject({ logged: stalled.logged, dropped: stalled.dropped });
    expect(writer.messages.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  test('whose reader never reads does not keep the process from ending', async () => {
    const pipe = namedPipe();
    const writer = startWriter(pipe.writeEnd, 'burst', '2000');
    expect(await writer.said('burst done')).toMatchObject({ checks: 2000, dropped: 0 });
    const closed = await writer.end();
    expect(closed.logged + closed.dropped).toBe(2000);
    expect(closed.dropped).toBeGreaterThan(0);
    // A chunk of which only a part was taken counts as dropped, so more may have arrived.
    expect(wholeLines(pipe.read())).toBeGreaterThanOrEqual(closed.logged);
  });

  test('whose reader goes away is tried again, and the next reader sees whole lines', async () => {
    const pipe = namedPipe();
    const writer = startWriter(pipe.writeEnd, 'steady');
    await waitFor('a line without waiting for more', () => pipe.read().endsWith('\n'));
    pipe.close();
    const warning = await writer.said('the decision log cannot be written and is tried again');
    expect(warning.cause).toContain('EPIPE');
    pipe.reopen();
    const ended = writer.end();
    let text = '';
    await waitFor('the end', () => {
      text += pipe.read();
      return writer.messages.some(({ message }) => message === 'closed');
    });
    const closed = await ended;
    expect(wholeLines(text + pipe.read())).toBeGreaterThan(0);
    expect(closed).toMatchObject({ dropped: 0, logged: closed.checks });
  });
});

describe('a file', () => {
  test('holds every line', async () => {
    const path = join(folder(), 'decisions.ndjson');
    const writer = startWriter(openSync(path, 'a'), 'burst', '3000');
    await writer.said('burst done');
    const closed = await writer.end();
    expect(closed).toMatchObject({ logged: closed.checks, dropped: 0 });
    expect(wholeLines(readFileSync(path, 'utf8'))).toBe(closed.logged);
  });

  test.skipIf(!existsSync('/dev/full'))('on a full disk costs the lines only', async () => {
    const writer = startWriter(openSync('/dev/full', 'w'), 'burst', '100');
    const warning = await writer.said('the decision log cannot be written and is tried again');
    expect(warning.cause).toContain('ENOSPC');
    expect(await writer.end()).toMatchObject({ checks: 100, logged: 0, dropped: 100 });
  });
});

test('a socket, as spawning programs give, holds every line', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', FIXTURE, 'burst', '3000'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  cleanup.push(() => child.kill('SIGKILL'));
  let text = '';
  let messages = '';
  child.stdout.setEncoding('latin1').on('data', (part) => {
    text += part;
  });
  child.stderr.setEncoding('latin1').on('data', (part) => {
    messages += part;
  });
  await waitFor('the burst', () => messages.includes('burst done'), { detail: () => messages });
  child.kill('SIGTERM');
  await once(child, 'close');
  expect(wholeLines(text)).toBe(3000);
});
