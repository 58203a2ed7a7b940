/** The engine's errors as problems: its byte offsets become places in the file that people edit. */
import type { DetailedError } from '@cedar-policy/cedar-wasm/nodejs';
import { type ErrorCode, type Problem, problem } from '../errors.js';
import { indexOfByte, placeAt, type TextFile } from './position.js';

/** A stretch of a file that the engine was given as a text of its own, from `start` on. */
export interface Excerpt {
  readonly source: TextFile;
  /** UTF-16 index of its first character in the file. */
  readonly start: number;
  readonly text: string;
}

/** Causes that the engine puts before the message, which say nothing to the reader. */
const PREFIXES = [
  /^failed to parse schema from string: /,
  /^error parsing schema: /,
  /^for policy `[^`]*`, /,
  /^error while evaluating policy `[^`]*`: /,
];

export function plainMessage(error: Pick<DetailedError, 'message'>): string {
  return PREFIXES.reduce((message, prefix) => message.replace(prefix, ''), error.message);
}

/** Why a request is not taken, without the context, which the engine prints whole: it is a client's. */
export function refusalOf(error: Pick<DetailedError, 'message'>): string {
  return plainMessage(error).replace(/^context `.*` is not valid/s, 'the context is not valid');
}

export function problemAt(code: ErrorCode, error: DetailedError, excerpt: Excerpt): Problem {
  const location = error.sourceLocations?.[0];
  const label = location?.label;
  const message = label ? `${plainMessage(error)}: ${label}` : plainMessage(error);
  const help = error.help === null ? {} : { help: error.help };
  const index = excerpt.start + indexOfByte(excerpt.text, location?.start ?? 0);
  const place =
    location === undefined ? { file: excerpt.source.file } : placeAt(excerpt.source, index);
  return problem(code, message, { ...place, ...help });
}

export function wholeFile(source: TextFile): Excerpt {
  return { source, start: 0, text: source.text };
}
