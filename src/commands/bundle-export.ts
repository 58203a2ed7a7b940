/** `cedargate bundle export`: a built bundle as Kubernetes manifests. */
import { type Command, Option } from 'commander';
import { configMaps, SLOTS, type Slot } from '../bundle/configmap.js';
import { openBundle } from '../bundle/open.js';
import { ARCHIVE_BYTES_MAX } from '../constants.js';
import type { Result } from '../result.js';
import { readBytes, replaceFile } from './files.js';
import { fail, type Io, note, style } from './output.js';

const EXAMPLES = `Examples:
  cedargate bundle export payments-2026.11.3.tar.gz --configmap payments-bundle --slot b \\
    --namespace shop --namespace shop-canary | kubectl apply --server-side -f -
`;

const NOTES = `
A pod mounts the four slots a, b, c and d side by side as its shelf, all of them optional. Put a new
bundle into a slot that holds none in use, and before the document that names it. The ConfigMap is
called <name>-<slot>. Use server-side apply: the other kind copies the whole object into an annotation
that holds 256 KiB.`;

interface Flags {
  readonly configmap: string;
  readonly slot: Slot;
  readonly namespace: readonly string[];
  readonly output?: string;
}

export function registerBundleExport(bundleCommand: Command, io: Io): void {
  bundleCommand
    .command('export')
    .description('print a built bundle as Kubernetes ConfigMaps')
    .argument('<file>', 'the built bundle')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .requiredOption('--configmap <name>', 'name of the ConfigMaps, to which the slot is added')
    .addOption(
      new Option('--slot <slot>', 'which slot of the shelf').choices(SLOTS).makeOptionMandatory(),
    )
    .requiredOption(
      '--namespace <namespace>',
      'where to put it (repeatable: one ConfigMap for each)',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option('--output <file>', 'write to a file instead of stdout')
    .action(async (file: string, flags: Flags) => {
      const result = await exportBundle(io, file, flags);
      if (!result.ok) return fail(io, result.problems);
      if (flags.output === undefined) return io.stdout.write(result.value);
      const written = await replaceFile(flags.output, Buffer.from(result.value));
      if (!written.ok) fail(io, written.problems);
    });
}

async function exportBundle(io: Io, file: string, flags: Flags): Promise<Result<string>> {
  const bytes = await readBytes(file, ARCHIVE_BYTES_MAX);
  if (!bytes.ok) return bytes;
  const opened = openBundle(bytes.value, file);
  if (!opened.ok) return opened;
  if (opened.value.signatures.signatures.length === 0) {
    note(io, `${style(io.stderr, 'yellow', 'warning:')} ${file} is not signed`);
  }
  const { configmap: name, slot, namespace: namespaces } = flags;
  return configMaps(opened.value, bytes.value, { name, slot, namespaces });
}
