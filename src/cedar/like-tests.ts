/**
 * Cedar's `like`, one pattern or many of one text. Policies of one caller test the same path with tens
 * of patterns, of which few begin as the path does: so patterns are looked up by what they begin with
 * (ten thousand policies, 50 patterns for each caller: a fifth of a check, tried one by one).
 */
import type { LikePattern } from './types.js';

/** Many patterns, with the place that each has among them. */
export class LikeTests {
  /** By the text before the first wildcard. */
  readonly #byStart = new Map<
    string,
    { readonly place: number; readonly pattern: LikePattern }[]
  >();
  /** Of these texts, in UTF-16 units; each once. */
  readonly #lengths: readonly number[];

  constructor(patterns: readonly LikePattern[]) {
    for (const [place, pattern] of patterns.entries()) {
      const start = pattern[0] as string;
      const same = this.#byStart.get(start);
      if (same === undefined) this.#byStart.set(start, [{ place, pattern }]);
      else same.push({ place, pattern });
    }
    this.#lengths = [...new Set([...this.#byStart.keys()].map((start) => start.length))];
  }

  /** The places of those that `text` is like, always in the same order, each before a comma. */
  placesOf(text: string): string {
    let places = '';
    for (const length of this.#lengths) {
      if (length > text.length) continue;
      const candidates = this.#byStart.get(text.slice(0, length));
      if (candidates === undefined) continue;
      for (const { place, pattern } of candidates) if (isLike(text, pattern)) places += `${place},`;
    }
    return places;
  }
}

/** Both are well-formed, so that parts are found between whole characters only. */
export function isLike(text: string, pattern: LikePattern): boolean {
  const last = pattern.length - 1;
  const first = pattern[0] as string;
  if (last === 0) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (let index = 1; index < last; index += 1) {
    const part = pattern[index] as string;
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  const end = pattern[last] as string;
  return text.length - end.length >= at && text.endsWith(end);
}
