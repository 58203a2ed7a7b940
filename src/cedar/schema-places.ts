/** Where in a schema's text something is declared: best effort, for the places of problems. */
import type { Place } from '../errors.js';
import { placeAt, type TextFile } from './position.js';
import { nameOf, type Token, tokensOf } from './tokens.js';

export type Declaration = 'entity' | 'action';

export class SchemaPlaces {
  readonly #tokens: readonly Token[];

  constructor(private readonly source: TextFile) {
    this.#tokens = [...tokensOf(source.text)];
  }

  /**
   * Where `name` is declared or, with a path, the attribute at its end. An attribute that comes from
   * a common type is looked for in the whole file; the declaration is named when nothing is found.
   */
  of(declaration: Declaration, name: string, path: readonly string[] = []): Place {
    const bounds = this.#declarationOf(declaration, name);
    if (bounds === undefined) return { file: this.source.file };
    const inside = this.#follow(bounds.name, bounds.end, path);
    const last = path.at(-1);
    const found = inside ?? (last === undefined ? undefined : this.#attribute(last));
    return placeAt(this.source, this.#tokens[found ?? bounds.name]?.index ?? 0);
  }

  namespace(name: string): Place {
    const found = this.#tokens.find((token, index) => {
      return name.startsWith(token.text) && this.#tokens[index - 1]?.text === 'namespace';
    });
    return found === undefined ? { file: this.source.file } : placeAt(this.source, found.index);
  }

  /** Indexes of tokens: the declared name, and the end of the statement. */
  #declarationOf(declaration: Declaration, name: string) {
    let keyword = false;
    for (const [index, token] of this.#tokens.entries()) {
      const previous = this.#tokens[index - 1]?.text;
      const begins = previous === undefined || [';', '}', ')', '{'].includes(previous);
      if (token.text === declaration && begins) keyword = true;
      else if (['in', 'appliesTo', '{', '=', ';', 'enum', 'tags'].includes(token.text)) {
        keyword = false;
      } else if (keyword && nameOf(token) === name) {
        return { name: index, end: this.#endOf(index) };
      }
    }
    return undefined;
  }

  #endOf(from: number): number {
    const end = this.#tokens.findIndex(({ text }, index) => index > from && text === ';');
    return end === -1 ? this.#tokens.length : end;
  }

  #follow(from: number, end: number, path: readonly string[]): number | undefined {
    let at = from;
    for (const step of path) {
      const next = this.#tokens.findIndex(
        (token, index) => index > at && index < end && nameOf(token) === step && this.#isKey(index),
      );
      if (next === -1) return undefined;
      at = next;
    }
    return path.length === 0 ? undefined : at;
  }

  #attribute(name: string): number | undefined {
    const found = this.#tokens.findIndex(
      (token, index) => nameOf(token) === name && this.#isKey(index),
    );
    return found === -1 ? undefined : found;
  }

  /** Whether `:` or `?:` follows. */
  #isKey(index: number): boolean {
    const next = this.#tokens[index + 1]?.text;
    return next === ':' || (next === '?' && this.#tokens[index + 2]?.text === ':');
  }
}
