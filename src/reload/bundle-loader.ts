/**
 * Loads bundles off the event loop: each load has a worker thread of its own, which ends with it (but for
 * the first of a process, when it is of built bundles).
 * Whatever the bundle does there (crash the engine, eat memory, never end) the data plane goes on.
 *
 * Starting a thread and warming its engine takes longer than compiling a hundred policies, so while
 * somebody changes policies the thread of the next load is started when one ends, and waits. It costs
 * 28 MB, which a sidecar whose policies rest does not pay: none waits after the first load, nor when
 * the last change was long ago.
 */
import { Worker } from 'node:worker_threads';
import type { Digest, ServedBundle } from '../bundle/types.js';
import type { KnownProgram } from '../cedar/types.js';
import { LOAD_HEAP_MIB_MAX, LOAD_TIMEOUT_MS, SPARE_THREAD_MS } from '../constants.js';
import { type ErrorCode, messageOf, problem } from '../errors.js';
import { type Failed, failed, type Result } from '../result.js';
import type { CandidateRequest, LoadedCandidate } from './load-candidates.js';
import type { LoadedRollouts, RolloutsRequest } from './load-rollouts.js';
import type { BundleSource } from './source.js';

export interface LoadRequest {
  readonly source: BundleSource;
  readonly environment: string | undefined;
  /** Of the bundle that runs. */
  readonly known?: KnownProgram | undefined;
}

export interface LoadedSource {
  readonly result: Result<ServedBundle>;
  /** Of what was read, also when it was refused; undefined when it could not be read. */
  readonly digest: Digest | undefined;
}

/** What a thread is asked. */
export type LoadTask =
  | { readonly kind: 'bundle'; readonly request: LoadRequest }
  | { readonly kind: 'rollouts'; readonly request: RolloutsRequest }
  | { readonly kind: 'candidate'; readonly request: CandidateRequest };

/** What the thread is told at its start. */
export interface ThreadData {
  /** Its load has not come yet: there is time to warm up. */
  readonly spare: boolean;
  /** Requests are answered meanwhile, unlike during the first load of a process. */
  readonly serving: boolean;
}

export interface BundleLoader {
  /** Never rejects. */
  load(request: LoadRequest): Promise<LoadedSource>;
  /** Never rejects. */
  loadRollouts(request: RolloutsRequest): Promise<Result<LoadedRollouts>>;
  /** Never rejects. */
  loadCandidate(request: CandidateRequest): Promise<Result<LoadedCandidate>>;
  /** Ends every thread; a load under way is then a refusal that nobody should look at. */
  close(): Promise<void>;
}

interface LoaderOptions {
  /** Milliseconds; default LOAD_TIMEOUT_MS. */
  readonly timeoutMs?: number;
  /** Another program for the thread, in tests. */
  readonly workerUrl?: URL;
  /** How long a thread waits for its load, milliseconds; default SPARE_THREAD_MS. */
  readonly spareMs?: number;
}

/** Run from source (tests, development) it is the built one: compiling it takes each thread a second. */
const WORKER_FILE = import.meta.url.endsWith('.ts')
  ? '../../dist/compile-worker.js'
  : './compile-worker.js';
const WORKER_URL = new URL(WORKER_FILE, import.meta.url);

export function createBundleLoader(options: LoaderOptions = {}): BundleLoader {
  const { timeoutMs = LOAD_TIMEOUT_MS, workerUrl = WORKER_URL } = options;
  const { spareMs = SPARE_THREAD_MS } = options;
  const workers = new Set<Worker>();
  let spare: Worker | undefined;
  let spareEnds: NodeJS.Timeout | undefined;
  let closed = false;
  let isFirst = true;

  const start = (data: ThreadData): Worker => {
    const worker = startWorker(workerUrl, data);
    workers.add(worker);
    worker.once('exit', () => {
      workers.delete(worker);
      if (spare === worker) spare = undefined;
    });
    // A thread that dies while it waits must not end the process.
    worker.on('error', () => undefined);
    return worker;
  };
  /** The answer does not wait for this. */
  const end = async (worker: Worker) => {
    try {
      const rests = isFirst;
      isFirst = false;
      await worker.terminate();
      if (rests || closed || spare !== undefined) return;
      const waiting = start({ spare: true, serving: true });
      spare = waiting;
      waiting.unref();
      spareEnds = setTimeout(() => {
        spare = undefined;
        void waiting.terminate();
      }, spareMs).unref();
    } catch {
      // Without a spare thread the next load starts its own, and tells when it cannot.
    }
  };

  const run = async <T>(task: LoadTask): Promise<T | Failed> => {
    if (closed) return refused('engine_failure', 'the loader is closed');
    try {
      if (isFirst && isBuilt(task)) {
        isFirst = false;
        const { perform } = await import('./load-task.js');
        return (await perform(task)) as T;
      }
      const worker = spare ?? start({ spare: false, serving: !isFirst });
      clearTimeout(spareEnds);
      spare = undefined;
      worker.ref();
      const answer = await answerOf<T>(worker, task, timeoutMs);
      void end(worker);
      return answer;
    } catch (thrown) {
      return refused('engine_failure', `the loading thread failed: ${messageOf(thrown)}`);
    }
  };

  return {
    async load(request) {
      const loaded = await run<LoadedSource>({ kind: 'bundle', request });
      return 'result' in loaded ? loaded : { result: loaded, digest: undefined };
    },
    loadRollouts: (request) => run<Result<LoadedRollouts>>({ kind: 'rollouts', request }),
    loadCandidate: (request) => run<Result<LoadedCandidate>>({ kind: 'candidate', request }),
    async close() {
      closed = true;
      await Promise.all([...workers].map((worker) => worker.terminate()));
    },
  };
}

/**
 * Built bundles were tried when they were built, and are looked at only when who signed them counts. With
 * nobody to answer yet, the first is loaded where it runs: the start of a thread with an engine of its
 * own takes longer than all the rest.
 */
function isBuilt(task: LoadTask): boolean {
  return (
    task.kind === 'rollouts' || (task.kind === 'bundle' && task.request.source.kind === 'shelf')
  );
}

function startWorker(url: URL, workerData: ThreadData): Worker {
  return new Worker(url, {
    workerData,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: LOAD_HEAP_MIB_MAX },
    // Kept apart: the standard output of the process carries the decision log.
    stdout: true,
    stderr: true,
  });
}

function answerOf<T>(worker: Worker, task: LoadTask, timeoutMs: number): Promise<T | Failed> {
  return new Promise((resolve) => {
    const finish = (answer: T | Failed) => {
      clearTimeout(timer);
      resolve(answer);
    };
    const timer = setTimeout(() => {
      finish(refused('load_timeout', `loading took longer than ${timeoutMs} ms`));
    }, timeoutMs);
    worker.once('message', finish);
    worker.once('error', (error) => {
      finish(refused('engine_failure', `the loading thread died: ${messageOf(error)}`));
    });
    worker.once('exit', () => {
      finish(refused('engine_failure', 'the loading thread ended without an answer'));
    });
    worker.postMessage(task);
  });
}

function refused(code: ErrorCode, message: string): Failed {
  return failed(problem(code, message));
}
