/**
 * Writes the CheckRequest that Envoy would send for a request described in plain words, so that
 * tests and `explain` go through the same hot path as production, from bytes on.
 */
import type { JsonObject } from '../check/claims.js';
import { type StructInput, toStruct } from '../check/struct.js';
import { encodeRequestMessage } from './request-message.js';

/** A request as people describe it. */
export interface RequestSketch {
  /** A SPIFFE ID, `anonymous`, or anything else a certificate could hold. */
  readonly caller: string;
  /** Undefined for a TCP connection. */
  readonly http: HttpSketch | undefined;
  /** Payload of the token that Envoy verified. */
  readonly claims: JsonObject | undefined;
  readonly sourceAddress: string | undefined;
}

export interface HttpSketch {
  readonly method: string;
  /** With the query; undefined for CONNECT. */
  readonly path: string | undefined;
  /** Lower-case name and value, one entry a copy. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What a gRPC call looks like on the wire. */
export function grpcSketch(service: string, method: string, headers: HttpSketch['headers']) {
  const path = `/${service}/${method}`;
  return {
    method: 'POST',
    path,
    headers: [['content-type', 'application/grpc'] as const, ...headers],
  };
}

const ANONYMOUS = 'anonymous';
/** Where Envoy's jwt_authn filter puts claims, and check/request.ts looks for them. */
const JWT_NAMESPACE = 'envoy.filters.http.jwt_authn';

/** In the form of the shipped Envoy configuration: raw headers, `:method` and `:path` among them. */
export function encodeCheckRequest(sketch: RequestSketch, claimsPayload: string): Buffer {
  const { caller, http, claims, sourceAddress } = sketch;
  return encodeRequestMessage({
    attributes: {
      source: {
        ...(caller === ANONYMOUS ? {} : { principal: caller }),
        ...(sourceAddress === undefined
          ? {}
          : { address: { socket_address: { address: sourceAddress, port_value: 0 } } }),
      },
      ...(http === undefined ? {} : { request: { http: httpMessage(http) } }),
      ...(claims === undefined ? {} : { metadata_context: claimsMessage(claims, claimsPayload) }),
    },
  });
}

function httpMessage({ method, path, headers }: HttpSketch): object {
  const pseudo: HttpSketch['headers'] =
    path === undefined
      ? [[':method', method]]
      : [
          [':method', method],
          [':path', path],
        ];
  return {
    method,
    ...(path === undefined ? {} : { path }),
    header_map: {
      headers: [...pseudo, ...headers].map(([key, value]) => ({
        key,
        raw_value: Buffer.from(value, 'utf8'),
      })),
    },
  };
}

function claimsMessage(claims: JsonObject, claimsPayload: string): object {
  const payload = toStruct({ [claimsPayload]: claims } as StructInput);
  return { filter_metadata: { [JWT_NAMESPACE]: payload } };
}
