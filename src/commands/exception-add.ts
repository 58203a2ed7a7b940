/** `cedargate exception add`: let through for some days what the policies deny. */
import type { Command } from 'commander';
import { ok, type Result } from '../result.js';
import { putException } from '../rollout/edit-source.js';
import type { Exception } from '../rollout/types.js';
import { type ChangeFlags, endOf, refuse, withChangeFlags } from './change-flags.js';
import { makeChange } from './make-change.js';
import { collect, MATCH_HELP, parseMatch } from './match-flags.js';
import type { Io } from './output.js';

const EXAMPLES = `Examples:
    cedargate exception add payments --environment production --name orders-refunds \\
      --match callers=spiffe://example.org/ns/shop/sa/orders --match routes=refund --for 14d \\
      --owner team-orders --ticket CHG-1060 --reason "missing grant seen in shadow" --key cleo.key
`;

const NOTES = `
An exception applies to denials alone, never to errors, and over a satisfied \`forbid\` only with
--override-forbid. It ends by itself. Keys of --match: ${MATCH_HELP}.`;

interface Flags extends ChangeFlags {
  readonly name: string;
  readonly match?: readonly string[];
  readonly for?: string;
  readonly until?: string;
  readonly overrideForbid?: true;
}

export function registerExceptionAdd(exception: Command, io: Io): void {
  withChangeFlags(
    exception
      .command('add')
      .description('let through for a limited time what the policies deny')
      .argument('<rollout>', 'the rollout')
      .addHelpText('before', EXAMPLES)
      .addHelpText('after', NOTES)
      .requiredOption('--name <name>', 'the name of the exception')
      .option('--match <key=value>', 'which requests (repeatable: all must hold)', collect)
      .option('--for <duration>', 'how long, such as 14d')
      .option('--until <time>', 'or until when, RFC 3339')
      .option('--override-forbid', 'also where a forbid applies; makes the change high impact'),
  ).action((rollout: string, flags: Flags) => {
    // Here the owner is that of the exception; who answers for the rollout stays.
    const { owner: _, ...others } = flags;
    return makeChange(io, rollout, others, ({ nowMs }) => {
      const exception = exceptionOf(flags, nowMs);
      return exception.ok ? ok({ edit: (text) => putException(text, exception.value) }) : exception;
    });
  });
}

function exceptionOf(flags: Flags, nowMs: number): Result<Exception> {
  const match = parseMatch(flags.match ?? []);
  if (!match.ok) return match;
  const untilMs = endOf(flags, nowMs);
  if (!untilMs.ok) return untilMs;
  const { name, owner, ticket = '', reason = '' } = flags;
  if (owner === undefined) return refuse('an exception needs --owner: who sees to its end');
  const overrideForbid = flags.overrideForbid === true;
  const times = { fromMs: nowMs, untilMs: untilMs.value };
  return ok({ name, ticket, owner, reason, match: match.value, ...times, overrideForbid });
}
