/** `cedargate bundle attach`: add a signature that was made elsewhere. */
import type { Command } from 'commander';
import { type Attached, attachSignature } from '../bundle/attach.js';
import type { OpenedBundle } from '../bundle/open.js';
import { KEY_FILE_BYTES_MAX, SIGNATURE_FILE_BYTES_MAX } from '../constants.js';
import type { Result } from '../result.js';
import { decodeBase64 } from '../signing/base64.js';
import { type PublicKey, parsePublicKey } from '../signing/keys.js';
import { readBytes } from './files.js';
import { fail, type Io, printJson } from './output.js';
import { printSigned, readToSign, type SignedBundle, saveSigned } from './signed-bundle.js';

const EXAMPLES = `Examples:
  With cosign:
    cedargate bundle pae payments-2026.11.3.tar.gz --output bytes
    cosign sign-blob --key cosign.key --tlog-upload=false --use-signing-config=false \\
      --new-bundle-format=false --output-signature sig bytes
    cedargate bundle attach payments-2026.11.3.tar.gz --signature sig --public-key cosign.pub
`;

const NOTES = `
The signature is checked with the public key before anything is written. Whether that key counts for
anybody is said by trust.yaml, see \`cedargate verify\`.`;

interface Flags {
  readonly signature: string;
  readonly publicKey: string;
  readonly json?: true;
}

export function registerBundleAttach(bundleCommand: Command, io: Io): void {
  bundleCommand
    .command('attach')
    .description('add a signature that was made elsewhere over the bytes of `bundle pae`')
    .argument('<file>', 'the built bundle; the signature is added to it')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .requiredOption('--signature <file>', 'the signature: raw bytes, or base64 of them')
    .requiredOption('--public-key <file>', 'the public key it was made with: SPKI PEM')
    .option('--json', 'print what was attached as JSON')
    .action(async (file: string, flags: Flags) => {
      const result = await attach(file, flags);
      if (!result.ok) fail(io, result.problems);
      else if (flags.json === true) printJson(io, result.value);
      else printSigned(io, file, result.value);
    });
}

async function attach(file: string, flags: Flags): Promise<Result<SignedBundle>> {
  const pem = await readBytes(flags.publicKey, KEY_FILE_BYTES_MAX);
  if (!pem.ok) return pem;
  const key = parsePublicKey(pem.value.toString('utf8'), flags.publicKey);
  if (!key.ok) return key;
  const signature = await readBytes(flags.signature, SIGNATURE_FILE_BYTES_MAX);
  if (!signature.ok) return signature;
  const read = await readToSign(file);
  if (!read.ok) return read;
  const attached = attachEither(read.value.opened, key.value, signature.value);
  return attached.ok ? saveSigned(read.value, key.value, attached.value) : attached;
}

/** Base64 when the file is that, else its bytes; a raw signature may look like base64 by chance. */
function attachEither(opened: OpenedBundle, key: PublicKey, file: Buffer): Result<Attached> {
  // base64 and openssl break their output into lines unless told otherwise.
  const decoded = decodeBase64(file.toString('latin1').replace(/\s/g, ''));
  const raw = attachSignature(opened, key, file);
  return raw.ok || decoded === undefined ? raw : attachSignature(opened, key, decoded);
}
