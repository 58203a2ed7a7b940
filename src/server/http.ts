/**
 * The plain HTTP listeners: admin (for people and scrapers on this machine) and probes (for the
 * kubelet). They read; nothing can be changed through them.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { formatAddress } from '../config/address.js';
import {
  HTTP_CONNECTIONS_MAX,
  HTTP_HEADER_BYTES_MAX,
  HTTP_IDLE_MS_MAX,
  HTTP_REQUEST_MS_MAX,
} from '../constants.js';
import { bind, listenFailed, parseListen, portOf, tcpListenOptions } from './listener.js';

export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Path (without query) to what answers GET and HEAD there. */
export type HttpRoutes = ReadonlyMap<string, () => HttpReply | Promise<HttpReply>>;

export interface HttpServerOptions {
  /** `host:port`. */
  readonly address: string;
  readonly routes: HttpRoutes;
  /** A route threw, which is a bug; the client got 500. */
  readonly onFault: (thrown: unknown) => void;
}

export interface HttpServer {
  /** As given, with the real port. */
  readonly address: string;
  /** Ends accepting and every connection, idle or not. */
  close(): Promise<void>;
}

export const TEXT = 'text/plain; charset=utf-8';
const METHODS = 'GET, HEAD';

/** Throws CedargateError with `listen_failed`. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const wanted = parseListen(options.address);
  if (wanted.kind !== 'tcp') throw listenFailed(options.address, 'this listener is TCP only');
  const server = createServer(
    {
      maxHeaderSize: HTTP_HEADER_BYTES_MAX,
      headersTimeout: HTTP_REQUEST_MS_MAX,
      requestTimeout: HTTP_REQUEST_MS_MAX,
      keepAliveTimeout: HTTP_IDLE_MS_MAX,
      connectionsCheckingInterval: HTTP_REQUEST_MS_MAX,
      insecureHTTPParser: false,
    },
    (request, response) => {
      void answer(options, request, response);
    },
  );
  server.maxConnections = HTTP_CONNECTIONS_MAX;
  await bind(server, await tcpListenOptions(wanted), options.address);
  server.on('error', options.onFault);
  const address = formatAddress({ ...wanted, port: portOf(server) });
  return { address, close: () => closeServer(server) };
}

async function answer(
  options: HttpServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const reply = await replyTo(options, request);
  response.writeHead(reply.status, {
    'content-type': reply.contentType,
    'content-length': Buffer.byteLength(reply.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(reply.status === 405 ? { allow: METHODS } : {}),
    // What follows on such a connection, a body perhaps, is not worth reading.
    ...(reply.status >= 400 && reply.status < 500 ? { connection: 'close' } : {}),
  });
  // Node leaves the body out in answers to HEAD.
  response.end(reply.body);
}

async function replyTo(options: HttpServerOptions, request: IncomingMessage): Promise<HttpReply> {
  const [path = ''] = (request.url ?? '').split('?', 1);
  const route = options.routes.get(path);
  if (route === undefined) return text(404, 'not found');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return text(405, 'method not allowed');
  }
  try {
    return await route();
  } catch (thrown) {
    options.onFault(thrown);
    return text(500, 'internal fault');
  }
}

export function text(status: number, line: string): HttpReply {
  return { status, contentType: TEXT, body: `${line}\n` };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // Called with an error when the server was closed before, which is as good.
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
