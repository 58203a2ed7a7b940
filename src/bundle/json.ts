/**
 * The one reader of JSON that people or other programs may have written: strict UTF-8 without a byte
 * order mark, no duplicate keys, integers within 2^53, bounded depth. White space is free. So the
 * bytes mean the same to every reader, whatever it does with duplicates or long numbers.
 */
import { type JsonNode, parseJsonSource } from '../cedar/json-source.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Plain values; objects have no prototype, so that no key means more than it says. Problem codes:
 * `not_utf8`, `json_invalid`.
 */
export function readJson(file: string, bytes: Uint8Array): Result<unknown> {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return failed(problem('not_utf8', 'the file is not valid UTF-8', { file }));
  }
  const root = parseJsonSource({ file, text });
  return root.ok ? ok(plain(root.value)) : root;
}

/** INVARIANT: the parser has bounded the depth. */
function plain({ value }: JsonNode): unknown {
  if (value instanceof Map) {
    const object: Record<string, unknown> = Object.create(null);
    for (const [key, node] of value as ReadonlyMap<string, JsonNode>) object[key] = plain(node);
    return object;
  }
  return Array.isArray(value) ? (value as readonly JsonNode[]).map(plain) : value;
}
