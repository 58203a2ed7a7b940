/** Text that a command is given by name, or on stdin. Bounded: a whole log is not one line. */
import { createReadStream } from 'node:fs';
import { systemErrorText } from '../bundle/system-error.js';
import { INPUT_BYTES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';

/** `-` is stdin. */
export async function readInput(
  name: string,
  stdin: NodeJS.ReadableStream,
): Promise<Result<string>> {
  const stream = name === '-' ? stdin : createReadStream(name);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      const buffer = Buffer.from(chunk as Uint8Array | string);
      bytes += buffer.length;
      if (bytes > INPUT_BYTES_MAX) {
        const message = `\`${name}\` has more than ${INPUT_BYTES_MAX} bytes`;
        return failed(problem('input_invalid', message));
      }
      chunks.push(buffer);
    }
  } catch (thrown) {
    return failed(
      problem('input_invalid', `\`${name}\` cannot be read: ${systemErrorText(thrown)}`),
    );
  }
  return ok(Buffer.concat(chunks).toString('utf8'));
}
