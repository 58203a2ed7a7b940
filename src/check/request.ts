/** From the bytes of Envoy to the facts that the later steps read. Nothing is judged here yet. */
import { REQUEST_BYTES_MAX } from '../constants.js';
import type { JsonObject } from './claims.js';
import type { DestinationFacts } from './destination.js';
import { NO_HEADERS, type RequestHeaders } from './headers.js';
import type { IdentitySource } from './identity.js';
import { type Stop, stop } from './stop.js';
import { fromStruct } from './struct.js';
import type { TargetFacts } from './target.js';
import { type CheckMessage, decodeCheckRequest } from './wire-request.js';

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
  const decoded = decodeCheckRequest(message);
  if (decoded === undefined) return undecodable('the message is no readable CheckRequest');
  const { hasSource, hasRequest, hasHttp, method } = decoded;
  if (!hasRequest) {
    // Only the TCP filter sends no request; it always says who is at the other end.
    return hasSource
      ? factsOf(decoded, 'tcp', '', '', NO_HEADERS)
      : undecodable('the message has neither source nor request');
  }
  if (!hasHttp) return undecodable('the request has no http part');
  if (!method) return undecodable('the request has no method');
  return factsOf(decoded, 'http', method, decoded.path ?? '', headersOf(decoded));
}

function headersOf({ headers, headerMap }: CheckMessage): RequestHeaders {
  if (headerMap !== undefined) return { form: 'raw', fields: headerMap };
  return headers === undefined ? NO_HEADERS : { form: 'map', fields: headers };
}

function factsOf(
  message: CheckMessage,
  protocol: RequestFacts['protocol'],
  method: string,
  path: string,
  headers: RequestHeaders,
): RequestFacts {
  return {
    protocol,
    method,
    path,
    headers,
    principal: message.sourcePrincipal ?? '',
    certificate: message.sourceCertificate ?? '',
    sourceAddress: message.sourceAddress,
    destinationPrincipal: message.destinationPrincipal ?? '',
    contextExtensions: message.contextExtensions,
    claims(payload: string): JsonObject | undefined {
      const struct = message.filterMetadata.get(JWT_NAMESPACE);
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
