/**
 * Sends HTTPS requests at a fixed rate, whatever is still unanswered, so that a slow server cannot
 * hide behind a client that waits for it.
 */
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClientTls, tlsOptions } from '../test/support/http-client.js';

export interface OpenLoop {
  readonly port: number;
  /** Keeps its connections for the next call. */
  readonly agent: https.Agent;
  readonly requestsPerSecond: number;
  readonly seconds: number;
  /** Path of the n-th request. */
  readonly path: (n: number) => string;
}

const CONNECTIONS_MAX = 64;

export function openLoopAgent(tls: ClientTls): https.Agent {
  return new https.Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, ...tlsOptions(tls) });
}

/**
 * Milliseconds from sending to the end of the answer, of every request. Rejects when one fails or is
 * not answered 200.
 */
export async function openLoop(options: OpenLoop): Promise<number[]> {
  const total = options.seconds * options.requestsPerSecond;
  const sent: Promise<number>[] = [];
  const begin = performance.now();
  while (sent.length < total) {
    const due = ((performance.now() - begin) / 1_000) * options.requestsPerSecond;
    while (sent.length < Math.min(due, total)) {
      sent.push(send(options.port, options.path(sent.length), options.agent));
    }
    await sleep(1);
  }
  return Promise.all(sent);
}

function send(port: number, path: string, agent: https.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const request = https.get({ host: '127.0.0.1', port, path, agent }, (answer) => {
      answer.on('error', reject);
      answer.on('end', () => {
        const ms = performance.now() - begin;
        if (answer.statusCode === 200) resolve(ms);
        else reject(new Error(`Envoy answered ${answer.statusCode}`));
      });
      answer.resume();
    });
    request.on('error', reject);
  });
}
