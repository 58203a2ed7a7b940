/** What a sidecar's /status says about one document on its way. Pure. */
import { APPLY_WORDS_CHARS_MAX } from '../constants.js';
import { plainText } from './plain-text.js';

/** The document that is waited for. */
export interface Expected {
  /** Of the rollout. */
  readonly name: string;
  readonly sequence: number;
  /** Of the document. */
  readonly digest: string;
}

export interface Observation {
  /** It, or a later one, runs. */
  readonly hasArrived: boolean;
  /** What runs, and what is in the way, to be read after the name of the sidecar. */
  readonly words: string;
  /** Sequence that runs; null when none does, or nobody knows. */
  readonly sequence: number | null;
}

export function observe(status: unknown, expected: Expected): Observation {
  const running = documentOf(field(status, 'rollout'));
  const approved = documentOf(field(status, 'approved'));
  const sequence = running?.sequence ?? null;
  const say = (words: string, hasArrived = false) => ({ hasArrived, words, sequence });
  if (running !== undefined && running.name !== expected.name) {
    return say(`runs another rollout, ${quoted(running.name)}`);
  }
  if (running !== undefined && running.sequence >= expected.sequence) {
    // Two documents with one sequence: somebody works from another history.
    const isFork = running.sequence === expected.sequence && running.digest !== expected.digest;
    if (isFork) return say(`runs another document with sequence ${running.sequence}`);
    return say(`runs sequence ${running.sequence}`, true);
  }
  const runs = running === undefined ? 'runs no document' : `runs sequence ${running.sequence}`;
  if (approved?.name === expected.name && approved.sequence >= expected.sequence) {
    const why = field(field(status, 'lag'), 'reason');
    const reason = typeof why === 'string' ? `: ${plainText(why, APPLY_WORDS_CHARS_MAX)}` : '';
    return say(`has verified sequence ${approved.sequence}, and ${runs}${reason}`);
  }
  const refusal = field(field(status, 'last_refusal'), 'message');
  if (typeof refusal !== 'string') return say(runs);
  return say(`${runs}, and refused: ${plainText(refusal, APPLY_WORDS_CHARS_MAX)}`);
}

interface SeenDocument {
  readonly name: string;
  readonly sequence: number;
  readonly digest: unknown;
}

function documentOf(value: unknown): SeenDocument | undefined {
  const name = field(value, 'name');
  const sequence = field(value, 'sequence');
  if (typeof name !== 'string' || !Number.isSafeInteger(sequence)) return undefined;
  return { name, sequence: sequence as number, digest: field(value, 'digest') };
}

function field(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return isObject ? (value as Record<string, unknown>)[name] : undefined;
}

function quoted(text: string): string {
  return `\`${plainText(text, APPLY_WORDS_CHARS_MAX)}\``;
}
