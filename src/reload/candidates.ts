/**
 * The candidates that running documents name: loaded in the background, one after the other, and
 * compared from then on. Nothing else waits for them, and none of them ever decides.
 */
import type { Digest } from '../bundle/types.js';
import type { ActiveBundle } from '../check/types.js';
import { messageOf, type Problem, problem } from '../errors.js';
import type { Result } from '../result.js';
import { fitProblem } from '../rollout/fit.js';
import type { ApprovedState, ResolvedBundle } from '../rollout/types.js';
import type { BundleStore } from './bundle-store.js';
import { factsOf } from './bundle-supply.js';
import type { CandidateEvent } from './events.js';
import type { LoadedCandidate } from './load-candidates.js';
import { createRetry } from './retry.js';

/** The candidate of one rollout. */
export interface Candidate {
  readonly bundle: ResolvedBundle;
  /** Undefined while it is not compared. */
  readonly loaded: ActiveBundle | undefined;
  /** Why not; undefined while it is being loaded. */
  readonly problem: Problem | undefined;
}

/** What runs of a rollout, as far as its candidate depends on it. */
export interface Runs {
  readonly state: ApprovedState;
  /** The bundle that decides. */
  readonly bundle: Digest | undefined;
}

interface CandidatesOptions {
  readonly store: BundleStore;
  readonly now: () => number;
  readonly load: (digest: Digest) => Promise<Result<LoadedCandidate>>;
  /** One more can be compared from now on, or one could not be had. */
  readonly onChange: () => void;
  readonly onCandidate: ((event: CandidateEvent) => void) | undefined;
}

export class Candidates {
  readonly #options: CandidatesOptions;
  readonly #retry: ReturnType<typeof createRetry>;
  #wanted: ReadonlyMap<string, Runs & { readonly candidate: ResolvedBundle }> = new Map();
  #failed = new Map<Digest, Problem>();
  /** What failed the last time, and is being tried again. */
  #before: ReadonlyMap<Digest, Problem> = new Map();
  /** What was told of each rollout's. */
  #told: ReadonlyMap<string, string> = new Map();
  #loading = false;
  #closed = false;

  constructor(options: CandidatesOptions) {
    this.#options = options;
    this.#retry = createRetry(options.now);
  }

  /** What runs from now on. What could not be had before is tried again: something has changed. */
  want(running: ReadonlyMap<string, Runs>): void {
    const wanted = [...running].flatMap(([name, runs]) => {
      const { candidate } = runs.state;
      // With nothing that decides, or nothing else, there is nothing to compare.
      if (candidate === undefined || runs.bundle === undefined) return [];
      return candidate.digest === runs.bundle ? [] : [[name, { ...runs, candidate }] as const];
    });
    this.#wanted = new Map(wanted);
    this.tryAgain();
  }

  tryAgain(): void {
    if (this.#failed.size > 0) this.#before = this.#failed;
    this.#failed = new Map();
    this.#retry.taken();
    void this.#loadNext();
  }

  /** One that could not be had may be there now. */
  isDue(): boolean {
    return this.#retry.isDue();
  }

  get digests(): ReadonlySet<Digest> {
    return new Set([...this.#wanted.values()].map(({ candidate }) => candidate.digest));
  }

  of(rollout: string): Candidate | undefined {
    const wanted = this.#wanted.get(rollout);
    if (wanted === undefined) return undefined;
    const { candidate: bundle, state } = wanted;
    const loaded = this.#options.store.get('candidate', bundle.digest);
    if (loaded === undefined) {
      return { bundle, loaded, problem: this.#failed.get(bundle.digest) };
    }
    // Routes of the slices are those of the bundle that decides.
    const misfit = fitProblem(state, factsOf(loaded.bundle), { routes: false });
    return { bundle, loaded: misfit === undefined ? loaded : undefined, problem: misfit };
  }

  close(): void {
    this.#closed = true;
  }

  async #loadNext(): Promise<void> {
    if (this.#loading || this.#closed) return;
    const { store, onChange } = this.#options;
    const digest = [...this.digests].find((each) => {
      return store.get('candidate', each) === undefined && !this.#failed.has(each);
    });
    if (digest === undefined) return;
    this.#loading = true;
    const fault = await this.#load(digest);
    this.#loading = false;
    if (this.#closed) return;
    if (fault !== undefined) {
      this.#failed.set(digest, fault);
      const again = this.#before.get(digest)?.message === fault.message;
      this.#retry.refused([fault.code], again);
    }
    onChange();
    this.#tell();
    void this.#loadNext();
  }

  /** Of each rollout once, until something about it changes. */
  #tell(): void {
    const told = new Map<string, string>();
    for (const [rollout, { state }] of this.#wanted) {
      const { bundle, loaded, problem: fault } = this.of(rollout) as Candidate;
      if (loaded === undefined && fault === undefined) continue;
      const what = `${bundle.digest} ${fault?.message}`;
      told.set(rollout, what);
      if (this.#told.get(rollout) === what) continue;
      this.#options.onCandidate?.({ rollout, sequence: state.sequence, bundle, problem: fault });
    }
    this.#told = told;
  }

  /** Undefined when it is in the engine, or nobody wants it any more. */
  async #load(digest: Digest): Promise<Problem | undefined> {
    const { store, load } = this.#options;
    try {
      // What decided before may be compared now: it is there.
      let bundle = store.bundle(digest);
      if (bundle === undefined) {
        const loaded = await load(digest);
        if (this.#isUnwanted(digest)) return undefined;
        if (!loaded.ok) return loaded.problems[0];
        store.archives.set(digest, loaded.value.archive);
        bundle = loaded.value.bundle;
      }
      const runs = [...this.#wanted.values()].find(({ candidate }) => candidate.digest === digest);
      const { made, faults } = await store.make('candidate', [{ bundle, before: runs?.bundle }]);
      if (!this.#isUnwanted(digest)) store.put('candidate', made);
      else for (const { evaluator } of made.values()) evaluator.release();
      return faults.get(digest);
    } catch (thrown) {
      return problem('engine_failure', messageOf(thrown));
    }
  }

  #isUnwanted(digest: Digest): boolean {
    return this.#closed || !this.digests.has(digest);
  }
}
