/**
 * Answers of the engine, remembered by all that they follow from (preparations.ts, context-plan.ts): an
 * answer of twenty policies takes it 300 us.
 */
import { createHash } from 'node:crypto';
import { BoundedCache } from '../bounded-cache.js';
import { REMEMBERED_BYTES_MAX, REMEMBERED_KEY_BYTES_MAX, REMEMBERED_MAX } from '../constants.js';
import type { Evaluation } from './types.js';

export type Answered = Extract<Evaluation, { kind: 'answered' }>;

/** An entry, beside its key. */
const ENTRY_BYTES = 150;
const LIMITS = { entriesMax: REMEMBERED_MAX, bytesMax: REMEMBERED_BYTES_MAX };

interface Kept {
  /** Of what it says. */
  readonly digest: string;
  readonly answer: Answered;
}

export class EvaluationMemory {
  /**
   * Digests of answers. Not the answers themselves: of a thousand policies each may be another, and those
   * that had to leave would live on here, however much they weigh.
   */
  readonly #byKey = new BoundedCache<string>(LIMITS);
  /** Many questions have the same answer, and one object serves them all. */
  readonly #answers = new BoundedCache<Kept>(LIMITS);

  get(key: string): Answered | undefined {
    const digest = this.#byKey.get(key);
    return digest === undefined ? undefined : this.#answers.get(digest)?.answer;
  }

  set(key: string, answer: Answered): void {
    const said = JSON.stringify(answer);
    if (bytesOf(key) > REMEMBERED_KEY_BYTES_MAX) return;
    const digest = createHash('sha256').update(said).digest('base64');
    let kept = this.#answers.get(digest);
    if (kept === undefined) {
      kept = { digest, answer };
      this.#answers.set(digest, kept, ENTRY_BYTES + 2 * bytesOf(said));
    }
    // Of equal digests the one that is there already: it takes no room of its own.
    this.#byKey.set(key, kept.digest, ENTRY_BYTES + bytesOf(key));
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
