/** Text of a bundle's files: UTF-8, or refused with the line. */
import type { TextFile } from '../cedar/position.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import type { SourceFile } from './types.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const LINE_FEED = 0x0a;

/** A byte order mark at the start is dropped: editors write it unasked. */
export function decodeText(source: SourceFile): Result<TextFile> {
  const text = tryDecode(source.bytes);
  if (text !== undefined) return ok({ file: source.name, text });
  const line = firstBadLine(source.bytes);
  return failed(problem('not_utf8', 'the file is not valid UTF-8', { file: source.name, line }));
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A line feed is never part of a longer UTF-8 sequence, so lines can be judged one by one. */
function firstBadLine(bytes: Uint8Array): number {
  let start = 0;
  for (let line = 1; ; line += 1) {
    const end = bytes.indexOf(LINE_FEED, start);
    const part = bytes.subarray(start, end === -1 ? bytes.length : end);
    if (end === -1 || tryDecode(part) === undefined) return line;
    start = end + 1;
  }
}
