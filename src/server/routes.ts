/** What the admin and probe listeners answer, given where the answers come from. */
import { type HttpReply, type HttpRoutes, text } from './http.js';

export interface Readiness {
  readonly ready: boolean;
  /** A few plain words: it is read in `kubectl describe pod`. */
  readonly reason: string;
}

export interface ProbeSources {
  readonly readiness: () => Readiness;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface AdminSources extends ProbeSources {
  /** Formats.md 7, as plain data. */
  readonly status: () => object;
}

/** For the kubelet and scrapers of the cluster. `/status` stays on the machine. */
export function probeRoutes(sources: ProbeSources): HttpRoutes {
  return new Map([
    // That this answer is given shows that the event loop turns. It never depends on the bundle:
    // a restart would not bring one.
    ['/livez', async () => text(200, 'ok')],
    ['/readyz', async () => readyz(sources.readiness())],
    ['/metrics', async () => ({ status: 200, ...(await sources.metrics()) })],
  ]);
}

/** For people on this machine: the probes, and what is running. */
export function adminRoutes(sources: AdminSources): HttpRoutes {
  return new Map([...probeRoutes(sources), ['/status', async () => json(sources.status())]]);
}

function readyz({ ready, reason }: Readiness): HttpReply {
  return text(ready ? 200 : 503, reason);
}

function json(value: object): HttpReply {
  const body = `${JSON.stringify(value, undefined, 2)}\n`;
  return { status: 200, contentType: 'application/json; charset=utf-8', body };
}
