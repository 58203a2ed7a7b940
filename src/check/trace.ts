/** W3C trace context, read only to label log lines. */
import { type RequestHeaders, singleHeader } from './headers.js';

/** Ids of zeros and the version `ff` are invalid; versions to come may say more at the end. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;
const FIRST_VERSION = '00';

/** The trace id of `traceparent`, or undefined when there is none or it is malformed. */
export function traceIdOf(headers: RequestHeaders): string | undefined {
  const value = singleHeader(headers, 'traceparent');
  const [, version, id, more] = (value !== undefined && TRACEPARENT.exec(value)) || [];
  return version === FIRST_VERSION && more !== undefined ? undefined : id;
}
