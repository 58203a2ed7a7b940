/** From the bytes of Envoy to the facts that the later steps read. Nothing is judged here yet. */
import { REQUEST_BYTES_MAX } from '../constants.js';
import type { JsonObject } from './claims.js';
import type { DestinationFacts } from './destination.js';
import type { RequestHeaders } from './headers.js';
import type { IdentitySource } from './identity.js';
import { type Stop, stop } from './stop.js';
import { fromStruct } from './struct.js';
import type { TargetFacts } from './target.js';
import {
  type AttributeContextMessage,
  decodeCheckRequest,
  type HttpRequestMessage,
} from './wire.js';

/** Where Envoy's jwt_authn filter puts the payloads of tokens it verified. */
const JWT_NAMESPACE = 'envoy.filters.http.jwt_authn';

export interface RequestFacts extends TargetFacts, IdentitySource, DestinationFacts {
  /** Address of the peer; undefined for pipes. */
  readonly sourceAddress: string | undefined;
  /** Claims of the verified token under this payload name; undefined without a token. */
  readonly claims: (payload: string) => JsonObject | undefined;
}

export function readRequest(message: Uint8Array): RequestFacts | Stop {
  if (message.byteLength > REQUEST_BYTES_MAX) {
    return stop('request_too_large', 'request_too_large', 'the message is larger than the limit');
  }
  const attributes = decodeCheckRequest(message)?.attributes;
  if (attributes === undefined) return undecodable('the message has no readable attributes');
  const { source, request } = attributes;
  if (request === undefined) {
    // Only the TCP filter sends no request; it always says who is at the other end.
    return source === undefined
      ? undecodable('the message has neither source nor request')
      : { protocol: 'tcp', method: '', path: '', headers: NO_HEADERS, ...peers(attributes) };
  }
  const { http } = request;
  if (http === undefined) return undecodable('the request has no http part');
  if (!http.method) return undecodable('the request has no method');
  return {
    protocol: 'http',
    method: http.method,
    path: http.path ?? '',
    headers: headersOf(http),
    ...peers(attributes),
  };
}

const NO_HEADERS: RequestHeaders = { form: 'map', map: new Map() };
const NO_BYTES = new Uint8Array();
const NO_EXTENSIONS: ReadonlyMap<string, string> = new Map();

function headersOf(http: HttpRequestMessage): RequestHeaders {
  if (http.header_map === undefined) {
    return http.headers === undefined ? NO_HEADERS : { form: 'map', map: http.headers };
  }
  const list = (http.header_map.headers ?? []).map(({ key = '', value, raw_value }) => ({
    key,
    value: raw_value ?? (value === undefined ? NO_BYTES : Buffer.from(value)),
  }));
  return { form: 'raw', list };
}

function peers(attributes: AttributeContextMessage) {
  const { source, destination, context_extensions, metadata_context } = attributes;
  return {
    principal: source?.principal ?? '',
    certificate: source?.certificate ?? '',
    sourceAddress: source?.address?.socket_address?.address,
    destinationPrincipal: destination?.principal ?? '',
    contextExtensions: context_extensions ?? NO_EXTENSIONS,
    claims(payload: string): JsonObject | undefined {
      const struct = metadata_context?.filter_metadata?.get(JWT_NAMESPACE);
      const value = struct === undefined ? undefined : fromStruct(struct)[payload];
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as JsonObject)
        : undefined;
    },
  };
}

function undecodable(message: string): Stop {
  return stop('request_undecodable', 'request_undecodable', message);
}
