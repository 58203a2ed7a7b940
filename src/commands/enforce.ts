/** `cedargate enforce`: enforce a part of the traffic. */
import type { Command } from 'commander';
import { PERCENT_KNOWN_CALLERS_MIN } from '../constants.js';
import { ok } from '../result.js';
import { putSlice } from '../rollout/edit-source.js';
import { type ChangeFlags, withChangeFlags } from './change-flags.js';
import { type EvidenceFlags, evidenceFrom, withEvidenceFlag } from './evidence.js';
import { makeChange } from './make-change.js';
import { collect, MATCH_HELP, parseMatch } from './match-flags.js';
import type { Io } from './output.js';

const EXAMPLES = `Examples:
  A quarter of the callers, and what they read:
    cedargate enforce payments --environment production --slice reads \\
      --match access=read --match percent=25 --evidence decisions.log \\
      --ticket CHG-1050 --reason "reads first" --key cleo.key
`;

const NOTES = `
A slice of that name is replaced. Without --match the slice is everything. The first enforced slice of
a service needs the Envoy profile \`enforcing\`. Keys of --match: ${MATCH_HELP}.
A percentage that is new or grows needs decision logs of this environment (--evidence): the change card
lists the callers inside of it. With fewer than ${PERCENT_KNOWN_CALLERS_MIN} known callers name them instead.`;

interface Flags extends ChangeFlags, EvidenceFlags {
  readonly slice: string;
  readonly match?: readonly string[];
}

export function registerEnforce(program: Command, io: Io): void {
  withEvidenceFlag(
    withChangeFlags(
      program
        .command('enforce')
        .description('enforce a part of the traffic')
        .argument('<name>', 'the rollout')
        .addHelpText('before', EXAMPLES)
        .addHelpText('after', NOTES)
        .requiredOption('--slice <name>', 'the name of the part')
        .option(
          '--match <key=value>',
          'which requests are in it (repeatable: all must hold)',
          collect,
        ),
    ),
  ).action((name: string, flags: Flags) => {
    return makeChange(io, name, flags, () => {
      const match = parseMatch(flags.match ?? []);
      if (!match.ok) return match;
      const slice = { name: flags.slice, match: match.value };
      const edit = (text: string) => putSlice(text, 'enforce', slice);
      return ok({ edit, evidence: evidenceFrom(io, flags) });
    });
  });
}
