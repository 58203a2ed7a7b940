/** `cedargate bundle inspect`: what is in a bundle, and what differs between environments. */
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { type Inspection, inspectDirectory, inspectOpened } from '../bundle/inspect.js';
import { readBundleDirectory } from '../bundle/read-directory.js';
import type { Result } from '../result.js';
import { readBuiltBundle } from './files.js';
import { printInspection } from './inspect-text.js';
import { fail, type Io, printJson } from './output.js';

const EXAMPLES = `Examples:
  cedargate bundle inspect payments-2026.11.3.tar.gz
  How two environments differ:
    cedargate bundle inspect ./policies --environment staging --environment production
`;

const NOTES = `
Of entities only what differs between the environments is shown; why, bundle.yaml says under
\`environments\`. Nothing is verified: signatures are listed as the file has them.`;

interface Flags {
  readonly environment?: readonly string[];
  readonly json?: true;
}

export function registerBundleInspect(bundleCommand: Command, io: Io): void {
  bundleCommand
    .command('inspect')
    .description('show what is in a bundle')
    .argument('<bundle>', 'a built bundle, or a bundle directory')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .option(
      '--environment <name>',
      'an environment to show (repeatable; default: all that have entities, and none)',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option('--json', 'print everything as JSON')
    .action(async (path: string, flags: Flags) => {
      const found = await inspect(path, flags.environment ?? []);
      if (!found.ok) fail(io, found.problems);
      else if (flags.json === true) printJson(io, found.value);
      else printInspection(io, found.value);
    });
}

async function inspect(path: string, environments: readonly string[]): Promise<Result<Inspection>> {
  if (!(await isDirectory(path))) {
    const opened = await readBuiltBundle(path);
    return opened.ok ? inspectOpened(opened.value, environments) : opened;
  }
  const read = await readBundleDirectory(path);
  return read.ok ? inspectDirectory(read.value.files, environments) : read;
}

/** What cannot be looked at is told by whoever reads it as a file. */
async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
