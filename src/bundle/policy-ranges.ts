/**
 * Policies cut out of their files by the ranges of an index. The ranges must leave nothing but blank
 * space and comments, so that no index can drop a policy, add one or take one out of a comment; and each
 * must hold one policy, since the engine names those of a text by their places.
 */
import { endOfPolicy, skipBlank } from '../cedar/tokens.js';
import type { PolicySource } from '../cedar/types.js';
import { problem } from '../errors.js';
import { type Failed, failed, ok, type Result } from '../result.js';
import type { IndexedPolicy } from './index-file.js';
import { compareBytewise, INDEX_FILE, isPolicyFile } from './names.js';
import { decodeText } from './text.js';

/** In the order of the index, which must be that of files and, in a file, of the text. */
export function cutPolicies(
  policies: readonly IndexedPolicy[],
  files: ReadonlyMap<string, Uint8Array>,
): Result<PolicySource[]> {
  const names = [...files.keys()].filter(isPolicyFile).sort(compareBytewise);
  const cut: PolicySource[] = [];
  for (const name of names) {
    const here: IndexedPolicy[] = [];
    for (
      let next = policies[cut.length];
      next?.file === name;
      next = policies[cut.length + here.length]
    ) {
      here.push(next);
    }
    const result = cutFile(name, files.get(name) ?? new Uint8Array(), here);
    if (!result.ok) return result;
    cut.push(...result.value);
  }
  const rest = policies[cut.length];
  return rest === undefined
    ? ok(cut)
    : refuse(`the policy \`${rest.id}\` is in no policy file, or out of order`);
}

function cutFile(
  name: string,
  bytes: Uint8Array,
  policies: readonly IndexedPolicy[],
): Result<PolicySource[]> {
  const whole = decodeText({ name, bytes });
  if (!whole.ok) return whole;
  const { text } = whole.value;
  const cut: PolicySource[] = [];
  const length = Buffer.byteLength(text, 'utf8');
  const file = { bytes, text, isAscii: length === text.length };
  let at: Position = { byte: bytes.length - length, index: 0, line: 1 };
  for (const policy of policies) {
    const { id, start, end, line } = policy;
    const refusal = (why: string) => refuse(`the policy \`${id}\` in \`${name}\` ${why}`);
    const begin = moveTo(at, start, file);
    const finish = begin && moveTo(begin, end, file);
    if (begin === undefined || finish === undefined) {
      return refusal('has a range that is not in the file, not whole, or not its own');
    }
    const body = text.slice(begin.index, finish.index);
    if (skipBlank(text, at.index) !== begin.index || endOfPolicy(body) !== body.length) {
      return refusal('does not begin and end where a policy of the file does');
    }
    if (line !== begin.line) return refusal(`begins on line ${begin.line}`);
    cut.push(sourceOf(policy, body));
    at = finish;
  }
  return skipBlank(text, at.index) === text.length
    ? ok(cut)
    : refuse(`\`${name}\` holds text that belongs to no policy of the index`);
}

/** Field by field: objects made by leaving some out take ten times as long, of ten thousand policies. */
function sourceOf(policy: IndexedPolicy, text: string): PolicySource {
  const { id, effect, owner, description, file, line, scope, reads } = policy;
  return { id, effect, owner, description, text, file, line, scope, reads } as PolicySource;
}

interface FileText {
  readonly bytes: Uint8Array;
  /** Without a byte order mark. */
  readonly text: string;
  /** Each of its characters is one byte. */
  readonly isAscii: boolean;
}

interface Position {
  readonly byte: number;
  /** UTF-16 index in the text without a byte order mark. */
  readonly index: number;
  readonly line: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Forward to a byte; undefined when it lies behind, beyond the end or within a character. */
function moveTo(from: Position, byte: number, file: FileText): Position | undefined {
  const { bytes, text, isAscii } = file;
  if (byte < from.byte || byte > bytes.length) return undefined;
  const passed = isAscii ? byte - from.byte : charactersOf(bytes.subarray(from.byte, byte));
  if (passed === undefined) return undefined;
  const index = from.index + passed;
  const between = text.slice(from.index, index);
  let { line } = from;
  for (let at = between.indexOf('\n'); at >= 0; at = between.indexOf('\n', at + 1)) line += 1;
  return { byte, index, line };
}

/** How many, as text counts them; undefined when they begin or end within one. */
function charactersOf(bytes: Uint8Array): number | undefined {
  try {
    return utf8.decode(bytes).length;
  } catch {
    return undefined;
  }
}

function refuse(message: string): Failed {
  return failed(problem('index_invalid', message, { file: INDEX_FILE }));
}
