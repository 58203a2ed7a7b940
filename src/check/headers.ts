/**
 * Request headers as Envoy sends them: raw (`header_map`, with encode_raw_headers: every copy, exact
 * bytes) or as a map (duplicates joined with `,`, invalid UTF-8 already turned into `!`). Only names
 * that somebody asks for are ever looked at, so ten thousand headers cost one pass.
 */
import { isUtf8 } from 'node:buffer';

export interface RawHeader {
  readonly key: string;
  readonly value: Uint8Array;
}

/** One copy of a header; `text` is undefined when its bytes are not UTF-8. */
export interface HeaderCopy {
  readonly text: string | undefined;
}

export type RequestHeaders =
  | { readonly form: 'raw'; readonly list: readonly RawHeader[] }
  | { readonly form: 'map'; readonly map: ReadonlyMap<string, string> };

/** All copies of one header; in map form at most one, joined by Envoy. */
export function headerCopies(headers: RequestHeaders, name: string): HeaderCopy[] {
  if (headers.form === 'map') {
    const text = headers.map.get(name);
    return text === undefined ? [] : [{ text }];
  }
  const copies: HeaderCopy[] = [];
  for (const { key, value } of headers.list) {
    if (key === name) copies.push({ text: decodeUtf8(value) });
  }
  return copies;
}

/** The bytes of every copy of a header, raw form only. */
export function rawHeaderValues(
  headers: Extract<RequestHeaders, { form: 'raw' }>,
  name: string,
): Uint8Array[] {
  return headers.list.filter(({ key }) => key === name).map(({ value }) => value);
}

/** The value of a header that has exactly one readable copy; for ids that only label a log line. */
export function singleHeader(headers: RequestHeaders, name: string): string | undefined {
  const copies = headerCopies(headers, name);
  return copies.length === 1 ? copies[0]?.text : undefined;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
    : undefined;
}
