/**
 * The control loop of a sidecar that serves what is approved: from changed documents or bundles to
 * another generation. Every rollout goes on by itself: what is wrong with one leaves the others and
 * its own running state alone.
 */
import type { Digest } from '../bundle/types.js';
import type { Generation } from '../check/types.js';
import { messageOf, type Problem } from '../errors.js';
import type { Result } from '../result.js';
import { approvedState } from '../rollout/effective.js';
import {
  BundleStore,
  type BundleStoreOptions,
  type MadeBundles,
  type Successor,
} from './bundle-store.js';
import type { SupplyPlaces } from './bundle-supply.js';
import { Candidates, type Runs } from './candidates.js';
import { keepRunning } from './choose-running.js';
import type {
  CandidateEvent,
  ChangeEvent,
  Refusal,
  ReloadCount,
  ReloadReason,
  ReloadResult,
  RolloutStanding,
} from './events.js';
import {
  type ApprovedPart,
  createGenerationBeforeFirst,
  createRolloutGeneration,
  rolloutStamp,
} from './generation.js';
import type { CandidateRequest, LoadedCandidate } from './load-candidates.js';
import type {
  LoadedRollout,
  LoadedRollouts,
  RolloutPaths,
  RolloutsRequest,
} from './load-rollouts.js';
import { oneAtATime } from './one-at-a-time.js';
import { ruledDestinations } from './overlap.js';
import type { Reloader } from './reloader.js';
import { createRetry, type Retry } from './retry.js';
import { sameRunning } from './rollout-memory.js';
import { rolloutsToSave } from './rollout-state.js';
import { type Held, RolloutTeller, type Run } from './rollout-teller.js';
import type { StateDirectory } from './state-directory.js';
import type { RolloutRecord } from './state-record.js';
import { startWatch, type Watch } from './watch.js';
import { watchedRollouts } from './watched.js';

export interface RolloutLoopOptions extends BundleStoreOptions {
  readonly paths: RolloutPaths;
  readonly environment: string;
  /** The one destination; undefined when requests name theirs. */
  readonly service: string | undefined;
  readonly minSequence: number;
  /** What is answered before any document was verified. */
  readonly beforeFirst: 'fail' | 'allow';
  readonly loader: {
    loadRollouts(request: RolloutsRequest): Promise<Result<LoadedRollouts>>;
    loadCandidate(request: CandidateRequest): Promise<Result<LoadedCandidate>>;
    close(): Promise<void>;
  };
  /** What outlives the process. */
  readonly state: StateDirectory;
  /** Called after the swap. */
  readonly onChange: (event: ChangeEvent) => void;
  /** A candidate is compared from now on, or cannot be. */
  readonly onCandidate?: (event: CandidateEvent) => void;
  readonly onCount?: (count: ReloadCount) => void;
  readonly onTrouble?: (message: string) => void;
  /** Milliseconds; default RELOAD_POLL_MS. */
  readonly pollMs?: number;
}

export function createRolloutLoop(options: RolloutLoopOptions): Reloader {
  return new RolloutLoop(options);
}

class RolloutLoop implements Reloader {
  current: Generation;
  readonly reload = oneAtATime((reason: ReloadReason) => this.#run(reason));

  readonly #options: RolloutLoopOptions;
  readonly #watch: Watch;
  readonly #retry: Retry;
  readonly #teller: RolloutTeller;
  #held: ReadonlyMap<string, Held> = new Map();
  readonly #bundles: BundleStore;
  readonly #candidates: Candidates;
  #remembered: ReadonlyMap<string, RolloutRecord> = new Map();
  /** The largest clock that a former process, or a document, is known to have seen. */
  #clockFloorMs = 0;
  /** The largest clock that any of them has seen, for whoever follows. */
  #latestMs = 0;
  #closed = false;

  constructor(options: RolloutLoopOptions) {
    const { paths, beforeFirst, now, onTrouble, pollMs } = options;
    this.#options = options;
    this.#teller = new RolloutTeller(options);
    this.#retry = createRetry(now);
    this.#bundles = new BundleStore(options);
    this.#candidates = new Candidates({
      store: this.#bundles,
      now,
      load: (digest) => options.loader.loadCandidate({ ...this.#places(), digest }),
      onChange: () => this.#swapCandidates(),
      onCandidate: options.onCandidate,
    });
    this.current = createGenerationBeforeFirst(1, { allow: beforeFirst === 'allow' });
    this.#watch = startWatch({
      watched: watchedRollouts(paths),
      onChange: (reason) => void this.reload(reason),
      onPoll: () => {
        if (this.#retry.isDue()) void this.reload('poll');
        else if (this.#candidates.isDue()) this.#candidates.tryAgain();
      },
      ...(onTrouble === undefined ? {} : { onTrouble }),
      ...(pollMs === undefined ? {} : { pollMs }),
    });
  }

  get lastRefusal(): Refusal | null {
    return this.#teller.lastRefusal;
  }

  get counts(): ReadonlyMap<ReloadCount, number> {
    return this.#teller.counts;
  }

  get rollouts(): readonly RolloutStanding[] {
    return [...this.#held].map(([name, { memory, stamp, lag, lagSinceMs }]) => ({
      name,
      stamp,
      approved: approvedState(memory.newest),
      running: approvedState(memory.running.document),
      bundle: memory.running.bundle,
      candidate: this.#candidates.of(name),
      clockFloorMs: this.#clockFloorMs,
      lag: lag && { sinceMs: lagSinceMs, problem: lag },
    }));
  }

  async start(): Promise<void> {
    // The state that changes are measured from is older than the first load, so none is missed.
    await this.#watch.start();
    const { rollouts, clockMs, problems } = await this.#options.state.read();
    this.#warn(problems);
    this.#remembered = rollouts;
    this.#clockFloorMs = clockMs ?? 0;
    await this.reload('start');
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#candidates.close();
    const { loader, state } = this.#options;
    await Promise.all([this.#watch.close(), loader.close()]);
    await state.close();
  }

  async #run(reason: ReloadReason): Promise<ReloadResult> {
    if (this.#closed) return 'unchanged';
    const { loader, now, onTrouble } = this.#options;
    try {
      const startedMs = now();
      const loaded = await loader.loadRollouts(this.#request(startedMs));
      // INVARIANT: nothing is swapped after close().
      if (this.#closed) return 'unchanged';
      if (!loaded.ok) return this.#refuseAll(loaded.problems, { reason, startedMs });
      const made = await this.#bundles.make('active', this.#wanted(loaded.value));
      if (this.#closed) return 'unchanged';
      const result = this.#apply(loaded.value, { reason, startedMs }, made);
      this.#save(loaded.value);
      return result;
    } catch (thrown) {
      onTrouble?.(`reloading failed: ${messageOf(thrown)}`);
      return 'refused';
    }
  }

  #places(): SupplyPlaces & Pick<RolloutsRequest, 'paths'> {
    const { paths, environment, state } = this.#options;
    return { paths, stateBundles: state.shelf, stateTrust: state.trust, environment };
  }

  #request(nowMs: number): RolloutsRequest {
    const { service, minSequence } = this.#options;
    return {
      ...this.#places(),
      service,
      minSequence,
      memories: new Map([...this.#held].map(([name, held]) => [name, held.memory])),
      remembered: this.#remembered,
      loaded: this.#bundles.facts,
      nowMs,
    };
  }

  #apply(loaded: LoadedRollouts, run: Run, { made, faults }: MadeBundles): ReloadResult {
    for (const [digest, archive] of loaded.archives) this.#bundles.archives.set(digest, archive);
    this.#bundles.put('active', made);
    const before = this.#held;
    const floorMs = this.#clockFloorMs;
    const held = new Map<string, Held>();
    for (const [name, rollout] of loaded.rollouts) {
      held.set(name, this.#hold(rollout, before.get(name), faults));
    }
    const changed = [...held].filter(([name, { memory }]) => {
      return !sameRunning(before.get(name)?.memory.running, memory.running);
    });
    this.#held = held;
    // The newest document moves the clock at which exceptions end, whether or not it can run.
    const isLater = this.#clockFloorMs > floorMs;
    this.#candidates.want(this.#runs());
    if (changed.length > 0 || before.size > held.size || isLater) this.#swap();
    this.#releaseUnused();

    for (const [name, after] of changed) {
      this.#teller.taken(run, before.get(name), after, loaded.warnings);
    }
    this.#teller.warnings(loaded.warnings, { told: changed.length > 0 });
    const { refused, codes, isNew } = this.#teller.refusals(run, loaded.refusals, held);
    if (refused) this.#retry.refused(codes, !isNew);
    else this.#retry.taken();
    if (changed.length > 0) return 'taken';
    if (refused) return 'refused';
    this.#teller.unchanged();
    return 'unchanged';
  }

  #runs(): ReadonlyMap<string, Runs> {
    const runs = [...this.#held].map(([name, { memory }]) => {
      const { document, bundle } = memory.running;
      return [name, { state: approvedState(document), bundle }] as const;
    });
    return new Map(runs);
  }

  /** Without trust nothing can be judged: everything goes on as it is. */
  #refuseAll(problems: readonly [Problem, ...Problem[]], run: Run): ReloadResult {
    const isNew = this.#teller.refusedAll(run, problems, this.#held);
    this.#retry.refused(
      problems.map(({ code }) => code),
      !isNew,
    );
    return 'refused';
  }

  /** The bundles that are to decide, each with the one that did. */
  #wanted({ bundles, rollouts }: LoadedRollouts): Successor[] {
    return [...rollouts].flatMap(([name, { memory }]) => {
      const digest = memory.running.bundle;
      // One that was compared before has been loaded already.
      const bundle = digest && (bundles.get(digest) ?? this.#bundles.bundle(digest));
      const before = this.#held.get(name)?.memory.running.bundle;
      return bundle === undefined ? [] : [{ bundle, before }];
    });
  }

  /** What now runs of one rollout. */
  #hold(
    rollout: LoadedRollout,
    before: Held | undefined,
    faults: ReadonlyMap<Digest, Problem>,
  ): Held {
    const { newest } = rollout.memory;
    let { running } = rollout.memory;
    const issuedMs = Math.max(newest.issuedAtMs, running.document.issuedAtMs);
    this.#clockFloorMs = Math.max(this.#clockFloorMs, issuedMs);
    let { lag } = rollout;
    const fault = running.bundle && faults.get(running.bundle);
    if (fault !== undefined) {
      running = keepRunning({ ...rollout.memory, running: before?.memory.running });
      lag = fault;
    }
    const lagSinceMs = before?.lag === undefined ? this.#options.now() : before.lagSinceMs;
    const { sequence } = running.document;
    const stamp = rolloutStamp(this.#bundles.get('active', running.bundle)?.bundle, sequence);
    return { memory: { ...rollout.memory, running }, lag, lagSinceMs, stamp };
  }

  #swap(): void {
    const number = this.current.number + 1;
    const memories = new Map([...this.#held].map(([name, { memory }]) => [name, memory]));
    const ruled = ruledDestinations(memories);
    const parts = [...memories].map(([name, { running }]): ApprovedPart => {
      const { document, bundle, absence } = running;
      const active = this.#bundles.get('active', bundle);
      const candidate = this.#candidates.of(name)?.loaded;
      const state = approvedState(document);
      const destinations = state.destinations.filter(({ service }) => {
        return ruled.get(name)?.has(service);
      });
      return { state: { ...state, destinations }, active, absence, candidate };
    });
    const [first, ...rest] = parts;
    this.current =
      first === undefined
        ? createGenerationBeforeFirst(number, { allow: this.#options.beforeFirst === 'allow' })
        : createRolloutGeneration({
            number,
            parts: [first, ...rest],
            clockFloorMs: this.#clockFloorMs,
          });
  }

  #releaseUnused(): void {
    const running = [...this.#held.values()].map(({ memory }) => memory.running.bundle);
    this.#bundles.releaseBut({ active: new Set(running), candidate: this.#candidates.digests });
  }

  #swapCandidates(): void {
    this.#swap();
    this.#releaseUnused();
  }

  /** Nothing waits for it: a disk that hangs must not keep the next change away. */
  #save(loaded: LoadedRollouts): void {
    // From here on this process is what knows, but of what it could not believe.
    this.#remembered = new Map(
      [...this.#remembered].filter(([name]) => {
        return loaded.unbelieved.has(name) && !this.#held.has(name);
      }),
    );
    const rollouts = rolloutsToSave({
      held: this.#held,
      archives: this.#bundles.archives,
      unbelieved: this.#remembered,
      shelf: this.#options.state.shelf,
    });
    this.#latestMs = Math.max(this.#latestMs, this.#clockFloorMs, this.#options.now());
    const clockMs = this.#latestMs;
    const { trust } = loaded;
    void this.#options.state
      .save({ rollouts, clockMs, trust })
      .then((problems) => this.#warn(problems));
  }

  #warn(problems: readonly Problem[]): void {
    for (const { file, message } of problems) {
      this.#options.onTrouble?.(file === undefined ? message : `${file}: ${message}`);
    }
  }
}
