/** The gRPC service as Envoy calls it, and the messages that the generated code reads and writes. */
import { fileURLToPath } from 'node:url';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition, type Options } from '@grpc/proto-loader';
import { packageFile } from '../package-files.js';
import type { CheckResponseMessage, StructMessage } from './wire-types.js';

export type * from './wire-types.js';

export const AUTHORIZATION_SERVICE_NAME = 'envoy.service.auth.v3.Authorization';

const PROTO_DIR = fileURLToPath(packageFile('proto/'));

/** What was not sent stays absent, so that "not sent" and "sent empty" are told apart. */
export const LOADER_OPTIONS: Options = {
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

const definitions = loadSync('envoy/service/auth/v3/external_auth.proto', LOADER_OPTIONS);
const responseType = definitions['envoy.service.auth.v3.CheckResponse'] as MessageTypeDefinition<
  CheckResponseMessage,
  object
>;

const requestType = definitions['envoy.service.auth.v3.CheckRequest'] as MessageTypeDefinition<
  object,
  object
>;

/** For questions from people and tests: what Envoy would send. */
export function encodeRequestMessage(message: object): Buffer {
  return requestType.serialize(message);
}

const structType = definitions['google.protobuf.Struct'] as MessageTypeDefinition<
  object,
  StructMessage
>;

/** Throws on malformed bytes, and on values nested too deep. */
export function decodeStruct(bytes: Buffer): StructMessage {
  return structType.deserialize(bytes);
}

export function encodeStruct(message: StructMessage): Buffer {
  return structType.serialize(message);
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
