/**
 * JSON as people write it into a file: strict, with the place of every value, and without what
 * JSON.parse passes over in silence (duplicate keys, numbers that lose digits).
 */
import { JSON_DEPTH_MAX } from '../constants.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { placeAt, type TextFile } from './position.js';

export interface JsonNode {
  readonly value: JsonScalar | readonly JsonNode[] | ReadonlyMap<string, JsonNode>;
  /** UTF-16 index in the text. */
  readonly index: number;
}

export type JsonScalar = string | number | boolean | null;

export function parseJsonSource(source: TextFile): Result<JsonNode> {
  try {
    return ok(new Reader(source).document());
  } catch (thrown) {
    if (thrown instanceof JsonFault) return failed(thrown.problem);
    throw thrown;
  }
}

class JsonFault extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

const SPACE = /[\t\n\r ]*/y;
const WORD = /[^\t\n\r ,:[\]{}"]+/y;
const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const WORDS: ReadonlyMap<string, JsonScalar> = new Map<string, JsonScalar>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

class Reader {
  #index = 0;

  constructor(private readonly source: TextFile) {}

  document(): JsonNode {
    const node = this.#value(0);
    if (this.#peek() !== undefined) this.#fail('text after the end of the JSON value');
    return node;
  }

  #value(depth: number): JsonNode {
    const first = this.#peek();
    const index = this.#index;
    if (depth > JSON_DEPTH_MAX) this.#fail(`values are nested more than ${JSON_DEPTH_MAX} deep`);
    if (first === undefined) return this.#fail('the JSON ends too early');
    if (first === '{') return { index, value: this.#object(depth) };
    if (first === '[') return { index, value: this.#array(depth) };
    return { index, value: first === '"' ? this.#string() : this.#word() };
  }

  #object(depth: number): ReadonlyMap<string, JsonNode> {
    const fields = new Map<string, JsonNode>();
    this.#index += 1;
    if (this.#skip('}')) return fields;
    do {
      if (this.#peek() !== '"') this.#fail('expected a key in double quotes');
      const index = this.#index;
      const key = this.#string();
      if (fields.has(key)) this.#fail(`the key \`${key}\` appears twice`, index);
      if (!this.#skip(':')) this.#fail('expected `:` after a key');
      fields.set(key, this.#value(depth + 1));
    } while (this.#skip(','));
    if (!this.#skip('}')) this.#fail('expected `,` or `}`');
    return fields;
  }

  #array(depth: number): readonly JsonNode[] {
    const elements: JsonNode[] = [];
    this.#index += 1;
    if (this.#skip(']')) return elements;
    do elements.push(this.#value(depth + 1));
    while (this.#skip(','));
    if (!this.#skip(']')) this.#fail('expected `,` or `]`');
    return elements;
  }

  #string(): string {
    const { text } = this.source;
    let end = this.#index + 1;
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    const literal = text.slice(this.#index, end + 1);
    let value: unknown;
    try {
      value = JSON.parse(literal);
    } catch {
      return this.#fail('a string is not closed, or has a character or escape that is not allowed');
    }
    // Half of a surrogate pair, which the engine cannot take.
    if (/\p{Surrogate}/u.test(value as string)) this.#fail('a string is not valid Unicode');
    this.#index = end + 1;
    return value as string;
  }

  #word(): JsonScalar {
    WORD.lastIndex = this.#index;
    const word = WORD.exec(this.source.text)?.[0] ?? this.source.text.charAt(this.#index);
    const known = WORDS.get(word);
    if (known === undefined && !INTEGER.test(word)) {
      const what = /^-?[\d.]/.test(word)
        ? 'is no integer, and Cedar has no other numbers'
        : 'is no JSON';
      this.#fail(`\`${word.slice(0, 40)}\` ${what}`);
    }
    const value = known === undefined ? Number(word) : known;
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      this.#fail(`\`${word.slice(0, 40)}\` is too large: numbers go to 2^53`);
    }
    this.#index += word.length;
    // There is no negative zero in Cedar.
    return value === 0 ? 0 : value;
  }

  #peek(): string | undefined {
    SPACE.lastIndex = this.#index;
    this.#index += SPACE.exec(this.source.text)?.[0].length ?? 0;
    return this.source.text[this.#index];
  }

  #skip(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#index += 1;
    return true;
  }

  #fail(message: string, index = this.#index): never {
    throw new JsonFault(problem('json_invalid', message, placeAt(this.source, index)));
  }
}
