/**
 * The client: a process of its own that holds a fixed number of calls in flight, or sends at a fixed rate,
 * over one connection to each server, as one worker thread of Envoy would. Messages are encoded before
 * anything is measured. It speaks
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
  /** Sent at this rate, whatever is still unanswered, in place of `concurrency`. */
  readonly perSecond?: number;
}

export interface LoadResult {
  readonly seconds: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** From sending to the end of the answer, of each call that has a rate. */
  readonly ms: readonly number[];
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

async function run({ port, from, count, concurrency, perSecond }: LoadTask): Promise<LoadResult> {
  for (let n = from; n < from + count; n += 1) frameAt(n);
  const to = connectionTo(port);
  const begin = performance.now();
  let next = from;
  let requestBytes = 0;
  let responseBytes = 0;
  let failed = 0;
  let failure: string | undefined;
  const ms: number[] = [];
  const callNext = async () => {
    const frame = frameAt(next);
    next += 1;
    const sent = performance.now();
    const result = await call(to, frame);
    if (perSecond !== undefined) ms.push(performance.now() - sent);
    requestBytes += frame.length;
    responseBytes += result.bytes;
    if (result.failure === undefined) return;
    failed += 1;
    failure ??= result.failure;
  };
  const caller = async () => {
    while (next < from + count) await callNext();
  };
  if (perSecond === undefined) await Promise.all(Array.from({ length: concurrency }, caller));
  else await atRate(callNext, count, perSecond);
  const seconds = (performance.now() - begin) / 1_000;
  const sums = { seconds, requestBytes, responseBytes, ms, failed };
  return failure === undefined ? sums : { ...sums, failure };
}

/** Whatever is still unanswered. */
async function atRate(send: () => Promise<void>, count: number, perSecond: number): Promise<void> {
  const begin = performance.now();
  const sent: Promise<void>[] = [];
  while (sent.length < count) {
    const due = Math.min(count, ((performance.now() - begin) / 1_000) * perSecond);
    while (sent.length < due) sent.push(send());
    await sleep(1);
  }
  await Promise.all(sent);
}

process.on('message', async (task: LoadTask) => {
  process.send?.(await run(task));
});
