import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
} from 'node:http2';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { SHUTDOWN_MS_MAX } from '../../../src/constants.js';
import { addressOf, connect, startServer } from './grpc-client.js';

const HELLO = Buffer.from('hello');
const GRACE_MS = 60_000;

beforeEach(() => {
  // Only the timers of drain itself: sockets and HTTP/2 use none of these.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('drain', () => {
  it('goes on accepting and answering through the grace', async () => {
    const server = await startServer();
    const drained = server.drain(GRACE_MS);
    const late = new RawClient(addressOf(server));
    expect(await late.call(HELLO)).toEqual(HELLO);
    await vi.advanceTimersByTimeAsync(GRACE_MS - 1);
    expect(await late.call(HELLO)).toEqual(HELLO);
    await vi.advanceTimersByTimeAsync(1);
    await drained;
    await late.closed;
    await expect(refused(addressOf(server))).resolves.toBe('ECONNREFUSED');
  });

  it('says NOT_SERVING from the beginning', async () => {
    const server = await startServer();
    void server.drain(GRACE_MS);
    vi.useRealTimers();
    expect(await connect(addressOf(server)).health('')).toBe('NOT_SERVING');
  });

  it('answers a call that is in flight when the grace ends', async () => {
    const server = await startServer();
    const client = new RawClient(addressOf(server));
    const slow = client.open();
    await client.ping();
    const drained = server.drain(0);
    await vi.advanceTimersByTimeAsync(0);
    await client.goaway;
    expect(await client.finish(slow, HELLO)).toEqual(HELLO);
    await drained;
    await client.closed;
  });

  it('cuts a call that does not end within the limit', async () => {
    const server = await startServer();
    const client = new RawClient(addressOf(server));
    client.open();
    await client.ping();
    const drained = server.drain(0);
    await vi.advanceTimersByTimeAsync(0);
    await client.goaway;
    let over = false;
    void drained.then(() => {
      over = true;
    });
    await vi.advanceTimersByTimeAsync(SHUTDOWN_MS_MAX - 1);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await drained;
    await client.closed;
  });

  it('can be asked for twice, and is cut short by close', async () => {
    const server = await startServer();
    const client = new RawClient(addressOf(server));
    await client.ping();
    const first = server.drain(GRACE_MS);
    expect(server.drain(0)).toBe(first);
    server.close();
    await first;
    await client.closed;
  });

  it('is not needed: close cuts a call in flight at once', async () => {
    const server = await startServer();
    const client = new RawClient(addressOf(server));
    client.open();
    await client.ping();
    server.close();
    await client.closed;
  });

  it('ends connections that never spoke', async () => {
    const server = await startServer();
    const { hostname, port } = new URL(`http://${addressOf(server)}`);
    const silent = createConnection(Number(port), hostname);
    await once(silent, 'connect');
    const drained = server.drain(0);
    await vi.advanceTimersByTimeAsync(0);
    silent.resume();
    await once(silent, 'close');
    await drained;
  });
});

describe('drain of a Unix socket that a successor took over', () => {
  let path: string;

  beforeEach(() => {
    const dir = mkdtempSync(join(tmpdir(), 'cg-'));
    path = join(dir, 's');
    onTestFinished(() => rmSync(dir, { recursive: true }));
  });

  it('sends connections away at once, so that nobody who asks us hears NOT_SERVING', async () => {
    const first = await startServer({ listen: [`unix:${path}`] });
    const client = new RawClient(`unix:${path}`);
    expect(await client.call(HELLO)).toEqual(HELLO);
    await startServer({ listen: [`unix:${path}`] });
    await first.drain(GRACE_MS);
    await client.goaway;
    await client.closed;
  });

  it('notices a successor that comes during the grace', async () => {
    const first = await startServer({ listen: [`unix:${path}`] });
    const client = new RawClient(`unix:${path}`);
    const drained = first.drain(GRACE_MS);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await client.call(HELLO)).toEqual(HELLO);
    await startServer({ listen: [`unix:${path}`] });
    await vi.advanceTimersByTimeAsync(1_000);
    await drained;
    await client.closed;
  });

  it('keeps answering on its other listeners through the grace', async () => {
    const first = await startServer({ listen: ['127.0.0.1:0', `unix:${path}`] });
    const overUnix = new RawClient(`unix:${path}`);
    const overTcp = new RawClient(addressOf(first));
    await Promise.all([overUnix.ping(), overTcp.ping()]);
    await startServer({ listen: [`unix:${path}`] });
    const drained = first.drain(GRACE_MS);
    await overUnix.closed;
    expect(await overTcp.call(HELLO)).toEqual(HELLO);
    await vi.advanceTimersByTimeAsync(GRACE_MS);
    await drained;
    await overTcp.closed;
  });
});

/** gRPC by hand on one connection, to hold a call open and to see the frames of a shutdown. */
class RawClient {
  readonly goaway: Promise<unknown>;
  readonly closed: Promise<unknown>;
  readonly #session: ClientHttp2Session;

  constructor(address: string) {
    const [, path] = /^unix:(.*)/.exec(address) ?? [];
    this.#session = connectHttp2(path === undefined ? `http://${address}` : 'http://localhost', {
      ...(path === undefined ? {} : { createConnection: () => createConnection(path) }),
    });
    this.#session.on('error', () => {});
    this.goaway = new Promise((resolve) => this.#session.once('goaway', resolve));
    this.closed = new Promise((resolve) => this.#session.once('close', () => resolve(undefined)));
    onTestFinished(() => this.#session.destroy());
  }

  /** Resolves when the server has seen everything sent before. */
  async ping(): Promise<void> {
    if (this.#session.connecting) await once(this.#session, 'connect');
    return new Promise((resolve, reject) => {
      this.#session.ping((error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** Begins a check without sending its message. */
  open(): ClientHttp2Stream {
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': '/envoy.service.auth.v3.Authorization/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    // Of a stream that the server or the end of the test cuts.
    stream.on('error', () => {});
    return stream;
  }

  async finish(stream: ClientHttp2Stream, message: Buffer): Promise<Buffer> {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks).subarray(5);
  }

  call(message: Buffer): Promise<Buffer> {
    return this.finish(this.open(), message);
  }
}

/** The code of the error when connecting. */
async function refused(address: string): Promise<string | undefined> {
  const { hostname, port } = new URL(`http://${address}`);
  const socket = createConnection(Number(port), hostname);
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return error.code;
}
