/** Answers of the engine, remembered by all that they follow from (preparations.ts, context-plan.ts). */
import { BoundedCache } from '../bounded-cache.js';
import {
  REMEMBERED_ANSWERS_MAX,
  REMEMBERED_BYTES_MAX,
  REMEMBERED_KEY_BYTES_MAX,
  REMEMBERED_MAX,
} from '../constants.js';
import type { Evaluation } from './types.js';

export type Answered = Extract<Evaluation, { kind: 'answered' }>;

/** An entry, beside its key. */
const ENTRY_BYTES = 150;

export class EvaluationMemory {
  readonly #byKey = new BoundedCache<Answered>({
    entriesMax: REMEMBERED_MAX,
    bytesMax: REMEMBERED_BYTES_MAX,
  });
  /** By what they say: many questions have the same answer, and one object serves them all. */
  readonly #answers = new BoundedCache<Answered>({
    entriesMax: REMEMBERED_ANSWERS_MAX,
    bytesMax: REMEMBERED_BYTES_MAX,
  });

  get(key: string): Answered | undefined {
    return this.#byKey.get(key);
  }

  set(key: string, answer: Answered): void {
    const said = JSON.stringify(answer);
    if (bytesOf(key) > REMEMBERED_KEY_BYTES_MAX || bytesOf(said) > REMEMBERED_BYTES_MAX) return;
    let shared = this.#answers.get(said);
    if (shared === undefined) {
      shared = answer;
      this.#answers.set(said, answer, 2 * bytesOf(said));
    }
    this.#byKey.set(key, shared, ENTRY_BYTES + bytesOf(key));
  }

  get size(): number {
    return this.#byKey.size;
  }
}

/** V8 takes two bytes for each character of a text that has one of these. */
const WIDE = /[\u0100-\uffff]/;

function bytesOf(text: string): number {
  return text.length * (WIDE.test(text) ? 2 : 1);
}
