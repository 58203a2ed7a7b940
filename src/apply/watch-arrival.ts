/** Looking at sidecars, again and again, until all of them run a document or the time is up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { mapConcurrently } from '../bundle/map-concurrently.js';
import { APPLY_CONCURRENCY, APPLY_PODS_MAX, APPLY_POLL_MS } from '../constants.js';
import { ok, type Result } from '../result.js';
import type { Kubectl } from './kubectl.js';
import { type Expected, type Observation, observe } from './observe.js';
import { statusOfPod, statusOfUrl } from './sidecar-status.js';
import type { ApplyEvent, Target } from './timeline.js';

export interface Watched {
  readonly kubectl: Kubectl;
  readonly selector: string;
  /** Instead of the pods, unless it is empty. */
  readonly statusUrls: readonly string[];
  readonly expected: Expected;
  /** Milliseconds; the last look may end some seconds later. */
  readonly timeoutMs: number;
}

export interface WatchHooks {
  /** Milliseconds. */
  readonly sinceStart: () => number;
  readonly tell: (what: ApplyEvent['what']) => void;
}

const NOT_ASKED: Observation = { hasArrived: false, words: 'was not asked', sequence: null };
const POD_NAME = /^pod\/([a-z0-9][a-z0-9.-]{0,252})$/;

/** Every sidecar that is there at the end, in order of names. */
export async function watchArrival(watched: Watched, hooks: WatchHooks): Promise<Target[]> {
  const watch = new Watch(watched, hooks);
  for (;;) {
    const isDone = await watch.round();
    if (isDone || watch.leftMs() < APPLY_POLL_MS) return watch.targets();
    await sleep(APPLY_POLL_MS);
  }
}

class Watch {
  readonly #targets = new Map<string, Target>();
  readonly #endMs: number;
  #listingFault: string | undefined;

  constructor(
    readonly watched: Watched,
    readonly hooks: WatchHooks,
  ) {
    this.#endMs = hooks.sinceStart() + watched.timeoutMs;
  }

  leftMs(): number {
    return this.#endMs - this.hooks.sinceStart();
  }

  targets(): Target[] {
    return [...this.#targets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Looks once at all that have not arrived. Whether there are some, and all have. */
  async round(): Promise<boolean> {
    const names = await this.#names();
    // Pods come and go meanwhile, and each round asks for those of the present.
    if (names.ok) {
      const present = new Set(names.value);
      for (const name of this.#targets.keys()) if (!present.has(name)) this.#targets.delete(name);
      const late = names.value.filter((name) => !this.#hasArrived(name));
      for (const name of late) {
        const isNew = !this.#targets.has(name);
        if (isNew)
          this.#targets.set(name, { name, observation: NOT_ASKED, arrivedAfterMs: undefined });
      }
      await mapConcurrently(late, APPLY_CONCURRENCY, (name) => this.#look(name));
      this.#listingFault = undefined;
      return names.value.length > 0 && names.value.every((name) => this.#hasArrived(name));
    }
    const [{ message: why }] = names.problems;
    if (why !== this.#listingFault) this.hooks.tell({ kind: 'not-listed', why });
    this.#listingFault = why;
    return false;
  }

  #hasArrived(name: string): boolean {
    return this.#targets.get(name)?.arrivedAfterMs !== undefined;
  }

  async #names(): Promise<Result<readonly string[]>> {
    const { statusUrls, kubectl, selector } = this.watched;
    if (statusUrls.length > 0) return ok([...new Set(statusUrls)]);
    const running = '--field-selector=status.phase=Running';
    const result = await kubectl.run(['get', 'pods', '-l', selector, running, '-o', 'name']);
    if (!result.ok) return result;
    const names = result.value.split('\n').map((line) => POD_NAME.exec(line.trim())?.[1]);
    return ok(names.filter((name) => name !== undefined).slice(0, APPLY_PODS_MAX));
  }

  async #look(name: string): Promise<void> {
    const { statusUrls, kubectl, expected } = this.watched;
    // Hundreds of pods that do not answer would take minutes.
    if (this.leftMs() < 0) return;
    const asked =
      statusUrls.length > 0 ? await statusOfUrl(name) : await statusOfPod(kubectl, name);
    const before = this.#targets.get(name);
    const observation: Observation =
      'status' in asked
        ? observe(asked.status, expected)
        : {
            hasArrived: false,
            words: `cannot be asked: ${asked.why}`,
            sequence: before?.observation.sequence ?? null,
          };
    const arrivedAfterMs = observation.hasArrived ? this.hooks.sinceStart() : undefined;
    this.#targets.set(name, { name, observation, arrivedAfterMs });
    if (observation.words === before?.observation.words) return;
    this.hooks.tell({ kind: 'seen', target: name, observation });
  }
}
