/**
 * A small upstream that answers with what it received, over HTTP/1 and (clear-text) HTTP/2 on one
 * port. Like a careless application it can send headers of its own, cedargate's stamps included.
 */
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';

/** The body of every answer, as JSON. */
export interface Echo {
  readonly method: string;
  /** The target as it arrived, with its query. */
  readonly path: string;
  readonly httpVersion: string;
  /** Lower-case names; duplicates as Node joins them. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Names and values in the order of the wire, duplicates kept. */
  readonly rawHeaders: readonly string[];
}

export interface UpstreamOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Response headers on every answer: spoofed stamps, for example. */
  readonly responseHeaders?: Readonly<Record<string, string | string[]>>;
  /** Default 200. */
  readonly status?: number;
}

export interface Upstream {
  readonly port: number;
  /** Requests that arrived, newest last (at most 1,000 are kept). */
  readonly requests: readonly Echo[];
  /** How many arrived since the start. */
  count(): number;
  close(): Promise<void>;
}

const KEPT = 1_000;
const HTTP2_PREFACE = 'PRI * HTTP/2.0';

/** Starts it on loopback. A request of content-type application/grpc gets its own body back. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const requests: Echo[] = [];
  let count = 0;

  function handle(
    request: http.IncomingMessage | http2.Http2ServerRequest,
    response: http.ServerResponse | http2.Http2ServerResponse,
  ): void {
    const echo: Echo = {
      method: request.method ?? '',
      path: request.url ?? '',
      httpVersion: request.httpVersion,
      headers: { ...request.headers } as Echo['headers'],
      rawHeaders: [...request.rawHeaders],
    };
    count += 1;
    requests.push(echo);
    if (requests.length > KEPT) requests.shift();
    for (const [name, value] of Object.entries(options.responseHeaders ?? {})) {
      response.setHeader(name, value);
    }
    if (request.headers['content-type']?.startsWith('application/grpc') === true) {
      echoGrpc(request, response);
      return;
    }
    const body = Buffer.from(`${JSON.stringify(echo)}\n`);
    request.resume();
    request.on('end', () => {
      response.statusCode = options.status ?? 200;
      response.setHeader('content-type', 'application/json');
      response.setHeader('content-length', body.length);
      // HEAD and the like must not carry a body; node drops it for us.
      (response as http.ServerResponse).end(body);
    });
  }

  const http1 = http.createServer({ keepAliveTimeout: 0 }, handle);
  const h2 = http2.createServer(handle);
  const sockets = new Set<net.Socket>();
  const front = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.once('data', (first) => {
      socket.pause();
      socket.unshift(first);
      if (first.toString('latin1').startsWith(HTTP2_PREFACE)) {
        // Reads what was put back by itself; resuming would let it flow away before.
        h2.emit('connection', socket);
      } else {
        http1.emit('connection', socket);
        socket.resume();
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject);
    front.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = front.address() as net.AddressInfo;

  return {
    port: address.port,
    requests,
    count: () => count,
    close: () =>
      new Promise((resolve) => {
        front.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function echoGrpc(
  request: http.IncomingMessage | http2.Http2ServerRequest,
  response: http.ServerResponse | http2.Http2ServerResponse,
): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    response.setHeader('content-type', 'application/grpc');
    const grpc = response as http2.Http2ServerResponse;
    grpc.addTrailers({ 'grpc-status': '0' });
    grpc.end(Buffer.concat(chunks));
  });
}
