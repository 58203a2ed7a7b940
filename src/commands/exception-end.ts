/** `cedargate exception end`: take back before its time what an exception lets through. */
import type { Command } from 'commander';
import { ok } from '../result.js';
import { removeException } from '../rollout/edit-source.js';
import { type ChangeFlags, withChangeFlags } from './change-flags.js';
import { checkKnown } from './known-name.js';
import { makeChange } from './make-change.js';
import type { Io } from './output.js';

const EXAMPLES = `Examples:
    cedargate exception end payments --environment production --name orders-refunds \\
      --ticket CHG-1061 --reason "the grant is in payments@2026.11.4" --key cleo.key
`;

const NOTES = `
An exception ends by itself, too. From the approval on, the policies alone decide again: where they are
enforced, what the exception let through is denied.`;

interface Flags extends ChangeFlags {
  readonly name: string;
}

export function registerExceptionEnd(exception: Command, io: Io): void {
  withChangeFlags(
    exception
      .command('end')
      .description('end an exception before its time')
      .argument('<rollout>', 'the rollout')
      .addHelpText('before', EXAMPLES)
      .addHelpText('after', NOTES)
      .requiredOption('--name <name>', 'the name of the exception'),
  ).action((rollout: string, flags: Flags) => {
    return makeChange(io, rollout, flags, async ({ place }) => {
      const known = await checkKnown(place, 'exceptions', flags.name);
      return known.ok ? ok({ edit: (text) => removeException(text, flags.name) }) : known;
    });
  });
}
