/**
 * The gRPC service as Envoy calls it, and its answers as bytes. By hand, by the numbers of proto/: a
 * test holds both against Envoy's own files.
 */
import type { MethodDefinition } from '@grpc/grpc-js';
import { bytesField, numberField, textField } from './proto-text.js';
import { structText } from './wire-struct.js';
import type {
  CheckResponseMessage,
  DeniedHttpResponseMessage,
  HeaderOption,
} from './wire-types.js';

export type * from './wire-types.js';

export const AUTHORIZATION_SERVICE_NAME = 'envoy.service.auth.v3.Authorization';

export function encodeCheckResponse(message: CheckResponseMessage): Buffer {
  const { status, dynamic_metadata: metadata } = message;
  const { code, message: text } = status;
  const told = numberField(1, code) + (text === undefined ? '' : textField(2, text));
  const answer = bytesField(1, told) + kindText(message);
  const stamp = metadata === undefined ? '' : bytesField(4, structText(metadata));
  return Buffer.from(answer + stamp, 'latin1');
}

function kindText(message: CheckResponseMessage): string {
  if ('denied_response' in message) return bytesField(2, refusalText(message.denied_response));
  if ('error_response' in message) return bytesField(5, refusalText(message.error_response));
  const { response_headers_to_add: headers = [] } = message.ok_response;
  return bytesField(3, headers.map((header) => headerText(6, header)).join(''));
}

function refusalText({ status, headers = [], body }: DeniedHttpResponseMessage): string {
  const parts = [
    bytesField(1, numberField(1, status.code)),
    ...headers.map((header) => headerText(2, header)),
    ...(body === undefined ? [] : [textField(3, body)]),
  ];
  return parts.join('');
}

/** `append` is always said, and false: without it Envoy's own default would hold. */
function headerText(number: number, { header }: HeaderOption): string {
  const { key, value } = header;
  const pair = bytesField(1, textField(1, key) + textField(2, value));
  return bytesField(number, pair + bytesField(2, numberField(1, 0)));
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
