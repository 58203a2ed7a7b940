/**
 * The client: a process of its own that holds a fixed number of calls in flight, over one connection
 * to each server, as one worker thread of Envoy would. Messages are encoded before anything is measured. It speaks
 * HTTP/2 itself, because a client library that costs more than the server would leave the server
 * half idle.
 */
import { type ClientHttp2Session, connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMBINATIONS, messageAt } from './traffic.js';

export interface LoadTask {
  readonly port: number;
  /** Number of the first check, as in traffic.ts. */
  readonly from: number;
  readonly count: number;
  readonly concurrency: number;
  /** Sent at this rate instead, whatever is still unanswered. */
  readonly perSecond?: number;
  /** From here on an answer is late, milliseconds; default: never. */
  readonly lateMs?: number;
}

export interface LoadResult {
  readonly seconds: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly slowestMs: number;
  readonly late: number;
  /** Calls that did not end with an answer and grpc-status 0; the first is named. */
  readonly failed: number;
  readonly failure?: string;
}

const HEADERS = {
  ':method': 'POST',
  ':path': '/envoy.service.auth.v3.Authorization/Check',
  ':scheme': 'http',
  ':authority': 'cedargate',
  'content-type': 'application/grpc',
  te: 'trailers',
  'grpc-timeout': '20S',
  'x-envoy-internal': 'true',
  'x-envoy-expected-rq-timeout-ms': '20000',
  'x-forwarded-for': '10.4.9.8',
};

interface Connection {
  readonly session: ClientHttp2Session;
  /** Why it ended, when it ended by itself. */
  error: string | undefined;
}

const connections = new Map<number, Connection>();
const frames = new Map<number, Buffer>();

/** A gRPC message: not compressed, its length, its bytes. */
function frameAt(n: number): Buffer {
  const index = n % COMBINATIONS;
  const known = frames.get(index);
  if (known !== undefined) return known;
  const message = messageAt(index);
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  frames.set(index, frame);
  return frame;
}

function connectionTo(port: number): Connection {
  const open = connections.get(port);
  if (open !== undefined && !open.session.destroyed) return open;
  const session = connect(`http://127.0.0.1:${port}`);
  const made: Connection = { session, error: undefined };
  session.on('error', (error) => {
    made.error = error.message;
  });
  connections.set(port, made);
  return made;
}

interface CallResult {
  readonly bytes: number;
  readonly failure?: string;
}

function call({ session, error }: Connection, frame: Buffer): Promise<CallResult> {
  if (session.destroyed) {
    return Promise.resolve({ bytes: 0, failure: `the connection ended: ${error ?? 'closed'}` });
  }
  return new Promise((resolve) => {
    const stream = session.request(HEADERS);
    let bytes = 0;
    let status: unknown;
    stream.on('response', (headers) => {
      status = headers['grpc-status'];
    });
    stream.on('trailers', (headers) => {
      status = headers['grpc-status'];
    });
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on('error', (error) => {
      status = error.message;
    });
    stream.on('close', () => {
      const answered = status === '0' && bytes > 5;
      resolve(answered ? { bytes } : { bytes, failure: `grpc-status ${status}, ${bytes} bytes` });
    });
    stream.end(frame);
  });
}

async function run(task: LoadTask): Promise<LoadResult> {
  const { port, from, count, perSecond, lateMs = Number.POSITIVE_INFINITY } = task;
  for (let n = from; n < from + count; n += 1) frameAt(n);
  const to = connectionTo(port);
  const begin = performance.now();
  let next = from;
  let requestBytes = 0;
  let responseBytes = 0;
  let failed = 0;
  let failure: string | undefined;
  let slowestMs = 0;
  let late = 0;
  const one = async () => {
    const frame = frameAt(next);
    next += 1;
    const sentMs = performance.now();
    const result = await call(to, frame);
    const tookMs = performance.now() - sentMs;
    slowestMs = Math.max(slowestMs, tookMs);
    if (tookMs >= lateMs) late += 1;
    requestBytes += frame.length;
    responseBytes += result.bytes;
    if (result.failure === undefined) return;
    failed += 1;
    failure ??= result.failure;
  };
  const caller = async () => {
    while (next < from + count) await one();
  };
  const sent: Promise<void>[] = [];
  while (perSecond !== undefined && sent.length < count) {
    const due = Math.ceil(((performance.now() - begin) / 1_000) * perSecond);
    while (sent.length < Math.min(due, count)) sent.push(one());
    await sleep(1);
  }
  const callers = perSecond === undefined ? task.concurrency : 0;
  await Promise.all([...sent, ...Array.from({ length: callers }, caller)]);
  const seconds = (performance.now() - begin) / 1_000;
  const sums = { seconds, requestBytes, responseBytes, slowestMs, late, failed };
  return failure === undefined ? sums : { ...sums, failure };
}

process.on('message', async (task: LoadTask) => {
  process.send?.(await run(task));
});
