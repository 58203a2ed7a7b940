/**
 * Tells what happened to rollouts: each taken generation, and each refusal and each lag once, until
 * something about it changes.
 */
import { messageOf, type Problem } from '../errors.js';
import { approvedState } from '../rollout/effective.js';
import type { ApprovedState, VerifiedDocument } from '../rollout/types.js';
import type { FileRefusal } from './accept-documents.js';
import {
  bareEvent,
  type ChangeEvent,
  type DocumentFacts,
  type Refusal,
  type ReloadCount,
  type ReloadReason,
} from './events.js';
import type { LoadedRollout } from './load-rollouts.js';

/** One rollout as it stands in this process. */
export interface Held extends LoadedRollout {
  readonly stamp: string;
  readonly lagSinceMs: number;
}

export type HeldRollouts = ReadonlyMap<string, Held>;

/** One load. */
export interface Run {
  readonly reason: ReloadReason;
  readonly startedMs: number;
}

interface TellerOptions {
  readonly now: () => number;
  readonly onChange: (event: ChangeEvent) => void;
  readonly onCount?: (count: ReloadCount) => void;
  readonly onTrouble?: (message: string) => void;
}

/** A refused file, or a rollout that lags: `file` is '' then. */
interface Refused {
  readonly file: string;
  readonly document: VerifiedDocument | undefined;
  readonly problems: readonly [Problem, ...Problem[]];
  /** What goes on running. */
  readonly from: string | null;
}

export class RolloutTeller {
  readonly counts = new Map<ReloadCount, number>();
  readonly #options: TellerOptions;
  /** What is refused at present, in the order in which it was told. */
  #told: ReadonlyMap<string, Refusal> = new Map();
  #warned: ReadonlySet<string> = new Set();

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /** The latest of those that still stand: one that was mended since says nothing. */
  get lastRefusal(): Refusal | null {
    return [...this.#told.values()].at(-1) ?? null;
  }

  taken(
    run: Run,
    before: Held | undefined,
    { stamp, memory }: Held,
    warnings: readonly Problem[],
  ): void {
    this.#count('ok');
    this.#tell({
      ...this.#event(run),
      result: 'taken',
      from: before?.stamp ?? null,
      to: stamp,
      digest: memory.running.bundle ?? null,
      document: factsOf(approvedState(memory.running.document)),
      warnings,
    });
  }

  unchanged(): void {
    this.#count('unchanged');
  }

  /** What one load warned of; `told`: with a generation that it took. Else what is new is told now. */
  warnings(all: readonly Problem[], { told }: { readonly told: boolean }): void {
    const texts = all.map(({ file, message }) => (file ? `${file}: ${message}` : message));
    for (const text of told ? [] : texts) {
      if (!this.#warned.has(text)) this.#options.onTrouble?.(text);
    }
    this.#warned = new Set(texts);
  }

  /** `isNew`: something was refused that was not, or not for this, the last time. */
  refusals(run: Run, files: readonly FileRefusal[], held: HeldRollouts) {
    const all: Refused[] = files.map((each) => ({ ...each, from: runningOf(each, held) }));
    for (const { memory, lag, stamp } of held.values()) {
      if (lag === undefined) continue;
      all.push({ file: '', document: memory.newest, problems: [lag], from: stamp });
    }
    const isNew = this.#tellNew(run, all);
    const codes = all.flatMap(({ problems }) => problems.map(({ code }) => code));
    return { refused: all.length > 0, codes, isNew };
  }

  /** Nothing could be judged. True when that was not told before. */
  refusedAll(run: Run, problems: readonly [Problem, ...Problem[]], held: HeldRollouts): boolean {
    const what = { file: '', document: undefined, problems };
    return this.#tellNew(run, [{ ...what, from: runningOf(what, held) }]);
  }

  #tellNew(run: Run, all: readonly Refused[]): boolean {
    const refused = new Map(
      all.map((each) => [JSON.stringify([each.file, each.document?.digest, each.problems]), each]),
    );
    const told = new Map([...this.#told].filter(([key]) => refused.has(key)));
    const fresh = [...refused].filter(([key]) => !told.has(key));
    for (const [key, { problems }] of fresh) {
      const [{ code, message, file = null, line = null }] = problems;
      told.set(key, { atMs: this.#options.now(), file, line, code, message });
    }
    this.#told = told;
    for (const [, each] of fresh) this.#tellRefused(run, each);
    return fresh.length > 0;
  }

  #tellRefused(run: Run, { document, problems, from }: Refused): void {
    const [{ code, message, file = null, line = null }] = problems;
    this.#count(`rejected_${code}`);
    const state = document && approvedState(document);
    this.#tell({
      ...this.#event(run),
      from,
      digest: state?.active?.digest ?? null,
      document: state === undefined ? null : factsOf(state),
      ...{ code, message, file, line, problems },
    });
  }

  /** A refusal without its cause: what all events have in common. */
  #event({ reason, startedMs }: Run): ChangeEvent {
    return bareEvent({ reason, durationMs: this.#options.now() - startedMs });
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

/** The stamp of the rollout that a document belongs to; of the only one when nobody knows. */
function runningOf({ document }: Pick<FileRefusal, 'document'>, held: HeldRollouts): string | null {
  const own = document && held.get(approvedState(document).name);
  const [only] = held.size === 1 ? [...held.values()] : [];
  return (own ?? only)?.stamp ?? null;
}

function factsOf(state: ApprovedState): DocumentFacts {
  const { name, sequence, digest, ticket, author, approvers } = state;
  return { name, sequence, digest, ticket, author, approvers };
}
