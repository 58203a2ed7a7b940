/** W3C trace context, read only to label log lines. */
import { type RequestHeaders, singleHeader } from './headers.js';

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;
const INVALID = '0'.repeat(32);

/** The trace id of `traceparent`, or undefined when there is none or it is malformed. */
export function traceIdOf(headers: RequestHeaders): string | undefined {
  const value = singleHeader(headers, 'traceparent');
  const id = value === undefined ? undefined : TRACEPARENT.exec(value)?.[1];
  return id === INVALID ? undefined : id;
}
