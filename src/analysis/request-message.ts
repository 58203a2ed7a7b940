/** CheckRequests as bytes, for questions from people and tests: what Envoy would send. */
import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition, type Options } from '@grpc/proto-loader';
import { packageFile } from '../package-files.js';

const PROTO_DIR = fileURLToPath(packageFile('proto/'));

/** Names as in the .proto files, which are the names in Envoy's documentation. */
export const LOADER_OPTIONS: Options = { keepCase: true, includeDirs: [PROTO_DIR] };

const definitions = loadSync('envoy/service/auth/v3/external_auth.proto', LOADER_OPTIONS);
const requestType = definitions['envoy.service.auth.v3.CheckRequest'] as MessageTypeDefinition<
  object,
  object
>;

export function encodeRequestMessage(message: object): Buffer {
  return requestType.serialize(message);
}
