/**
 * CheckRequest messages as Envoy would send them, encoded with the official descriptors (development
 * dependency), so that tests do not check our own proto subset against itself.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';

const deps = join(
  dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds/package.json')),
  'deps',
);

const official = loadSync('envoy/service/auth/v3/external_auth.proto', {
  keepCase: true,
  longs: Number,
  includeDirs: ['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'].map((dir) =>
    join(deps, dir),
  ),
});
const requestType = official['envoy.service.auth.v3.CheckRequest'] as MessageTypeDefinition<
  object,
  object
>;
const responseType = official['envoy.service.auth.v3.CheckResponse'] as MessageTypeDefinition<
  object,
  OfficialResponse
>;

export interface OfficialHeader {
  header?: { key?: string; value?: string };
  append?: { value?: boolean };
}

export interface OfficialResponse {
  status?: { code?: number };
  ok_response?: { response_headers_to_add?: OfficialHeader[]; headers?: OfficialHeader[] };
  denied_response?: { status?: { code?: number }; headers?: OfficialHeader[]; body?: string };
  dynamic_metadata?: { fields?: Record<string, { stringValue?: string; listValue?: unknown }> };
}

/** The parts of a request that tests vary; what is not given is not sent. */
export interface RequestParts {
  method?: string;
  path?: string;
  /** Map form; used when `rawHeaders` is absent. */
  headers?: Record<string, string>;
  /** Raw form, as with encode_raw_headers; `:path` is added from `path` unless given. */
  rawHeaders?: [key: string, value: string | Uint8Array][];
  principal?: string;
  certificate?: string;
  sourceAddress?: string;
  destinationPrincipal?: string;
  extensions?: Record<string, string>;
  /** Payload of the token that jwt_authn verified. */
  claims?: object;
  claimsPayload?: string;
}

/** Any CheckRequest, field names as in the .proto files. */
export function encodeRequest(message: object): Buffer {
  return requestType.serialize(message);
}

export function decodeResponse(bytes: Buffer): OfficialResponse {
  return responseType.deserialize(bytes);
}

/** An HTTP request; the defaults are a GET of `/` by nobody. */
export function httpRequest(parts: RequestParts = {}): Buffer {
  const path = parts.path ?? '/';
  const http: Record<string, unknown> = {
    id: '1',
    method: parts.method ?? 'GET',
    path,
    host: 'payments.test',
    scheme: 'https',
    protocol: 'HTTP/1.1',
  };
  if (parts.rawHeaders === undefined) {
    http.headers = { ':path': path, ...parts.headers };
  } else {
    const own = parts.rawHeaders.some(([key]) => key === ':path');
    const list = own ? parts.rawHeaders : [[':path', path] as const, ...parts.rawHeaders];
    http.header_map = {
      headers: list.map(([key, value]) => ({ key, raw_value: Buffer.from(value as string) })),
    };
  }
  return encodeRequest({ attributes: { ...peers(parts), request: { http } } });
}

/** A connection, as the TCP filter asks. */
export function tcpRequest(parts: RequestParts = {}): Buffer {
  return encodeRequest({ attributes: peers(parts) });
}

function peers(parts: RequestParts): object {
  const source: Record<string, unknown> = {
    address: { socket_address: { address: parts.sourceAddress ?? '127.0.0.1', port_value: 1 } },
  };
  if (parts.principal !== undefined) source.principal = parts.principal;
  if (parts.certificate !== undefined) source.certificate = parts.certificate;
  const peer: Record<string, unknown> = {
    source,
    destination: { principal: parts.destinationPrincipal ?? '' },
  };
  if (parts.extensions !== undefined) peer.context_extensions = parts.extensions;
  if (parts.claims !== undefined) {
    const payload = { [parts.claimsPayload ?? 'jwt_payload']: parts.claims };
    peer.metadata_context = {
      filter_metadata: { 'envoy.filters.http.jwt_authn': struct(payload) },
    };
  }
  return peer;
}

function struct(plain: object): object {
  return {
    fields: Object.fromEntries(
      Object.entries(plain).map(([key, value]) => [key, structValue(value)]),
    ),
  };
}

function structValue(value: unknown): object {
  if (value === null) return { nullValue: 0 };
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(structValue) } };
  return { structValue: struct(value as object) };
}
