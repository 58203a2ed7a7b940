/** `cedargate block`: deny a caller for some hours, in shadow too. */
import type { Command } from 'commander';
import { ok, type Result } from '../result.js';
import { putBlock } from '../rollout/edit-source.js';
import type { Block } from '../rollout/types.js';
import { endOf } from './change-flags.js';
import {
  type EmergencyCommandFlags,
  makeChange,
  makeEmergency,
  withEmergencyFlags,
} from './make-change.js';
import { collect, MATCH_HELP, parseMatch } from './match-flags.js';
import type { Io } from './output.js';

const EXAMPLES = `Examples:
    cedargate block payments --environment production --emergency --ticket INC-3 --key eve.key \\
      --name stolen-key --caller spiffe://example.org/ns/shop/sa/batch --for 4h --apply
`;

const NOTES = `
For active abuse: a block holds even in shadow, and stands above everything. It ends by itself.
Keys of --match: ${MATCH_HELP}.`;

interface Flags extends EmergencyCommandFlags {
  readonly name: string;
  readonly caller?: readonly string[];
  readonly match?: readonly string[];
  readonly for?: string;
  readonly until?: string;
}

export function registerBlock(program: Command, io: Io): void {
  withEmergencyFlags(
    program
      .command('block')
      .description('deny a caller for a limited time, in shadow too')
      .argument('<rollout>', 'the rollout')
      .addHelpText('before', EXAMPLES)
      .addHelpText('after', NOTES)
      .requiredOption('--name <name>', 'the name of the block')
      .option('--caller <id>', 'a SPIFFE ID, or `anonymous` (repeatable)', collect)
      .option('--match <key=value>', 'which requests (repeatable: all must hold)', collect)
      .option('--for <duration>', 'how long, such as 4h')
      .option('--until <time>', 'or until when, RFC 3339'),
  ).action((rollout: string, flags: Flags) => {
    if (flags.emergency === true) {
      return makeEmergency(io, rollout, flags, ({ nowMs }) => {
        const block = blockOf(flags, nowMs);
        return block.ok ? ok({ blocks: [block.value] }) : block;
      });
    }
    // Here the owner is that of the block; who answers for the rollout stays.
    const { owner: _, ...others } = flags;
    return makeChange(io, rollout, others, ({ nowMs }) => {
      const block = blockOf(flags, nowMs);
      return block.ok ? ok({ edit: (text) => putBlock(text, block.value) }) : block;
    });
  });
}

function blockOf(flags: Flags, nowMs: number): Result<Block> {
  const callers = flags.caller === undefined ? [] : [`callers=${flags.caller.join(',')}`];
  const match = parseMatch([...callers, ...(flags.match ?? [])]);
  if (!match.ok) return match;
  const untilMs = endOf(flags, nowMs);
  if (!untilMs.ok) return untilMs;
  const { name, ticket = '', owner = 'on-call', reason = 'active abuse' } = flags;
  const times = { fromMs: nowMs, untilMs: untilMs.value };
  return ok({ name, ticket, owner, reason, match: match.value, ...times });
}
