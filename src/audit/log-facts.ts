/**
 * What the lines of logs come to: changes, uses of exceptions, and an account of every line. Bounded,
 * however long the logs are.
 */
import { EXCEPTION_USES_MAX, LOG_BAD_NAMED_MAX, LOG_CHANGES_MAX } from '../constants.js';
import { type ChangeLine, readLogLine, type UseLine } from './log-line.js';

/** How often an exception spoke for one caller. */
export interface ExceptionUse {
  readonly environment: string | null;
  readonly rollout: string | null;
  readonly exception: string;
  /** Null for callers that could not be read. */
  readonly caller: string | null;
  /** Requests that it let pass. */
  readonly allowed: number;
  /** Requests in shadow, which passed anyway. */
  readonly inShadow: number;
  readonly first: string;
  readonly last: string;
}

export interface LogAccount {
  /** Not empty; the sum of those that follow. */
  readonly lines: number;
  readonly changes: number;
  /** Decisions for which an exception spoke. */
  readonly uses: number;
  /** Other decisions, program messages. */
  readonly other: number;
  /** Outside the interval that was asked for. */
  readonly outside: number;
  readonly bad: number;
  /** The first of them: `file:line: why`. */
  readonly badLines: readonly string[];
  /** Change lines beyond LOG_CHANGES_MAX, which are not looked at. */
  readonly changesLeftOut: number;
}

/** Milliseconds; `toMs` is the first moment after it. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

const EVER: Interval = { fromMs: -Infinity, toMs: Infinity };

export const OTHER_CALLERS = '(further callers)';

type Counted = { -readonly [K in keyof ExceptionUse]: ExceptionUse[K] };

export class LogFacts {
  /** In the order of the logs; a line that two logs have is there once. */
  readonly changes: ChangeLine[] = [];
  readonly #seen = new Set<string>();
  readonly #uses = new Map<string, Counted>();
  readonly #badLines: string[] = [];
  readonly #counts = { changes: 0, uses: 0, other: 0, outside: 0, bad: 0, changesLeftOut: 0 };

  /** Of uses; change lines count whenever they were written: one before may be what runs in it. */
  constructor(private readonly interval: Interval = EVER) {}

  /** `number` counts from 1. */
  line(file: string, number: number, text: string): void {
    if (text.trim() === '') return;
    const line = readLogLine(text);
    if (line.kind === 'bad') this.#bad(`${file}:${number}: ${line.why}`);
    else if (line.kind === 'other') this.#counts.other += 1;
    else if (line.kind === 'change') this.#change(line);
    else this.#use(line);
  }

  uses(): readonly ExceptionUse[] {
    return [...this.#uses].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, use]) => use);
  }

  account(): LogAccount {
    const { changes, uses, other, outside, bad } = this.#counts;
    const lines = changes + uses + other + outside + bad;
    return { lines, ...this.#counts, badLines: this.#badLines };
  }

  #bad(example: string): void {
    this.#counts.bad += 1;
    if (this.#badLines.length < LOG_BAD_NAMED_MAX) this.#badLines.push(example);
  }

  #change(line: ChangeLine): void {
    this.#counts.changes += 1;
    if (this.#seen.has(line.text)) return;
    if (this.changes.length >= LOG_CHANGES_MAX) {
      this.#counts.changesLeftOut += 1;
      return;
    }
    this.#seen.add(line.text);
    this.changes.push(line);
  }

  #use(line: UseLine): void {
    const { atMs } = line;
    if (atMs < this.interval.fromMs || atMs >= this.interval.toMs) {
      this.#counts.outside += 1;
      return;
    }
    this.#counts.uses += 1;
    const { environment, rollout, exception } = line;
    const keyFor = (caller: string | null) =>
      JSON.stringify([environment, rollout, exception, caller]);
    const isRoom = this.#uses.size < EXCEPTION_USES_MAX || this.#uses.has(keyFor(line.caller));
    const caller = isRoom ? line.caller : OTHER_CALLERS;
    const at = new Date(atMs).toISOString();
    const fresh = { environment, rollout, exception, caller, allowed: 0, inShadow: 0 };
    const use = this.#uses.get(keyFor(caller)) ?? { ...fresh, first: at, last: at };
    if (line.enforced) use.allowed += 1;
    else use.inShadow += 1;
    if (at < use.first) use.first = at;
    if (at > use.last) use.last = at;
    this.#uses.set(keyFor(caller), use);
  }
}
