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

export interface OpenLoopResult {
  /** From sending to the end of the answer, of every request. */
  readonly ms: readonly number[];
  /** Answers that carried the stamp of cedargate. */
  readonly stamped: number;
}

interface Answer {
  readonly ms: number;
  readonly stamped: boolean;
}

const CONNECTIONS_MAX = 64;
const STAMP = 'x-cedargate-policy-version';

export function openLoopAgent(tls: ClientTls): https.Agent {
  return new https.Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, ...tlsOptions(tls) });
}

/** Rejects when a request fails or is not answered 200. */
export async function openLoop(options: OpenLoop): Promise<OpenLoopResult> {
  const total = options.seconds * options.requestsPerSecond;
  const sent: Promise<Answer>[] = [];
  const begin = performance.now();
  while (sent.length < total) {
    const due = ((performance.now() - begin) / 1_000) * options.requestsPerSecond;
    while (sent.length < Math.min(due, total)) {
      sent.push(send(options.port, options.path(sent.length), options.agent));
    }
    await sleep(1);
  }
  const answers = await Promise.all(sent);
  return {
    ms: answers.map(({ ms }) => ms),
    stamped: answers.filter(({ stamped }) => stamped).length,
  };
}

function send(port: number, path: string, agent: https.Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const request = https.get({ host: '127.0.0.1', port, path, agent }, (answer) => {
      answer.on('error', reject);
      answer.on('end', () => {
        const ms = performance.now() - begin;
        if (answer.statusCode !== 200) reject(new Error(`Envoy answered ${answer.statusCode}`));
        else resolve({ ms, stamped: answer.headers[STAMP] !== undefined });
      });
      answer.resume();
    });
    request.on('error', reject);
  });
}
