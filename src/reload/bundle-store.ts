/**
 * The bundles that this thread has in the engine, by digest, whatever their role. What decides comes
 * first: where the engine has no room for it, candidates make room.
 */
import type { ShelfFile } from '../bundle/shelf-files.js';
import type { CompiledBundle, Digest } from '../bundle/types.js';
import { createTriedEvaluator } from '../cedar/trial.js';
import type { CreateEvaluator } from '../cedar/types.js';
import type { ActiveBundle } from '../check/types.js';
import { messageOf, type Problem, problem } from '../errors.js';
import type { BundleFacts } from '../rollout/fit.js';
import { factsOf } from './bundle-supply.js';

interface BundleStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The engine of this thread; replaced in tests. */
  readonly createEvaluator?: CreateEvaluator;
}

/** One action is enough here: this thread has requests to answer. */
const createWarm: CreateEvaluator = (program) => createTriedEvaluator(program, 1);

export class BundleStore {
  readonly #options: BundleStoreOptions;
  readonly #loaded = new Map<Digest, ActiveBundle>();
  /** Where each came from: it is remembered from there. */
  readonly archives = new Map<Digest, ShelfFile>();

  constructor(options: BundleStoreOptions) {
    this.#options = options;
  }

  get(digest: Digest | undefined): ActiveBundle | undefined {
    return digest && this.#loaded.get(digest);
  }

  /** What has to be known of each to say whether it fits a document. */
  get facts(): ReadonlyMap<Digest, BundleFacts> {
    return new Map([...this.#loaded].map(([digest, { bundle }]) => [digest, factsOf(bundle)]));
  }

  /** Into the engine; undefined when it is there, else why not. It was tried in another thread. */
  add(bundle: CompiledBundle, archive: ShelfFile | undefined): Problem | undefined {
    const { digest } = bundle;
    if (archive !== undefined) this.archives.set(digest, archive);
    if (this.#loaded.has(digest)) return undefined;
    const { createEvaluator = createWarm, now } = this.#options;
    try {
      const evaluator = createEvaluator(bundle.program);
      if (!evaluator.ok) return evaluator.problems[0];
      this.#loaded.set(digest, { bundle, evaluator: evaluator.value, loadedAtMs: now() });
      return undefined;
    } catch (thrown) {
      const message = `the engine crashed on the bundle: ${messageOf(thrown)}`;
      return problem('engine_failure', message);
    }
  }

  /** INVARIANT: only after the swap; a check that has begun keeps no reference across an await. */
  releaseBut(used: ReadonlySet<Digest | undefined>): void {
    for (const [digest, { evaluator }] of this.#loaded) {
      if (used.has(digest)) continue;
      this.#loaded.delete(digest);
      evaluator.release();
    }
  }
}
