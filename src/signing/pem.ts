/** PEM: one block of the wanted kind and nothing else, and good advice for the usual mistakes. */
import { KEY_FILE_BYTES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { decodeBase64 } from './base64.js';

type Label = 'PUBLIC KEY' | 'PRIVATE KEY';

const BLOCK = /^\s*-----BEGIN ([A-Z0-9 ]{1,64})-----[ \t]*\r?\n([\s\S]*?)-----END \1-----\s*$/;
const BEGIN = /-----BEGIN ([A-Z0-9 ]{1,64})-----/g;

/** The DER inside `pem`, which must be one block with this label. Problem code: `key_invalid`. */
export function readPem(pem: string, wanted: Label, file: string): Result<Buffer> {
  const refuse = (message: string, help?: string) =>
    failed(problem('key_invalid', message, { file, ...(help === undefined ? {} : { help }) }));
  if (pem.length > KEY_FILE_BYTES_MAX) {
    return refuse(`the key has more than ${KEY_FILE_BYTES_MAX} bytes`);
  }
  const labels = [...pem.matchAll(BEGIN)].map(([, label = '']) => label);
  const [odd] = labels.filter((label) => label !== wanted);
  if (odd !== undefined)
    return refuse(`the file holds \`${odd}\`, not \`${wanted}\``, helpFor(odd));
  const [, label, body] = BLOCK.exec(pem) ?? [];
  if (labels.length !== 1 || label === undefined || body === undefined) {
    return refuse(`the key must be one PEM block, \`BEGIN ${wanted}\` to \`END ${wanted}\``);
  }
  const der = decodeBase64(body.replace(/\s/g, ''));
  if (der === undefined || der.length === 0) return refuse('the PEM block holds no valid base64');
  return ok(der);
}

function helpFor(label: string): string | undefined {
  if (/SIGSTORE|COSIGN/.test(label)) {
    return 'sign with cosign (`cosign sign-blob`) and use `cedargate bundle attach`';
  }
  if (label === 'ENCRYPTED PRIVATE KEY') {
    return 'the key is encrypted; decrypt it first: `openssl pkey -in KEY -out PLAIN`';
  }
  if (label === 'EC PRIVATE KEY' || label === 'EC PARAMETERS') {
    return 'convert it: `openssl pkcs8 -topk8 -nocrypt -in KEY -out KEY.pkcs8`';
  }
  if (label === 'PRIVATE KEY') return 'give the public key here, and keep the private one secret';
  if (label === 'PUBLIC KEY') return 'give the private key here';
  if (label === 'CERTIFICATE') return 'take its key out: `openssl x509 -pubkey -noout -in CERT`';
  return undefined;
}
