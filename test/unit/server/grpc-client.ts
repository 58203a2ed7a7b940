/** Starting a server for one test, and asking it as Envoy does, with real clients. */
import {
  type ChannelCredentials,
  Client,
  type ClientOptions,
  type ClientReadableStream,
  credentials,
  makeClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { onTestFinished } from 'vitest';
import { authorizationService } from '../../../src/check/wire.js';
import {
  type GrpcServer,
  type GrpcServerOptions,
  startGrpcServer,
} from '../../../src/server/grpc.js';

/** A server that echoes the message, unless told otherwise; closed when the test ends. */
export async function startServer(options: Partial<GrpcServerOptions> = {}): Promise<GrpcServer> {
  const server = await startGrpcServer({
    listen: ['127.0.0.1:0'],
    tls: undefined,
    handle: (message) => ({ response: message }),
    onInflight: () => {},
    onAborted: () => {},
    onFault: (thrown) => {
      throw thrown;
    },
    ...options,
  });
  onTestFinished(() => server.close());
  return server;
}

export interface Asker {
  /** The bytes of the answer; rejects with a ServiceError. */
  check(message: Buffer, timeoutMs?: number): Promise<Buffer>;
  health(service: string): Promise<string>;
  watch(service: string): ClientReadableStream<{ status: string }>;
  /** Service -> what is said of it. */
  list(): Promise<Record<string, { status: string }>>;
  close(): void;
}

/** A client with a connection of its own. */
export function connect(
  target: string,
  secret: ChannelCredentials = credentials.createInsecure(),
  options: ClientOptions = {},
): Asker {
  const own = { 'grpc.use_local_subchannel_pool': 1, 'grpc.max_send_message_length': -1 };
  const client = new Client(target, secret, { ...own, ...options });
  const Health = makeClientConstructor(healthService, 'Health');
  const health = new Health(target, secret, { ...own, ...options });
  const { path, requestSerialize, responseDeserialize } = authorizationService.Check;
  const close = () => {
    client.close();
    health.close();
  };
  onTestFinished(close);
  return {
    check: (message, timeoutMs) =>
      new Promise((resolve, reject) => {
        const deadline = timeoutMs === undefined ? Infinity : Date.now() + timeoutMs;
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          message,
          { deadline },
          (error, answer) => (answer === undefined ? reject(error) : resolve(answer)),
        );
      }),
    health: (service) =>
      new Promise((resolve, reject) => {
        health.check?.({ service }, (error: ServiceError | null, answer: { status: string }) =>
          error === null ? resolve(answer.status) : reject(error),
        );
      }),
    list: () =>
      new Promise((resolve, reject) => {
        type Statuses = { statuses: Record<string, { status: string }> };
        health.list?.({}, (error: ServiceError | null, answer: Statuses) =>
          error === null ? resolve(answer.statuses) : reject(error),
        );
      }),
    watch: (service) => {
      const stream = health.watch?.({ service }) as unknown as ClientReadableStream<{
        status: string;
      }>;
      // Cancelled or cut at the end of a test.
      stream.on('error', () => {});
      onTestFinished(() => stream.cancel());
      return stream;
    },
    close,
  };
}

/** The first address of a server. */
export function addressOf(server: Pick<GrpcServer, 'addresses'>): string {
  const [address] = server.addresses;
  if (address === undefined) throw new Error('the server has no address');
  return address;
}
