/** `cedargate block`: deny a caller for some hours, in shadow too; or end that before its time. */
import { type Command, Option } from 'commander';
import { ok, type Result } from '../result.js';
import { putBlock, removeBlock } from '../rollout/edit-source.js';
import type { Block } from '../rollout/types.js';
import { endOf } from './change-flags.js';
import { checkKnown, checkOpenBlock } from './known-name.js';
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
  The key is replaced, and the block no longer needed:
    cedargate block payments --environment production --name stolen-key --end \\
      --ticket CHG-1053 --reason "the key is replaced" --key cleo.key
`;

const NOTES = `
For active abuse: a block holds even in shadow, and stands above everything. It ends by itself,
or with --end: an approved change, or an emergency where an open emergency made the block.
Keys of --match: ${MATCH_HELP}.`;

interface Flags extends EmergencyCommandFlags {
  readonly name: string;
  readonly caller?: readonly string[];
  readonly match?: readonly string[];
  readonly for?: string;
  readonly until?: string;
  readonly end?: true;
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
      .option('--until <time>', 'or until when, RFC 3339')
      .addOption(
        new Option('--end', 'end the block of that name before its time').conflicts([
          'caller',
          'match',
          'for',
          'until',
        ]),
      ),
  ).action((rollout: string, flags: Flags) => {
    if (flags.end === true) return end(io, rollout, flags);
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

async function end(io: Io, rollout: string, flags: Flags): Promise<void> {
  const { name } = flags;
  if (flags.emergency === true) {
    return makeEmergency(io, rollout, flags, async ({ place }) => {
      const known = await checkOpenBlock(place, name);
      return known.ok ? ok({ endBlocks: [name] }) : known;
    });
  }
  return makeChange(io, rollout, flags, async ({ place }) => {
    const known = await checkKnown(place, 'blocks', name);
    return known.ok ? ok({ edit: (text) => removeBlock(text, name) }) : known;
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
