/**
 * Sockets that accept connections, on TCP or at a Unix path, with or without TLS. What is spoken on
 * a connection is the business of others.
 */
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { type Address, formatAddress, parseAddress, type TcpAddress } from '../config/address.js';
import { GRPC_CONNECTIONS_MAX, TLS_HANDSHAKE_MS_MAX } from '../constants.js';
import { CedargateError, messageOf, problem } from '../errors.js';
import type { TlsMaterial } from './tls.js';
import {
  type FileId,
  isReplaced,
  pathObstacle,
  prepareSocket,
  publishSocket,
  temporaryName,
} from './unix-socket.js';

export interface Listener {
  /** Where it is bound; the port is the real one. */
  readonly address: Address;
  /** Unix sockets: puts the socket at its path. Until then nobody is taken over. */
  publish(): void;
  /** True when a successor's Unix socket is at our path. */
  replaced(): boolean;
  /** For new connections; does nothing without TLS. */
  useTls(material: TlsMaterial): void;
  /** Ends accepting. Connections go on. */
  stop(): void;
  /** Ends accepting, and every connection. */
  destroy(): void;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
}

export interface ListenerOptions {
  /** `host:port` or `unix:PATH`. A name listens on its first address, IPv4 preferred. */
  readonly address: string;
  /** TLS on TCP. A Unix socket is protected by its file permissions instead. */
  readonly tls: TlsMaterial | undefined;
  /** Receives connections that are ready to speak: after the handshake, with TLS. */
  readonly accept: (socket: Socket) => void;
  /** A connection could not be accepted, such as for lack of file descriptors. */
  readonly onError: (thrown: unknown) => void;
}

/** Throws CedargateError with `listen_failed`. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const wanted = parseListen(options.address);
  const server = createAcceptor(wanted.kind === 'tcp' ? options.tls : undefined, options.accept);
  const connections = new Connections(server);
  const base = {
    useTls: (material: TlsMaterial) => {
      if ('setSecureContext' in server) server.setSecureContext(material);
    },
    stop: () => {
      if (server.listening) server.close();
    },
    destroy: () => {
      if (server.listening) server.close();
      connections.destroy();
    },
    idle: () => connections.idle(),
  };
  if (wanted.kind === 'tcp') {
    const port = await bindTcp(server, wanted);
    const address = { ...wanted, port };
    server.on('error', options.onError);
    return { ...base, address, publish: () => {}, replaced: () => false };
  }
  const { temporary, id } = await bindUnix(server, wanted.path);
  server.on('error', options.onError);
  return {
    ...base,
    address: wanted,
    publish: () => publish(temporary, wanted.path, base.stop),
    replaced: () => isReplaced(wanted.path, id),
  };
}

/** The options for node's `listen`, with a name resolved. Throws `listen_failed`. */
export async function tcpListenOptions(address: TcpAddress): Promise<ListenOptions> {
  try {
    // `ipv4first`: people write 127.0.0.1 into Envoy's configuration and `localhost` into ours.
    const { address: host } = await lookup(address.host, { order: 'ipv4first' });
    return { host, port: address.port };
  } catch (thrown) {
    throw listenFailed(formatAddress(address), causeOf(thrown), thrown);
  }
}

/** The error of a listener that cannot be opened. */
export function listenFailed(address: string, cause: string, thrown?: unknown): CedargateError {
  const message = `cannot listen on \`${address}\`: ${cause}`;
  return new CedargateError([problem('listen_failed', message)], { cause: thrown });
}

/** Binds and resolves when the server listens. Throws `listen_failed`. */
export async function bind(server: Server, options: ListenOptions, address: string): Promise<void> {
  try {
    server.listen(options);
    // Rejects when the server says 'error' first.
    await once(server, 'listening');
  } catch (thrown) {
    throw listenFailed(address, causeOf(thrown), thrown);
  }
}

export function parseListen(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) {
    throw listenFailed(text, 'no address of the form host:port or unix:PATH');
  }
  return address;
}

/** The port on which a TCP server listens. */
export function portOf(server: Server): number {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server is not on TCP');
  return bound.port;
}

function createAcceptor(tls: TlsMaterial | undefined, accept: (socket: Socket) => void) {
  const acceptQuietly = (socket: Socket) => {
    // An error of a connection ends that connection and nothing else.
    socket.on('error', () => {});
    accept(socket);
  };
  if (tls === undefined) return createServer(acceptQuietly);
  const options = {
    ...tls,
    requestCert: tls.ca !== undefined,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    handshakeTimeout: TLS_HANDSHAKE_MS_MAX,
  } as const;
  return createTlsServer(options, acceptQuietly);
}

/** Every open connection of a server, those still in a handshake included. */
class Connections {
  readonly #open = new Set<Socket>();
  #waiting: (() => void)[] = [];

  constructor(server: Server) {
    server.maxConnections = GRPC_CONNECTIONS_MAX;
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.once('close', () => this.#closed(socket));
    });
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }

  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#open.size === 0) resolve();
      else this.#waiting.push(resolve);
    });
  }

  #closed(socket: Socket): void {
    this.#open.delete(socket);
    if (this.#open.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }
}

async function bindTcp(server: Server, address: TcpAddress): Promise<number> {
  await bind(server, await tcpListenOptions(address), formatAddress(address));
  return portOf(server);
}

interface BoundUnix {
  readonly temporary: string;
  readonly id: FileId;
}

async function bindUnix(server: Server, path: string): Promise<BoundUnix> {
  const obstacle = pathObstacle(path);
  if (obstacle !== undefined) throw listenFailed(`unix:${path}`, obstacle);
  const temporary = temporaryName(path);
  // Closing the server unlinks the name it was bound to, which is the temporary one.
  await bind(server, { path: temporary }, `unix:${path}`);
  try {
    return { temporary, id: prepareSocket(temporary) };
  } catch (thrown) {
    server.close();
    throw listenFailed(`unix:${path}`, causeOf(thrown), thrown);
  }
}

function publish(temporary: string, path: string, stop: () => void): void {
  try {
    publishSocket(temporary, path);
  } catch (thrown) {
    stop();
    throw listenFailed(`unix:${path}`, causeOf(thrown), thrown);
  }
}

/** What people say instead of the system's codes. */
const CAUSES: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'address in use'],
  ['EACCES', 'permission denied'],
  ['EADDRNOTAVAIL', 'no such address on this machine'],
  ['EAFNOSUPPORT', 'no such kind of address on this machine'],
  ['ENOTFOUND', 'no such host name'],
  ['EAI_AGAIN', 'the host name cannot be resolved now'],
  ['EROFS', 'read-only file system'],
]);

function causeOf(thrown: unknown): string {
  const code = (thrown as NodeJS.ErrnoException).code ?? '';
  return CAUSES.get(code) ?? messageOf(thrown);
}
