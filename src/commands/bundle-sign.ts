/** `cedargate bundle sign`: sign a built bundle with a key in a file. */
import type { Command } from 'commander';
import { attachSignature, bundlePae } from '../bundle/attach.js';
import { KEY_FILE_BYTES_MAX } from '../constants.js';
import type { Result } from '../result.js';
import { parsePrivateKey, sign } from '../signing/keys.js';
import { readBytes } from './files.js';
import { fail, type Io, printJson } from './output.js';
import { printSigned, readToSign, type SignedBundle, saveSigned } from './signed-bundle.js';

const EXAMPLES = `Examples:
  cedargate bundle sign payments-2026.11.3.tar.gz --key ada-laptop.key
`;

const NOTES = `
The file is replaced; its digest stays, since that is the digest of what is signed. Signing again with
the same key replaces the signature, another key adds one. A bundle whose files do not agree with its
manifest is not signed.`;

export function registerBundleSign(bundleCommand: Command, io: Io): void {
  bundleCommand
    .command('sign')
    .description('sign a built bundle with a private key')
    .argument('<file>', 'the built bundle; the signature is added to it')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .requiredOption('--key <file>', 'the private key: PKCS#8 PEM, Ed25519 or ECDSA P-256')
    .option('--json', 'print what was signed as JSON')
    .action(async (file: string, flags: { readonly key: string; readonly json?: true }) => {
      const result = await signBundle(file, flags.key);
      if (!result.ok) fail(io, result.problems);
      else if (flags.json === true) printJson(io, result.value);
      else printSigned(io, file, result.value);
    });
}

async function signBundle(file: string, keyFile: string): Promise<Result<SignedBundle>> {
  const pem = await readBytes(keyFile, KEY_FILE_BYTES_MAX);
  if (!pem.ok) return pem;
  const key = parsePrivateKey(pem.value.toString('utf8'), keyFile);
  if (!key.ok) return key;
  const read = await readToSign(file);
  if (!read.ok) return read;
  const { opened } = read.value;
  const { publicKey } = key.value;
  const signature = sign(key.value, bundlePae(opened));
  const attached = attachSignature(opened, publicKey, signature);
  return attached.ok ? saveSigned(read.value, publicKey, attached.value) : attached;
}
