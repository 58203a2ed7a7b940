/** Answers of the engine, remembered by all that they follow from (preparations.ts, context-plan.ts). */
import { BoundedCache } from '../bounded-cache.js';
import { REMEMBERED_BYTES_MAX, REMEMBERED_KEY_CHARS_MAX, REMEMBERED_MAX } from '../constants.js';
import type { Evaluation } from './types.js';

export type Answered = Extract<Evaluation, { kind: 'answered' }>;

/** An entry, an answer and its lists, beside their texts. */
const ENTRY_BYTES = 300;

export class EvaluationMemory {
  readonly #cache = new BoundedCache<Answered>({
    entriesMax: REMEMBERED_MAX,
    bytesMax: REMEMBERED_BYTES_MAX,
  });

  get(key: string): Answered | undefined {
    return this.#cache.get(key);
  }

  set(key: string, answer: Answered): void {
    if (key.length > REMEMBERED_KEY_CHARS_MAX) return;
    this.#cache.set(key, answer, bytesOf(key, answer));
  }

  get size(): number {
    return this.#cache.size;
  }
}

/** V8 takes two bytes for each character of a text that has one of these. */
const WIDE = /[\u0100-\uffff]/;

function bytesOf(key: string, { satisfied, errored }: Answered): number {
  let bytes = ENTRY_BYTES + key.length * (WIDE.test(key) ? 2 : 1);
  for (const id of satisfied) bytes += id.length;
  for (const { policy, message } of errored) bytes += policy.length + message.length;
  return bytes;
}
