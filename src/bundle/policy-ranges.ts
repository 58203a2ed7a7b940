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
  let at: Position = { byte: bytes.length - Buffer.byteLength(text, 'utf8'), index: 0, line: 1 };
  for (const { start, end, ...policy } of policies) {
    const place = `the policy \`${policy.id}\` in \`${name}\``;
    const begin = moveTo(at, start, bytes);
    const finish = begin && moveTo(begin, end, bytes);
    if (begin === undefined || finish === undefined) {
      return refuse(`${place} has a range that is not in the file, not whole, or not its own`);
    }
    const body = text.slice(begin.index, finish.index);
    if (skipBlank(text, at.index) !== begin.index || endOfPolicy(body) !== body.length) {
      return refuse(`${place} does not begin and end where a policy of the file does`);
    }
    if (policy.line !== begin.line) return refuse(`${place} begins on line ${begin.line}`);
    cut.push({ ...policy, text: body } as PolicySource);
    at = finish;
  }
  return skipBlank(text, at.index) === text.length
    ? ok(cut)
    : refuse(`\`${name}\` holds text that belongs to no policy of the index`);
}

interface Position {
  readonly byte: number;
  /** UTF-16 index in the text without a byte order mark. */
  readonly index: number;
  readonly line: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Forward to a byte; undefined when it lies behind, beyond the end or within a character. */
function moveTo(from: Position, byte: number, bytes: Uint8Array): Position | undefined {
  if (byte < from.byte || byte > bytes.length) return undefined;
  let passed: string;
  try {
    passed = utf8.decode(bytes.subarray(from.byte, byte));
  } catch {
    return undefined;
  }
  const lines = passed.split('\n').length - 1;
  return { byte, index: from.index + passed.length, line: from.line + lines };
}

function refuse(message: string): Failed {
  return failed(problem('index_invalid', message, { file: INDEX_FILE }));
}
