/** The bundles that this thread has in its engines, by digest: those that decide, and candidates. */
import type { ShelfFile } from '../bundle/shelf-files.js';
import type { Digest, ServedBundle } from '../bundle/types.js';
import type { CreateEvaluator, Evaluator } from '../cedar/types.js';
import type { ActiveBundle } from '../check/types.js';
import { messageOf, type Problem, problem } from '../errors.js';
import { failed, type Result } from '../result.js';
import type { BundleFacts } from '../rollout/fit.js';
import { factsOf } from './bundle-supply.js';
import { readyInSteps } from './make-ready.js';

export type BundleRole = 'active' | 'candidate';

export interface BundleStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly createEvaluator: CreateEvaluator;
  readonly createCandidate: CreateEvaluator;
}

/** A bundle that is to run. */
export interface Successor {
  readonly bundle: ServedBundle;
  /** The one that decides what it is to be asked. */
  readonly before: Digest | undefined;
}

/** What could be made of bundles, and of which nothing could. */
export interface MadeBundles {
  readonly made: ReadonlyMap<Digest, ActiveBundle>;
  readonly faults: ReadonlyMap<Digest, Problem>;
}

export class BundleStore {
  /** Where each came from: it is remembered from there. */
  readonly archives = new Map<Digest, ShelfFile>();
  readonly #now: () => number;
  readonly #makeReady = readyInSteps();
  readonly #create: Readonly<Record<BundleRole, CreateEvaluator>>;
  readonly #loaded: Readonly<Record<BundleRole, Map<Digest, ActiveBundle>>> = {
    active: new Map(),
    candidate: new Map(),
  };

  constructor({ now, createEvaluator, createCandidate }: BundleStoreOptions) {
    this.#now = now;
    this.#create = { active: createEvaluator, candidate: createCandidate };
  }

  get(role: BundleRole, digest: Digest | undefined): ActiveBundle | undefined {
    return digest && this.#loaded[role].get(digest);
  }

  /** In whatever role it is loaded. */
  bundle(digest: Digest): ServedBundle | undefined {
    return (this.get('active', digest) ?? this.get('candidate', digest))?.bundle;
  }

  /** What has to be known of each to say whether it fits a document. */
  get facts(): ReadonlyMap<Digest, BundleFacts> {
    const all = [...this.#loaded.candidate, ...this.#loaded.active];
    return new Map(all.map(([digest, { bundle }]) => [digest, factsOf(bundle)]));
  }

  /**
   * Into an engine, and ready for those who ask; nothing of what is there already. What is made is
   * nobody's until it is put in, since others put in and release meanwhile.
   */
  async make(role: BundleRole, wanted: readonly Successor[]): Promise<MadeBundles> {
    const made = new Map<Digest, ActiveBundle>();
    const faults = new Map<Digest, Problem>();
    for (const { bundle, before } of wanted) {
      const { digest } = bundle;
      if (this.#loaded[role].has(digest) || made.has(digest)) continue;
      const evaluator = this.#evaluator(role, bundle);
      if (!evaluator.ok) {
        faults.set(digest, evaluator.problems[0]);
        continue;
      }
      await this.#makeReady(evaluator.value, this.get('active', before)?.evaluator);
      made.set(digest, { bundle, evaluator: evaluator.value, loadedAtMs: this.#now() });
    }
    return { made, faults };
  }

  put(role: BundleRole, made: ReadonlyMap<Digest, ActiveBundle>): void {
    for (const [digest, each] of made) this.#loaded[role].set(digest, each);
  }

  /** It was tried in another thread. */
  #evaluator(role: BundleRole, { program }: ServedBundle): Result<Evaluator> {
    try {
      return this.#create[role](program);
    } catch (thrown) {
      const message = `the engine crashed on the bundle: ${messageOf(thrown)}`;
      return failed(problem('engine_failure', message));
    }
  }

  /** INVARIANT: only after the swap; a check that has begun keeps no reference across an await. */
  releaseBut(used: Readonly<Record<BundleRole, ReadonlySet<Digest | undefined>>>): void {
    for (const role of ['active', 'candidate'] as const) {
      const loaded = this.#loaded[role];
      for (const [digest, { evaluator }] of loaded) {
        if (used[role].has(digest)) continue;
        loaded.delete(digest);
        evaluator.release();
      }
    }
  }
}
