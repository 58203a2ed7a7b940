/** `cedargate bundle pae`: the bytes to sign, for tools and key services that sign elsewhere. */
import type { Command } from 'commander';
import { bundlePae } from '../bundle/attach.js';
import { readBuiltBundle, replaceFile } from './files.js';
import { fail, type Io } from './output.js';

const EXAMPLES = `Examples:
  cedargate bundle pae payments-2026.11.3.tar.gz --output bytes
  openssl pkeyutl -sign -rawin -inkey ada.key -in bytes -out sig
  cedargate bundle attach payments-2026.11.3.tar.gz --signature sig --public-key ada.pub
`;

const NOTES = `
The bytes are the pre-authentication encoding of DSSE over the manifest of the bundle. Ed25519 signs
them as they are, ECDSA P-256 their SHA-256.`;

export function registerBundlePae(bundleCommand: Command, io: Io): void {
  bundleCommand
    .command('pae')
    .description('print the bytes of a built bundle that a signature is made over')
    .argument('<file>', 'the built bundle')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .option('--output <file>', 'write them to a file instead of stdout')
    .action(async (file: string, flags: { readonly output?: string }) => {
      const opened = await readBuiltBundle(file);
      if (!opened.ok) return fail(io, opened.problems);
      const bytes = bundlePae(opened.value);
      if (flags.output !== undefined) {
        const written = await replaceFile(flags.output, bytes);
        if (!written.ok) fail(io, written.problems);
        // As text and without a line feed: a manifest is canonical JSON, so nothing is lost.
      } else io.stdout.write(bytes.toString('utf8'));
    });
}
