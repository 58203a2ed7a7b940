/**
 * Bytes to messages and back: the only file that knows how protobuf is decoded. It never throws on
 * input, and it never hands out an object keyed by text of a client.
 */
import { fileURLToPath } from 'node:url';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition, type Options } from '@grpc/proto-loader';
import type { CheckRequestMessage, CheckResponseMessage, StructMessage } from './wire-types.js';

export type * from './wire-types.js';

export const AUTHORIZATION_SERVICE_NAME = 'envoy.service.auth.v3.Authorization';

/** `proto/` lies two levels up from `src/check` as from `dist/check`. */
const PROTO_DIR = fileURLToPath(new URL('../../proto/', import.meta.url));

/** What was not sent stays absent, so that "not sent" and "sent empty" are told apart. */
const LOADER_OPTIONS: Options = {
  // Names as in the .proto files, which are the names in Envoy's documentation.
  keepCase: true,
  // The only 64-bit number is a Timestamp's seconds, far below 2^53.
  longs: Number,
  // As sent: an enum number that we do not know must not be lost.
  enums: Number,
  defaults: false,
  arrays: false,
  objects: false,
  // Adds `kind` to google.protobuf.Value: its set field in one look.
  oneofs: true,
  includeDirs: [PROTO_DIR],
};

/** Messages as the loader makes them: maps are plain objects with a prototype. */
interface RawCheckRequest {
  attributes?: {
    request?: { http?: { headers?: PlainObject<string> | ReadonlyMap<string, string> } };
    context_extensions?: PlainObject<string> | ReadonlyMap<string, string>;
    metadata_context?: {
      filter_metadata?: PlainObject<StructMessage> | ReadonlyMap<string, StructMessage>;
    };
  };
}
type PlainObject<T> = Record<string, T>;

const definitions = loadSync('envoy/service/auth/v3/external_auth.proto', LOADER_OPTIONS);
const requestType = definitions['envoy.service.auth.v3.CheckRequest'] as MessageTypeDefinition<
  object,
  RawCheckRequest
>;
const responseType = definitions['envoy.service.auth.v3.CheckResponse'] as MessageTypeDefinition<
  CheckResponseMessage,
  object
>;

/** The message, or undefined when the bytes are no CheckRequest or nest deeper than 100 messages. */
export function decodeCheckRequest(bytes: Uint8Array): CheckRequestMessage | undefined {
  try {
    return mapsOfMessage(requestType.deserialize(asBuffer(bytes)));
  } catch {
    // The decoder throws on truncated, malformed and too deeply nested messages alike.
    return undefined;
  }
}

export function encodeCheckResponse(message: CheckResponseMessage): Buffer {
  return responseType.serialize(message);
}

/**
 * The gRPC service with raw bytes on both sides, so that messages which cannot be decoded reach us
 * and still get our answer.
 */
export const authorizationService: { readonly Check: MethodDefinition<Buffer, Buffer> } = {
  Check: {
    path: `/${AUTHORIZATION_SERVICE_NAME}/Check`,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
};

function identity(bytes: Buffer): Buffer {
  return bytes;
}

/** The decoder reads text from Buffers natively; from other arrays it would differ on bad UTF-8. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Replaces the plain objects in place: the message is ours alone and was made a moment ago. */
function mapsOfMessage(message: RawCheckRequest): CheckRequestMessage {
  const attributes = message.attributes ?? {};
  const http = attributes.request?.http;
  if (http?.headers !== undefined) http.headers = mapOf(http.headers);
  if (attributes.context_extensions !== undefined) {
    attributes.context_extensions = mapOf(attributes.context_extensions);
  }
  const metadata = attributes.metadata_context;
  if (metadata?.filter_metadata !== undefined) {
    metadata.filter_metadata = mapOf(metadata.filter_metadata);
  }
  return message as CheckRequestMessage;
}

/** Own keys only; the loader defines `__proto__` as an own key too. */
function mapOf<T>(object: PlainObject<T> | ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return new Map(Object.entries(object as PlainObject<T>));
}
