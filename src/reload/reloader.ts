/**
 * The control loop: from a changed directory to another generation, or to a refusal that leaves the
 * running one alone. One load at a time; the swap is one assignment.
 */
import type { ServedBundle } from '../bundle/types.js';
import type { CreateEvaluator, Evaluator } from '../cedar/types.js';
import type { Generation, Mode } from '../check/types.js';
import { messageOf, type Problem, problem } from '../errors.js';
import { failed, type Result } from '../result.js';
import { type BundleLoader, createBundleLoader, type LoadedSource } from './bundle-loader.js';
import {
  bareEvent,
  type ChangeEvent,
  type Refusal,
  type ReloadCount,
  type ReloadReason,
  type ReloadResult,
  type RolloutStanding,
} from './events.js';
import { createGeneration } from './generation.js';
import { readyInSteps } from './make-ready.js';
import { oneAtATime } from './one-at-a-time.js';
import { createRetry, type Retry } from './retry.js';
import type { BundleSource } from './source.js';
import { startWatch, type Watch } from './watch.js';
import { watchedOf } from './watched.js';

export interface Reloader {
  /** INVARIANT: a check reads this once, and does not keep it across an `await`. */
  readonly current: Generation;
  /** Until a later load succeeds. */
  readonly lastRefusal: Refusal | null;
  readonly counts: ReadonlyMap<ReloadCount, number>;
  /** How each rollout stands; none without `--rollout`. */
  readonly rollouts: readonly RolloutStanding[];
  /** Loads for the first time and begins to watch; resolves whether or not there is a bundle. */
  start(): Promise<void>;
  /** Loads again, whatever is thought to be known of it. Never rejects. */
  reload(reason: ReloadReason): Promise<ReloadResult>;
  /** Ends watching and loading; the current generation stays usable. */
  close(): Promise<void>;
}

export interface ReloaderOptions {
  readonly source: BundleSource;
  readonly mode: Mode;
  readonly environment: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Called after the swap. */
  readonly onChange: (event: ChangeEvent) => void;
  /** Called for every load with how it ended. */
  readonly onCount?: (count: ReloadCount) => void;
  /** Something to tell the operator that is no change: the watcher does not work, a bug. */
  readonly onTrouble?: (message: string) => void;
  readonly createEvaluator: CreateEvaluator;
  /** Replaced in tests. */
  readonly loader?: Pick<BundleLoader, 'load' | 'close'>;
  /** Milliseconds; default RELOAD_POLL_MS. */
  readonly pollMs?: number;
}

export function createReloader(options: ReloaderOptions): Reloader {
  return new ReloadLoop(options);
}

/** One load, from its beginning to its outcome. */
interface Run {
  readonly reason: ReloadReason;
  readonly startedMs: number;
  readonly loaded: LoadedSource;
}

class ReloadLoop implements Reloader {
  current: Generation;
  lastRefusal: Refusal | null = null;
  readonly counts = new Map<ReloadCount, number>();
  readonly rollouts = [];
  readonly reload = oneAtATime((reason: ReloadReason) => this.#run(reason));

  readonly #options: ReloaderOptions;
  readonly #watch: Watch;
  readonly #loader: Pick<BundleLoader, 'load' | 'close'>;
  readonly #retry: Retry;
  readonly #makeReady = readyInSteps();
  #closed = false;
  /** Of the last refusal: the same bytes refused for the same reasons are told once. */
  #refusalKey: string | undefined;

  constructor(options: ReloaderOptions) {
    const { source, mode, now, onTrouble, pollMs } = options;
    this.#options = options;
    this.#retry = createRetry(now);
    this.#loader = options.loader ?? createBundleLoader();
    this.current = createGeneration({ number: 1, mode, active: undefined });
    this.#watch = startWatch({
      watched: watchedOf(source),
      onChange: (reason) => void this.reload(reason),
      onPoll: () => {
        if (this.#retry.isDue()) void this.reload('poll');
      },
      ...(onTrouble === undefined ? {} : { onTrouble }),
      ...(pollMs === undefined ? {} : { pollMs }),
    });
  }

  async start(): Promise<void> {
    // The state that changes are measured from is older than the first load, so none is missed.
    await this.#watch.start();
    await this.reload('start');
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#watch.close(), this.#loader.close()]);
  }

  async #run(reason: ReloadReason): Promise<ReloadResult> {
    const { source, environment, now, onTrouble } = this.#options;
    if (this.#closed) return 'unchanged';
    try {
      const startedMs = now();
      const known = this.current.otherwise.active?.bundle.known;
      const loaded = await this.#loader.load({ source, environment, known });
      // INVARIANT: nothing is swapped after close().
      if (this.#closed) return 'unchanged';
      const run: Run = { reason, startedMs, loaded };
      const { result } = loaded;
      if (!result.ok) return this.#refuse(run, result.problems);
      return await this.#take(run, result.value);
    } catch (thrown) {
      onTrouble?.(`reloading failed: ${messageOf(thrown)}`);
      return 'refused';
    }
  }

  async #take(run: Run, bundle: ServedBundle): Promise<ReloadResult> {
    const { mode, now } = this.#options;
    const { number, otherwise } = this.current;
    const { active: old } = otherwise;
    if (old?.bundle.digest === bundle.digest) {
      this.#forgetRefusal();
      this.#count('unchanged');
      return 'unchanged';
    }
    const evaluator = this.#createEvaluator(bundle);
    if (!evaluator.ok) return this.#refuse(run, evaluator.problems);
    await this.#makeReady(evaluator.value, old?.evaluator);
    // INVARIANT: nothing is swapped after close().
    if (this.#closed) {
      evaluator.value.release();
      return 'unchanged';
    }

    const active = { bundle, evaluator: evaluator.value, loadedAtMs: now() };
    const from = this.#stampOrNull();
    this.current = createGeneration({ number: number + 1, mode, active });
    this.#forgetRefusal();
    this.#count('ok');
    const { warnings } = bundle;
    this.#tell({
      ...this.#event(run),
      result: 'taken',
      from,
      to: this.current.otherwise.stamp,
      warnings,
    });
    old?.evaluator.release();
    return 'taken';
  }

  #refuse(run: Run, problems: readonly [Problem, ...Problem[]]): ReloadResult {
    const { now } = this.#options;
    const [{ code, message, file = null, line = null }] = problems;
    this.#count(`rejected_${code}`);
    const key = JSON.stringify([run.loaded.digest, problems]);
    const known = key === this.#refusalKey;
    this.#retry.refused([code], known);
    if (known) return 'refused';

    this.#refusalKey = key;
    this.lastRefusal = { atMs: now(), file, line, code, message };
    this.#tell({ ...this.#event(run), code, message, file, line, problems });
    return 'refused';
  }

  #forgetRefusal(): void {
    this.lastRefusal = null;
    this.#refusalKey = undefined;
    this.#retry.taken();
  }

  /** The bundle was tried in another thread; should this engine fail all the same, nothing is swapped. */
  #createEvaluator(bundle: ServedBundle): Result<Evaluator> {
    try {
      return this.#options.createEvaluator(bundle.program);
    } catch (thrown) {
      const message = `the engine crashed on the bundle: ${messageOf(thrown)}`;
      return failed(problem('engine_failure', message));
    }
  }

  #stampOrNull(): string | null {
    const { active, stamp } = this.current.otherwise;
    return active === undefined ? null : stamp;
  }

  /** A refusal without its cause: what all events have in common. */
  #event({ reason, startedMs, loaded }: Run): ChangeEvent {
    const event = bareEvent({ reason, durationMs: this.#options.now() - startedMs });
    return { ...event, from: this.#stampOrNull(), digest: loaded.digest ?? null };
  }

  #tell(event: ChangeEvent): void {
    try {
      this.#options.onChange(event);
    } catch (thrown) {
      this.#options.onTrouble?.(`telling of a change failed: ${messageOf(thrown)}`);
    }
  }

  #count(result: ReloadCount): void {
    this.counts.set(result, (this.counts.get(result) ?? 0) + 1);
    this.#options.onCount?.(result);
  }
}
