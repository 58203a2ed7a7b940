/** The bundles that this thread has in its engines, by digest: those that decide, and candidates. */
import type { ShelfFile } from '../bundle/shelf-files.js';
import type { Digest, ServedBundle } from '../bundle/types.js';
import type { CreateEvaluator } from '../cedar/types.js';
import type { ActiveBundle } from '../check/types.js';
import { messageOf, type Problem, problem } from '../errors.js';
import type { BundleFacts } from '../rollout/fit.js';
import { factsOf } from './bundle-supply.js';

export type BundleRole = 'active' | 'candidate';

export interface BundleStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly createEvaluator: CreateEvaluator;
  readonly createCandidate: CreateEvaluator;
}

export class BundleStore {
  /** Where each came from: it is remembered from there. */
  readonly archives = new Map<Digest, ShelfFile>();
  readonly #now: () => number;
  readonly #create: Readonly<Record<BundleRole, CreateEvaluator>>;
  readonly #loaded = { active: new Map(), candidate: new Map() } as const satisfies Record<
    BundleRole,
    Map<Digest, ActiveBundle>
  >;

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

  /** Into its engine; undefined when it is there, else why not. It was tried in another thread. */
  add(role: BundleRole, bundle: ServedBundle): Problem | undefined {
    const loaded: Map<Digest, ActiveBundle> = this.#loaded[role];
    if (loaded.has(bundle.digest)) return undefined;
    try {
      const evaluator = this.#create[role](bundle.program);
      if (!evaluator.ok) return evaluator.problems[0];
      const loadedAtMs = this.#now();
      loaded.set(bundle.digest, { bundle, evaluator: evaluator.value, loadedAtMs });
      return undefined;
    } catch (thrown) {
      const message = `the engine crashed on the bundle: ${messageOf(thrown)}`;
      return problem('engine_failure', message);
    }
  }

  /** INVARIANT: only after the swap; a check that has begun keeps no reference across an await. */
  releaseBut(used: Readonly<Record<BundleRole, ReadonlySet<Digest | undefined>>>): void {
    for (const role of ['active', 'candidate'] as const) {
      const loaded: Map<Digest, ActiveBundle> = this.#loaded[role];
      for (const [digest, { evaluator }] of loaded) {
        if (used[role].has(digest)) continue;
        loaded.delete(digest);
        evaluator.release();
      }
    }
  }
}
