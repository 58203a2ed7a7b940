/** One HTTP/1 request over TCP or TLS, with everything a test wants to look at. */
import http from 'node:http';
import https from 'node:https';
import type { Leaf } from './certs.js';

export interface ClientTls {
  /** PEM of the CA that signed the server's certificate. */
  readonly ca: string;
  /** The client's own certificate; none = anonymous. */
  readonly leaf?: Pick<Leaf, 'cert' | 'key'>;
}

export interface RequestOptions {
  readonly port: number;
  /** Default GET. */
  readonly method?: string;
  /** Sent byte for byte. Default `/`. */
  readonly path?: string;
  /** An array sends the header several times. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  /** Without it plain HTTP is spoken. The server's name is not checked: workload certificates have none. */
  readonly tls?: ClientTls;
  readonly agent?: http.Agent;
  /** Default 10,000. */
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<http.IncomingHttpHeaders>;
  /** Names and values in the order of the wire, duplicates kept. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** The body as JSON; throws when it is none. */
  json<T>(): T;
}

/** What node's TLS needs to speak to an Envoy that asks for a workload certificate. */
export function tlsOptions(tls: ClientTls): https.AgentOptions {
  return {
    ca: tls.ca,
    ...(tls.leaf === undefined ? {} : { cert: tls.leaf.cert, key: tls.leaf.key }),
    // The chain is verified; only the name is not, for SPIFFE certificates carry no DNS name.
    checkServerIdentity: () => undefined,
  };
}

/** Sends one request and reads the whole answer. Rejects when the connection fails. */
export function request(options: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const settings: https.RequestOptions = {
      host: '127.0.0.1',
      port: options.port,
      method: options.method ?? 'GET',
      path: options.path ?? '/',
      headers: { ...options.headers },
      agent: options.agent ?? false,
      timeout: options.timeoutMs ?? 10_000,
      ...(options.tls === undefined ? {} : tlsOptions(options.tls)),
    };
    const onAnswer = (message: http.IncomingMessage) => {
      const chunks: Buffer[] = [];
      message.on('data', (chunk: Buffer) => chunks.push(chunk));
      message.on('error', reject);
      message.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: message.statusCode ?? 0,
          headers: message.headers,
          rawHeaders: message.rawHeaders,
          body,
          json: <T>() => JSON.parse(body) as T,
        });
      });
    };
    const sent =
      options.tls === undefined
        ? http.request(settings, onAnswer)
        : https.request(settings, onAnswer);
    sent.on('error', reject);
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.end(options.body);
  });
}

/** All values of a header in an answer, in the order of the wire. */
export function valuesOf(answer: Answer, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    if (answer.rawHeaders[i]?.toLowerCase() === name) values.push(answer.rawHeaders[i + 1] ?? '');
  }
  return values;
}
