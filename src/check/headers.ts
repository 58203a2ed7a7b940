/**
 * Request headers as Envoy sends them: raw (`header_map`, with encode_raw_headers: every copy, exact
 * bytes) or as a map (duplicates joined with `,`, invalid UTF-8 already turned into `!`). They stay
 * where they stand in the message, and only names that somebody asks for are ever looked at.
 */
import { isUtf8 } from 'node:buffer';

export interface RequestHeaders {
  readonly form: 'raw' | 'map';
  readonly fields: HeaderFields;
}

/** Where the name and the value of one header stand in the message: four positions each. */
const SPAN = 4;

export class HeaderFields {
  readonly #message: Buffer;
  readonly #spans: number[] = [];

  constructor(message: Buffer) {
    this.#message = message;
  }

  get size(): number {
    return this.#spans.length / SPAN;
  }

  add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    this.#spans.push(nameStart, nameEnd, valueStart, valueEnd);
  }

  /** Views of the values of this name, in the order of the message. */
  values(name: string): Buffer[] {
    return this.#find(name).map((at) => this.#view(at));
  }

  /** The same as texts; undefined for one that is not UTF-8. */
  texts(name: string): (string | undefined)[] {
    return this.#find(name).map((at) => {
      const text = this.#message.toString('utf8', this.#spans[at + 2], this.#spans[at + 3]);
      // Only what has this character can have been something else: most need no second look.
      return !text.includes(REPLACEMENT) || isUtf8(this.#view(at)) ? text : undefined;
    });
  }

  /** The same of the last one, with whatever is not UTF-8 replaced. */
  lastText(name: string): string | undefined {
    const wanted = bytesOf(name);
    for (let at = this.#spans.length - SPAN; at >= 0; at -= SPAN) {
      if (!this.#isNamed(at, wanted)) continue;
      return this.#message.toString('utf8', this.#spans[at + 2], this.#spans[at + 3]);
    }
    return undefined;
  }

  /** Where the spans of this name are. */
  #find(name: string): number[] {
    const wanted = bytesOf(name);
    const found: number[] = [];
    for (let at = 0; at < this.#spans.length; at += SPAN) {
      if (this.#isNamed(at, wanted)) found.push(at);
    }
    return found;
  }

  #isNamed(at: number, wanted: Buffer): boolean {
    const start = this.#spans[at] as number;
    if ((this.#spans[at + 1] as number) - start !== wanted.length) return false;
    return sameBytes(this.#message, start, wanted);
  }

  #view(at: number): Buffer {
    return this.#message.subarray(this.#spans[at + 2], this.#spans[at + 3]);
  }
}

/** What a decoder puts where bytes are not UTF-8. */
const REPLACEMENT = '\ufffd';

export const NO_HEADERS: RequestHeaders = {
  form: 'map',
  fields: new HeaderFields(Buffer.alloc(0)),
};

/**
 * All copies of one header, undefined for one that is not UTF-8; in map form at most one, joined by
 * Envoy.
 */
export function headerCopies(
  { form, fields }: RequestHeaders,
  name: string,
): readonly (string | undefined)[] {
  if (form === 'raw') return fields.texts(name);
  // A key of a protobuf map that comes twice has the last value.
  const text = fields.lastText(name);
  return text === undefined ? [] : [text];
}

/** The value of a header that has exactly one readable copy; for ids that only label a log line. */
export function singleHeader(headers: RequestHeaders, name: string): string | undefined {
  if (headers.form === 'map') return headers.fields.lastText(name);
  const copies = headers.fields.texts(name);
  return copies.length === 1 ? copies[0] : undefined;
}

/** Names come from schemas and from this program, never from requests, so they are few. */
const namesSeen = new Map<string, Buffer>();
const NAMES_SEEN_MAX = 1_000;

function bytesOf(name: string): Buffer {
  const known = namesSeen.get(name);
  if (known !== undefined) return known;
  const bytes = Buffer.from(name);
  if (namesSeen.size < NAMES_SEEN_MAX) namesSeen.set(name, bytes);
  return bytes;
}

function sameBytes(message: Buffer, start: number, wanted: Buffer): boolean {
  for (let index = 0; index < wanted.length; index += 1) {
    if (message[start + index] !== wanted[index]) return false;
  }
  return true;
}
