import { EventEmitter, once } from 'node:events';
import {
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Server, status } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { REQUEST_BYTES_HARD_MAX, RESPONSE_BYTES_MAX } from '../../../src/constants.js';
import { answerChecksDirectly } from '../../../src/server/check-call.js';
import type { GrpcServer } from '../../../src/server/grpc.js';
import { waitFor } from '../../support/wait.js';
import { addressOf, startServer } from './grpc-client.js';

const HELLO = Buffer.from('hello');
const CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';

interface Reply {
  readonly headers: IncomingHttpHeaders;
  /** Of the trailers, or of the headers when there are none. */
  readonly code: number;
  readonly message: Buffer;
}

/** A gRPC message: whether it is compressed, its length, its bytes. */
function framed(message: Buffer, { compressed = 0, length = message.length } = {}): Buffer {
  const prefix = Buffer.from([compressed, 0, 0, 0, 0]);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

/** A call by hand; `chunks` are DATA frames of their own. */
function open(server: Pick<GrpcServer, 'addresses'>, headers: OutgoingHttpHeaders = {}) {
  const session = connect(`http://${addressOf(server)}`);
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': CHECK_PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => {});
  return { session, stream };
}

async function call(
  server: Pick<GrpcServer, 'addresses'>,
  chunks: readonly Buffer[],
  headers: OutgoingHttpHeaders = {},
): Promise<Reply> {
  const { stream } = open(server, headers);
  let told: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('response', (got) => {
    told = got;
  });
  stream.on('trailers', (got) => {
    trailers = got;
  });
  const bytes: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => bytes.push(chunk));
  const closed = once(stream, 'close');
  for (const chunk of chunks) {
    await new Promise<void>((resolve) => stream.write(chunk, () => resolve()));
  }
  stream.end();
  await closed;
  const code = Number(trailers['grpc-status'] ?? told['grpc-status']);
  return { headers: told, code, message: Buffer.concat(bytes).subarray(5) };
}

/** Only the library says this of its answers. */
const isFromLibrary = ({ headers }: Reply) => headers['grpc-accept-encoding'] !== undefined;

/** A server that echoes, and what it saw. */
async function observed() {
  const seen = { messages: [] as Buffer[], deadlines: [] as number[], aborted: 0 };
  const server = await startServer({
    handle: (message, deadlineMs) => {
      seen.messages.push(message);
      seen.deadlines.push(deadlineMs);
      return { response: message };
    },
    onAborted: () => {
      seen.aborted += 1;
    },
  });
  return { server, seen };
}

describe('a check as Envoy sends it', () => {
  it.each([
    ['one frame', [framed(HELLO)]],
    ['a frame for each byte', [...framed(HELLO)].map((byte) => Buffer.from([byte]))],
  ])('is answered directly when it comes as %s', async (_, chunks) => {
    const { server, seen } = await observed();
    const reply = await call(server, chunks);
    expect(reply).toMatchObject({ code: status.OK, message: HELLO });
    expect(isFromLibrary(reply)).toBe(false);
    expect(seen).toMatchObject({ messages: [HELLO], deadlines: [Infinity], aborted: 0 });
  });

  it.each([
    ['2H', 7_200_000],
    ['3M', 180_000],
    ['40S', 40_000],
    ['50000m', 50_000],
    ['60000000u', 60_000],
    ['99999999n', 99.999_999],
  ])('has the deadline that `grpc-timeout: %s` means', async (timeout, ms) => {
    const { server, seen } = await observed();
    const before = Date.now();
    expect(isFromLibrary(await call(server, [framed(HELLO)], { 'grpc-timeout': timeout }))).toBe(
      false,
    );
    expect(seen.deadlines[0]).toBeGreaterThanOrEqual(before + ms);
    expect(seen.deadlines[0]).toBeLessThanOrEqual(Date.now() + ms);
  });

  it.each([
    ['no message', []],
    ['a message that ends early', [framed(HELLO, { length: HELLO.length + 1 })]],
    ['less than the length of a message', [Buffer.from([0, 0])]],
    ['two messages', [framed(HELLO), framed(HELLO)]],
    ['a message that says it is compressed', [framed(HELLO, { compressed: 1 })]],
  ])('is refused, and told of, with %s', async (_, chunks) => {
    const { server, seen } = await observed();
    expect((await call(server, chunks)).code).toBe(status.UNIMPLEMENTED);
    expect(seen).toEqual({ messages: [], deadlines: [], aborted: 1 });
  });

  it('is refused as soon as it is above the cap, whatever it said', async () => {
    const { server, seen } = await observed();
    const { stream } = open(server);
    const told = once(stream, 'response') as Promise<[IncomingHttpHeaders]>;
    // Not ended: whoever waits for the end has all of it in memory.
    stream.write(framed(Buffer.alloc(REQUEST_BYTES_HARD_MAX + 1), { length: 5 }));
    const [headers] = await told;
    expect(Number(headers['grpc-status'])).toBe(status.RESOURCE_EXHAUSTED);
    expect(seen).toEqual({ messages: [], deadlines: [], aborted: 1 });
  });

  it('is refused as soon as it says that it will be above the cap', async () => {
    const { server, seen } = await observed();
    const { stream } = open(server);
    const told = once(stream, 'response') as Promise<[IncomingHttpHeaders]>;
    const prefix = framed(Buffer.alloc(0), { length: REQUEST_BYTES_HARD_MAX + 1 });
    stream.write(prefix.subarray(0, 3));
    stream.write(prefix.subarray(3));
    const [headers] = await told;
    expect(Number(headers['grpc-status'])).toBe(status.RESOURCE_EXHAUSTED);
    expect(seen).toEqual({ messages: [], deadlines: [], aborted: 1 });
  });

  it('keeps the bytes of its frames and not the frames, which may hold a byte each', () => {
    const library = new Server();
    const messages: string[] = [];
    answerChecksDirectly(library, {
      answer: (message) => {
        messages.push(message.toString());
        return { response: message };
      },
      onAborted: () => {},
    });
    const stream = Object.assign(new EventEmitter(), { closed: true });
    const headers = { ':path': CHECK_PATH, 'content-type': 'application/grpc' };
    const { _streamHandler } = library as unknown as { _streamHandler: StreamHandler };
    _streamHandler([], stream as never, headers);
    const [first, ...others] = [...framed(HELLO)].map((byte) => Buffer.from([byte]));
    for (const frame of [first, ...others]) stream.emit('data', frame);
    // What was copied does not change with them.
    for (const frame of others) frame.fill(0xff);
    stream.emit('end');
    expect(messages).toEqual([HELLO.toString()]);
  });

  it.each([
    ['CANCEL', constants.NGHTTP2_CANCEL],
    ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR],
  ])('is told of when its client gives up with %s while it sends', async (_, code) => {
    const { server, seen } = await observed();
    const { session, stream } = open(server);
    stream.write(framed(HELLO, { length: 100 }));
    await new Promise((resolve) => session.ping(resolve));
    stream.close(code);
    await waitFor('the call to be told', () => seen.aborted > 0);
    expect(seen).toEqual({ messages: [], deadlines: [], aborted: 1 });
  });

  it('gets an error in place of an answer that is too large', async () => {
    const server = await startServer({
      handle: () => ({ response: Buffer.alloc(RESPONSE_BYTES_MAX + 1) }),
    });
    const { code, message } = await call(server, [framed(HELLO)]);
    expect(code).toBe(status.RESOURCE_EXHAUSTED);
    expect(message).toHaveLength(0);
  });

  it.each([
    ['an answer', { response: HELLO }],
    ['an error', { grpcError: { code: status.UNAVAILABLE, message: 'no' } }],
  ])('harms nothing when its stream is gone before %s', async (_, answer) => {
    const library = new Server();
    let current: ServerHttp2Stream | undefined;
    let aborted = 0;
    answerChecksDirectly(library, {
      answer: () => {
        current?.destroy();
        return answer;
      },
      onAborted: () => {
        aborted += 1;
      },
    });
    const thrown: unknown[] = [];
    const http2 = createServer().on('stream', (stream, headers) => {
      current = stream;
      // What a listener throws would end the process.
      const emit = stream.emit.bind(stream);
      stream.emit = (...event: Parameters<typeof emit>) => {
        try {
          return emit(...event);
        } catch (error) {
          thrown.push(error);
          return true;
        }
      };
      const { _streamHandler } = library as unknown as { _streamHandler: StreamHandler };
      _streamHandler([], stream, headers);
    });
    onTestFinished(() => {
      http2.close();
    });
    await once(http2.listen(0, '127.0.0.1'), 'listening');
    const { port } = http2.address() as AddressInfo;
    await call({ addresses: [`127.0.0.1:${port}`] }, [framed(HELLO)]);
    expect(thrown).toEqual([]);
    expect(aborted).toBe(0);
  });
});

type StreamHandler = (
  interceptors: unknown,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
) => void;

describe('a call that is unusual', () => {
  it('is left to the library: compressed', async () => {
    const { server, seen } = await observed();
    const chunks = [framed(gzipSync(HELLO), { compressed: 1 })];
    const reply = await call(server, chunks, { 'grpc-encoding': 'gzip' });
    expect(reply).toMatchObject({ code: status.OK, message: HELLO });
    expect(isFromLibrary(reply)).toBe(true);
    expect(seen.messages).toEqual([HELLO]);
  });

  it.each([
    ['a timeout that is none', { 'grpc-timeout': '1x' }, 200, status.INTERNAL],
    ['another service', { ':path': '/other.Service/Check' }, 200, status.UNIMPLEMENTED],
    ['a body that is not gRPC', { 'content-type': 'text/plain' }, 415, undefined],
  ])('is left to the library: %s', async (_, headers, http, code) => {
    const { server, seen } = await observed();
    const reply = await call(server, [framed(HELLO)], headers);
    expect(reply.headers[':status']).toBe(http);
    if (code !== undefined) expect(reply.code).toBe(code);
    expect(seen.messages).toEqual([]);
  });
});
