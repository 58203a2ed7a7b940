/**
 * The gRPC server that Envoy asks: binding, health, limits, drain. It hands raw messages to `handle`
 * and sends what comes back; what a check is, it does not know.
 *
 * The listening sockets are our own and connections are injected into the library: only so can a
 * Unix socket be renamed into place, one listener told to go away without the others, certificates
 * be renewed, and the cause of a failed bind be known.
 */
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerOptions,
  status,
} from '@grpc/grpc-js';
import type { CheckAnswer } from '../check/respond.js';
import { AUTHORIZATION_SERVICE_NAME, authorizationService } from '../check/wire.js';
import { formatAddress } from '../config/address.js';
import {
  DRAIN_POLL_MS,
  GRPC_KEEPALIVE_MS,
  GRPC_KEEPALIVE_TIMEOUT_MS,
  GRPC_NEVER_MS,
  GRPC_STREAMS_MAX,
  REQUEST_BYTES_HARD_MAX,
  RESPONSE_BYTES_MAX,
  SHUTDOWN_MS_MAX,
} from '../constants.js';
import { CedargateError } from '../errors.js';
import { ok, type Result } from '../result.js';
import { settledWithin } from '../settled-within.js';
import { answerChecksDirectly } from './check-call.js';
import { Health } from './health.js';
import { type Listener, listen } from './listener.js';
import { readTls, type TlsFiles, type TlsMaterial } from './tls.js';

/** `deadlineMs`: milliseconds since the epoch; Infinity when the caller set none. */
export type CheckHandler = (message: Buffer, deadlineMs: number) => CheckAnswer;

export interface GrpcServerOptions {
  /** `host:port` or `unix:PATH`, at least one. */
  readonly listen: readonly string[];
  /** TLS on the TCP listeners, mutual when a client CA is given. */
  readonly tls: TlsFiles | undefined;
  readonly handle: CheckHandler;
  /** A check began (1) or ended (-1). */
  readonly onInflight: (change: 1 | -1) => void;
  /**
   * A call ended before it became a check: gRPC refused its message (above REQUEST_BYTES_HARD_MAX, or
   * no message at all), or the client gave up while it sent.
   */
  readonly onAborted: () => void;
  /** `handle` threw, which is a bug and was answered INTERNAL; or a connection was not accepted. */
  readonly onFault: (thrown: unknown) => void;
}

export interface GrpcServer {
  /** As given, with real ports. */
  readonly addresses: readonly string[];
  /** True when another process put its socket at `path` (as given, without `unix:`). */
  successorTookOver(path: string): boolean;
  /** Reads the TLS files again, for new connections; keeps the old ones when they are not valid. */
  reloadTls(): Result<void>;
  /**
   * Says NOT_SERVING, goes on answering for `graceMs`, then ends: within SHUTDOWN_MS_MAX after the
   * grace. Listeners that a successor took over are left at once.
   */
  drain(graceMs: number): Promise<void>;
  /** Ends everything now, a drain included. */
  close(): void;
}

/** Nothing is left to the library's defaults. */
export const SERVER_OPTIONS: ServerOptions = {
  'grpc.max_receive_message_length': REQUEST_BYTES_HARD_MAX,
  'grpc.max_send_message_length': RESPONSE_BYTES_MAX,
  'grpc.max_concurrent_streams': GRPC_STREAMS_MAX,
  'grpc.keepalive_time_ms': GRPC_KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': GRPC_KEEPALIVE_TIMEOUT_MS,
  // Connections of Envoy live as long as Envoy does.
  'grpc.max_connection_age_ms': GRPC_NEVER_MS,
  'grpc.max_connection_age_grace_ms': GRPC_NEVER_MS,
  'grpc.max_connection_idle_ms': GRPC_NEVER_MS,
  // The session limit makes Node misbehave when it is reached; streams times bytes bound memory.
  'grpc-node.max_session_memory': Number.MAX_SAFE_INTEGER,
  // Debugging tables that cost time in every call.
  'grpc.enable_channelz': 0,
};

/** Throws CedargateError with `listen_failed` or `tls_invalid`; then nothing is left open. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const tls = options.tls === undefined ? undefined : tlsOrThrow(options.tls);
  const server = new Server({ ...SERVER_OPTIONS, interceptors: [tellAborted(options)] });
  server.addService(authorizationService, { Check: checkMethod(options) });
  answerChecksDirectly(server, {
    answer: (message, deadlineMs) => answerOf(options, message, deadlineMs),
    onAborted: options.onAborted,
  });
  const health = new Health(['', AUTHORIZATION_SERVICE_NAME]);
  health.addTo(server);
  const entrances: Entrance[] = [];
  try {
    for (const address of options.listen) {
      entrances.push(await openEntrance(server, address, tls, options.onFault));
    }
    // Only now, when nothing else can fail, is a predecessor taken over.
    for (const { listener } of entrances) listener.publish();
  } catch (thrown) {
    endAll(server, entrances);
    throw thrown;
  }
  return new RunningServer(server, health, entrances, options.tls);
}

/** One listener and the connections that came through it. */
interface Entrance {
  readonly listener: Listener;
  /** Tells every connection to go elsewhere (GOAWAY); calls in flight are answered. */
  goAway(): void;
}

async function openEntrance(
  server: Server,
  address: string,
  tls: TlsMaterial | undefined,
  onError: (thrown: unknown) => void,
): Promise<Entrance> {
  // "Insecure" for the library: with TLS, connections arrive here decrypted.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const accept = injector.injectConnection;
  const listener = await listen({ address, tls, accept, onError });
  return { listener, goAway: () => injector.drain(SHUTDOWN_MS_MAX) };
}

class RunningServer implements GrpcServer {
  readonly addresses: readonly string[];
  #draining: Promise<void> | undefined;
  #endGrace = () => {};

  constructor(
    private readonly server: Server,
    private readonly health: Health,
    private readonly entrances: readonly Entrance[],
    private readonly tlsFiles: TlsFiles | undefined,
  ) {
    this.addresses = entrances.map(({ listener }) => formatAddress(listener.address));
  }

  successorTookOver(path: string): boolean {
    return this.entrances.some(
      ({ listener: { address, replaced } }) =>
        address.kind === 'unix' && address.path === path && replaced(),
    );
  }

  reloadTls(): Result<void> {
    if (this.tlsFiles === undefined) return ok(undefined);
    const material = readTls(this.tlsFiles);
    if (!material.ok) return material;
    for (const { listener } of this.entrances) listener.useTls(material.value);
    return ok(undefined);
  }

  drain(graceMs: number): Promise<void> {
    this.#draining ??= this.#drain(graceMs);
    return this.#draining;
  }

  close(): void {
    this.#endGrace();
    endAll(this.server, this.entrances);
  }

  async #drain(graceMs: number): Promise<void> {
    // Before NOT_SERVING: Envoy's health checker may hold a connection to us although the successor
    // is up, and with panic threshold 0 what it hears from us would fail requests.
    this.#leaveReplaced();
    this.health.set('NOT_SERVING');
    await this.#grace(graceMs);
    for (const { listener, goAway } of this.entrances) {
      listener.stop();
      goAway();
    }
    await settledWithin(
      SHUTDOWN_MS_MAX,
      this.entrances.map(({ listener }) => listener.idle()),
    );
    endAll(this.server, this.entrances);
  }

  /** Waits `graceMs`, or until a successor has taken over every listener. */
  #grace(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearInterval(poll);
        clearTimeout(timer);
        resolve();
      };
      const poll = setInterval(() => {
        if (this.#leaveReplaced()) end();
      }, DRAIN_POLL_MS);
      const timer = setTimeout(end, graceMs);
      this.#endGrace = end;
      if (this.#leaveReplaced()) end();
    });
  }

  /** Sends the connections of listeners that were taken over to the successor. True when all were. */
  #leaveReplaced(): boolean {
    const replaced = this.entrances.filter(({ listener }) => listener.replaced());
    for (const { goAway } of replaced) goAway();
    return replaced.length === this.entrances.length;
  }
}

function checkMethod(options: GrpcServerOptions): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const answer = answerOf(options, call.request, epochMs(call.getDeadline()));
    if ('response' in answer) callback(null, answer.response);
    else callback({ code: answer.grpcError.code, details: answer.grpcError.message });
  };
}

/**
 * Hears of calls that end before their message came: the library refuses some by itself, and
 * nothing else would tell. Costs about a microsecond a call.
 */
function tellAborted({ onAborted }: GrpcServerOptions): ServerInterceptor {
  return (_method, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        let received = false;
        next({
          onReceiveMessage(message, take) {
            received = true;
            take(message);
          },
          onCancel() {
            if (!received) onAborted();
          },
        });
      },
    });
}

function answerOf(options: GrpcServerOptions, message: Buffer, deadlineMs: number): CheckAnswer {
  options.onInflight(1);
  try {
    return options.handle(message, deadlineMs);
  } catch (thrown) {
    options.onFault(thrown);
    return { grpcError: { code: status.INTERNAL, message: 'internal fault' } };
  } finally {
    options.onInflight(-1);
  }
}

function epochMs(deadline: Date | number): number {
  return typeof deadline === 'number' ? deadline : deadline.getTime();
}

function tlsOrThrow(files: TlsFiles): TlsMaterial {
  const material = readTls(files);
  if (!material.ok) throw new CedargateError(material.problems);
  return material.value;
}

function endAll(server: Server, entrances: readonly Entrance[]): void {
  for (const { listener } of entrances) listener.destroy();
  server.forceShutdown();
}
