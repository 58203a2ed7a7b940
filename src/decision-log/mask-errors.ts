/**
 * Keeps masked values out of error messages. Messages that cedargate wrote never quote a value, but
 * those of the engine do: `invalid IP address: <the header>`, `overflow while attempting to add the
 * values <the claim> and ...`. Of those only the parts known to be free of values are kept.
 */
import type { CheckError } from '../check/types.js';

/** Codes of errors whose message was written by the engine or the runtime. */
const FOREIGN_CODES: ReadonlySet<string> = new Set([
  'policy_evaluation',
  'engine_refused',
  'internal_fault',
]);

/**
 * Beginnings of engine messages that hold names from policy, schema and entities at most; what
 * follows a match that is not the whole message is cut. Seen with cedar-wasm 4.13.
 */
const VALUE_FREE = [
  /^type error: expected [\w ,`[\]()]+, got [\w `()]+$/,
  /^record does not have the attribute `[^`]*`$/,
  /^`[A-Za-z_:]+::"[^"`]*"` does not have the attribute `[^`]*`$/,
  /^entity `[A-Za-z_:]+::"[^"`]*"` does not exist$/,
  /^integer overflow while attempting to (?:add|subtract|multiply|negate)/,
  /^error while evaluating `\w+` extension function/,
] as const;

const REST_MASKED = ': [masked]';

/**
 * The errors with every message that could quote one of the `hidden` values cut. `hidden` holds
 * values of the Cedar context: texts, numbers, sets and records.
 */
export function maskErrors(
  errors: readonly CheckError[],
  hidden: readonly unknown[],
): readonly CheckError[] {
  if (errors.length === 0) return errors;
  const texts: string[] = [];
  for (const value of hidden) collectTexts(value, texts);
  return errors.map((error) => {
    const message = maskMessage(error, texts);
    return message === error.message ? error : { ...error, message };
  });
}

function maskMessage({ code, message }: CheckError, hidden: readonly string[]): string {
  const kept = FOREIGN_CODES.has(code) ? valueFreePart(message) : message;
  // Twice is better than sorry: no message may hold a hidden text, whoever wrote it.
  return hidden.some((text) => kept.includes(text)) ? '[masked]' : kept;
}

function valueFreePart(message: string): string {
  for (const pattern of VALUE_FREE) {
    const match = pattern.exec(message)?.[0];
    if (match === message) return message;
    if (match !== undefined) return `${match}${REST_MASKED}`;
  }
  return '[masked]';
}

/** Shorter texts are found in any message by chance and give nothing away. */
const TEXT_CHARS_MIN = 4;

function collectTexts(value: unknown, texts: string[]): void {
  if (typeof value === 'string') {
    if (value.length >= TEXT_CHARS_MIN) texts.push(value);
  } else if (typeof value === 'number') {
    collectTexts(String(value), texts);
  } else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) collectTexts(inner, texts);
  }
}
