/** A steady load: some connections, each one request at a time, every answer counted. */
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RequestOptions, request, tlsOptions } from './http-client.js';
import { type WaitOptions, waitFor } from './wait.js';

export interface LoadOptions extends Omit<RequestOptions, 'agent'> {
  /** Connections at the same time, each kept alive. Default 4. */
  readonly connections?: number;
  /** Pause of a connection between an answer and its next request. Default 10. */
  readonly pauseMs?: number;
  /** Response header whose values are counted. Default x-cedargate-policy-version. */
  readonly versionHeader?: string;
}

export interface LoadReport {
  /** Requests sent and finished, whatever came back. */
  readonly total: number;
  /** Status -> count; a connection that failed counts under its error code, such as `ECONNRESET`. */
  readonly byStatus: ReadonlyMap<number | string, number>;
  /** Stamped version (`(none)` without one) -> count. */
  readonly byVersion: ReadonlyMap<string, number>;
  /** The different versions in the order in which they were first seen. */
  readonly versions: readonly string[];
  readonly slowestMs: number;
}

export interface Load {
  /** What happened so far. */
  report(): LoadReport;
  /** Waits until the report so far satisfies `condition`. */
  waitFor(
    what: string,
    condition: (report: LoadReport) => boolean,
    options?: WaitOptions,
  ): Promise<void>;
  /** Waits until `count` more requests were answered. */
  more(count: number, options?: WaitOptions): Promise<void>;
  /** Lets every request in flight finish, closes the connections and gives the final report. */
  stop(): Promise<LoadReport>;
}

/** Starts at once. Always `await load.stop()`, also when a test fails. */
export function startLoad(options: LoadOptions): Load {
  const byStatus = new Map<number | string, number>();
  const byVersion = new Map<string, number>();
  const header = options.versionHeader ?? 'x-cedargate-policy-version';
  let total = 0;
  let slowestMs = 0;
  let stopping = false;

  async function connection(): Promise<void> {
    const agent =
      options.tls === undefined
        ? new http.Agent({ keepAlive: true, maxSockets: 1 })
        : new https.Agent({ keepAlive: true, maxSockets: 1, ...tlsOptions(options.tls) });
    while (!stopping) {
      const begin = performance.now();
      try {
        const answer = await request({ ...options, agent });
        const version = answer.headers[header];
        add(byStatus, answer.status);
        add(byVersion, Array.isArray(version) ? version.join(',') : (version ?? '(none)'));
      } catch (thrown) {
        add(byStatus, (thrown as NodeJS.ErrnoException).code ?? String(thrown));
      }
      total += 1;
      slowestMs = Math.max(slowestMs, performance.now() - begin);
      if (!stopping) await sleep(options.pauseMs ?? 10);
    }
    agent.destroy();
  }

  function report(): LoadReport {
    return {
      total,
      byStatus: new Map(byStatus),
      byVersion: new Map(byVersion),
      versions: [...byVersion.keys()],
      slowestMs,
    };
  }

  const running = Array.from({ length: options.connections ?? 4 }, connection);
  const load: Load = {
    report,
    waitFor: async (what, condition, wait) => {
      await waitFor(what, () => condition(report()), {
        detail: () => describeLoad(report()),
        ...wait,
      });
    },
    more: (count, wait) => {
      const goal = total + count;
      return load.waitFor(`${count} more answers`, (now) => now.total >= goal, wait);
    },
    stop: async () => {
      stopping = true;
      await Promise.all(running);
      return report();
    },
  };
  return load;
}

/** One line for failure messages: `312 requests; 200: 311, 503: 1; 1.0.0+...: 312; slowest 41 ms`. */
export function describeLoad(report: LoadReport): string {
  const list = (counts: ReadonlyMap<number | string, number>) =>
    [...counts].map(([key, count]) => `${key}: ${count}`).join(', ');
  const slowest = `slowest ${Math.round(report.slowestMs)} ms`;
  return [`${report.total} requests`, list(report.byStatus), list(report.byVersion), slowest].join(
    '; ',
  );
}

/** How many answers did not have the status expected. */
export function failures(report: LoadReport, expected = 200): number {
  return report.total - (report.byStatus.get(expected) ?? 0);
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
