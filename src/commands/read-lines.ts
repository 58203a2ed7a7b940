/** Lines of logs: files plain or gzipped, or stdin, one after the other and never whole in memory. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { systemErrorText } from '../bundle/system-error.js';
import { READ_LINE_CHARS_MAX } from '../constants.js';
import { CedargateError, problem } from '../errors.js';

const GZIP = Buffer.from([0x1f, 0x8b]);

/**
 * `-` is stdin. A line longer than READ_LINE_CHARS_MAX comes cut: whoever parses it will find it
 * broken, and count it. Throws CedargateError (`input_invalid`) for what cannot be read.
 */
export async function* readLines(
  names: readonly string[],
  stdin: NodeJS.ReadableStream,
): AsyncGenerator<string> {
  for (const name of names) {
    try {
      yield* linesOf(name === '-' ? stdin : createReadStream(name));
    } catch (thrown) {
      const message = `\`${name}\` cannot be read: ${systemErrorText(thrown)}`;
      throw new CedargateError([problem('input_invalid', message)], { cause: thrown });
    }
  }
}

async function* linesOf(source: NodeJS.ReadableStream): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of unzipped(source)) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = (lines.pop() ?? '').slice(0, READ_LINE_CHARS_MAX);
    for (const line of lines) yield line.slice(0, READ_LINE_CHARS_MAX);
  }
  const last = rest + decoder.decode();
  if (last !== '') yield last;
}

/** By the first bytes, not by the name: stdin has none. */
async function* unzipped(source: NodeJS.ReadableStream): AsyncGenerator<Uint8Array> {
  const chunks = (async function* () {
    for await (const chunk of source) yield Buffer.from(chunk as Uint8Array | string);
  })();
  let head = Buffer.alloc(0);
  let ended = false;
  while (head.length < GZIP.length && !ended) {
    const next = await chunks.next();
    if (next.done === true) ended = true;
    else head = Buffer.concat([head, next.value]);
  }
  if (!head.subarray(0, GZIP.length).equals(GZIP)) {
    if (head.length > 0) yield head;
    yield* chunks;
    return;
  }
  const gunzip = createGunzip();
  const feeding = feed(gunzip, head, chunks);
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } finally {
    gunzip.destroy();
    await feeding;
  }
}

/** Never rejects: the reader of `gunzip` hears of what went wrong. */
async function feed(
  gunzip: ReturnType<typeof createGunzip>,
  head: Uint8Array,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const write = (bytes: Uint8Array) =>
    new Promise<void>((resolve) => {
      gunzip.write(bytes, () => resolve());
    });
  try {
    await write(head);
    for await (const chunk of chunks) {
      if (gunzip.destroyed) return;
      await write(chunk);
    }
    gunzip.end();
  } catch (thrown) {
    gunzip.destroy(thrown as Error);
  }
}
