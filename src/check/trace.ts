/** W3C trace context, read only to label log lines. */
import { type RequestHeaders, singleHeader } from './headers.js';

/** Ids of zeros and the version `ff` are invalid; versions to come may say more at the end. */
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;
const FIRST_VERSION = '00-';
/** `00-<32>-<16>-00` */
const FIRST_VERSION_CHARS = 55;
const ID_START = 3;
const ID_END = 35;

/** The trace id of `traceparent`, or undefined when there is none or it is malformed. */
export function traceIdOf(headers: RequestHeaders): string | undefined {
  const value = singleHeader(headers, 'traceparent');
  if (value === undefined || !TRACEPARENT.test(value)) return undefined;
  const tooLong = value.length > FIRST_VERSION_CHARS && value.startsWith(FIRST_VERSION);
  return tooLong ? undefined : value.slice(ID_START, ID_END);
}
