/**
 * Who was seen to call in the slices of a rollout, from lines of decision logs. Bounded, however long
 * the logs are.
 */
import { compileMatch } from '../check/match.js';
import { PercentBuckets } from '../check/percent.js';
import { EVIDENCE_CALLERS_MAX } from '../constants.js';
import type { SeenTraffic } from '../rollout/evidence.js';
import type { RolloutSource, Slice } from '../rollout/types.js';
import { traitsOf } from './line-traits.js';
import { type LoggedDecision, readLogLine } from './logged-decision.js';

export interface KnownCallersOptions {
  /** What of the logs counts: its name, its environment, its destinations. */
  readonly source: Pick<RolloutSource, 'name' | 'environment' | 'destinations'>;
  readonly slices: readonly Slice[];
  /** Caller -> its attribute `tenant`. */
  readonly tenants: ReadonlyMap<string, string>;
}

interface Counted {
  readonly slice: Slice;
  /** Without the percentage: who is known is asked first, who of them is inside later. */
  readonly match: ReturnType<typeof compileMatch>;
  readonly callers: Map<string, number>;
  requests: number;
}

export class KnownCallers {
  readonly #source: KnownCallersOptions['source'];
  readonly #destinations: ReadonlySet<string>;
  readonly #slices: readonly Counted[];
  readonly #logs = new Map<string, number>();
  readonly #lines = { counted: 0, elsewhere: 0, other: 0, bad: 0 };
  #callers = 0;
  #fromMs = Number.POSITIVE_INFINITY;
  #toMs = Number.NEGATIVE_INFINITY;

  constructor({ source, slices, tenants }: KnownCallersOptions) {
    this.#source = source;
    this.#destinations = new Set(source.destinations.map(({ service }) => service));
    const world = { tenants, buckets: new PercentBuckets('') };
    this.#slices = slices.map((slice) => {
      const { percent: _, ...others } = slice.match;
      return { slice, match: compileMatch(others, world), callers: new Map(), requests: 0 };
    });
  }

  line(log: string, text: string): void {
    if (text.trim() === '') return;
    this.#logs.set(log, (this.#logs.get(log) ?? 0) + 1);
    const line = readLogLine(text);
    if (line.kind === 'decision') this.#decision(line.decision);
    else this.#lines[line.kind] += 1;
  }

  /** A line without a rollout is of a sidecar that watches before there is one. */
  #decision(line: LoggedDecision): void {
    const { name, environment } = this.#source;
    const traits = traitsOf(line);
    const isHere =
      traits !== undefined &&
      line.environment === environment &&
      (line.rollout === null || line.rollout === name) &&
      this.#destinations.has(traits.destination);
    if (!isHere) {
      this.#lines.elsewhere += 1;
      return;
    }
    this.#lines.counted += 1;
    const atMs = Date.parse(line.timestamp);
    this.#fromMs = Math.min(this.#fromMs, atMs);
    this.#toMs = Math.max(this.#toMs, atMs);
    for (const counted of this.#slices) {
      if (counted.match.answer(traits) === 'no') continue;
      counted.requests += 1;
      // A percentage takes callers that can be told apart, and no others.
      const { percent } = counted.slice.match;
      const isKnown = percent === undefined || traits.caller?.id !== undefined;
      if (traits.caller !== undefined && isKnown) this.#count(counted, traits.caller.name);
    }
  }

  #count({ callers }: Counted, caller: string): void {
    const before = callers.get(caller);
    if (before === undefined && this.#callers >= EVIDENCE_CALLERS_MAX) return;
    if (before === undefined) this.#callers += 1;
    callers.set(caller, (before ?? 0) + 1);
  }

  result(): SeenTraffic {
    return {
      logs: [...this.#logs].map(([name, lines]) => ({ name, lines })),
      lines: { ...this.#lines },
      span: this.#lines.counted === 0 ? undefined : { fromMs: this.#fromMs, toMs: this.#toMs },
      slices: this.#slices.map(({ slice, requests, callers }) => ({
        slice,
        requests,
        callers: [...callers]
          .map(([caller, of]) => ({ caller, requests: of }))
          .sort((a, b) => b.requests - a.requests || (a.caller < b.caller ? -1 : 1)),
      })),
    };
  }
}
