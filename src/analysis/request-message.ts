/** CheckRequests as bytes, for questions from people and tests: what Envoy would send. */
import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition, type Options } from '@grpc/proto-loader';
import { packageFile } from '../package-files.js';

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
const requestType = definitions['envoy.service.auth.v3.CheckRequest'] as MessageTypeDefinition<
  object,
  object
>;

export function encodeRequestMessage(message: object): Buffer {
  return requestType.serialize(message);
}
