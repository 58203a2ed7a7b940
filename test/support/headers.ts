/** Request headers as they stand in a message, made from names and values. */
import { HeaderFields, type RequestHeaders } from '../../src/check/headers.js';

export function headersOf(
  form: RequestHeaders['form'],
  pairs: readonly (readonly [name: string, value: string | Uint8Array])[],
): RequestHeaders {
  const parts = pairs.flatMap(([name, value]) => [Buffer.from(name), Buffer.from(value as string)]);
  const fields = new HeaderFields(Buffer.concat(parts));
  let at = 0;
  for (let index = 0; index < parts.length; index += 2) {
    const [name, value] = [parts[index] as Buffer, parts[index + 1] as Buffer];
    const middle = at + name.length;
    fields.add(at, middle, middle, middle + value.length);
    at = middle + value.length;
  }
  return { form, fields };
}
