/** `cedargate exception add`: let through for some days what the policies deny. */
import type { Command } from 'commander';
import { escapeName } from '../bundle/names.js';
import { ok, type Result } from '../result.js';
import { exceptionSentence } from '../rollout/card-sentences.js';
import { putException } from '../rollout/edit-source.js';
import type { Exception, Match, VerifiedRollout } from '../rollout/types.js';
import { type ChangeFlags, endOf, refuse, withChangeFlags } from './change-flags.js';
import { logLines } from './log-reading.js';
import { makeChange } from './make-change.js';
import { collect, MATCH_HELP, parseMatch } from './match-flags.js';
import { type Io, note } from './output.js';

const EXAMPLES = `Examples:
  What was denied in this line of the decision log, and no more than that:
    cedargate exception add payments --environment production --from-decision DECISION_ID \\
      --log decisions.log --for 14d --owner team-orders --ticket CHG-1060 \\
      --reason "missing grant seen in shadow" --key cleo.key
  In your own words:
    cedargate exception add payments --environment production --name orders-refunds \\
      --match callers=spiffe://example.org/ns/shop/sa/orders --match routes=refund --for 14d \\
      --owner team-orders --ticket CHG-1060 --reason "missing grant seen in shadow" --key cleo.key
`;

const NOTES = `
An exception applies to denials alone, never to errors, and over a satisfied \`forbid\` only with
--override-forbid. It ends by itself. Keys of --match: ${MATCH_HELP}.
--from-decision takes caller, destination, action and route from the line; without --name the exception
is called \`decision-\` and the last twelve characters of the id.`;

/** Of a UUIDv7 the random part: enough to tell decisions apart. */
const NAME_ID_CHARS = 12;

interface Flags extends ChangeFlags {
  readonly name?: string;
  readonly match?: readonly string[];
  readonly fromDecision?: string;
  readonly log?: readonly string[];
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
      .option('--name <name>', 'the name of the exception; needed without --from-decision')
      .option('--match <key=value>', 'which requests (repeatable: all must hold)', collect)
      .option('--from-decision <id>', 'or those like this denied one of the --log')
      .option('--log <file...>', 'decision logs; plain or gzip, `-` for stdin')
      .option('--for <duration>', 'how long, such as 14d or 36h')
      .option('--until <time>', 'or until when, RFC 3339')
      .option('--override-forbid', 'also where a forbid applies; makes the change high impact'),
  ).action((rollout: string, flags: Flags) => {
    // Here the owner is that of the exception; who answers for the rollout stays.
    const { owner: _, ...others } = flags;
    return makeChange(io, rollout, others, async ({ nowMs }) => {
      const exception = await exceptionOf(io, rollout, flags, nowMs);
      if (!exception.ok) return exception;
      return ok({
        edit: (text) => putException(text, exception.value),
        says: (document) => allowed(document, exception.value.name),
      });
    });
  });
}

async function exceptionOf(
  io: Io,
  rollout: string,
  flags: Flags,
  nowMs: number,
): Promise<Result<Exception>> {
  const untilMs = endOf(flags, nowMs);
  if (!untilMs.ok) return untilMs;
  const { owner, ticket = '', reason = '' } = flags;
  if (owner === undefined) return refuse('an exception needs --owner: who sees to its end');
  const name = flags.name ?? nameOf(flags);
  if (name === undefined) return refuse('an exception needs --name, or --from-decision');
  const match = await matchOf(io, rollout, flags);
  if (!match.ok) return match;
  const overrideForbid = flags.overrideForbid === true;
  const times = { fromMs: nowMs, untilMs: untilMs.value };
  return ok({ name, ticket, owner, reason, match: match.value, ...times, overrideForbid });
}

function nameOf({ fromDecision }: Flags): string | undefined {
  return fromDecision && `decision-${fromDecision.slice(-NAME_ID_CHARS).toLowerCase()}`;
}

async function matchOf(io: Io, rollout: string, flags: Flags): Promise<Result<Match>> {
  const { fromDecision, log, match, environment, overrideForbid = false } = flags;
  if (fromDecision === undefined) {
    if (log !== undefined) return refuse('--log is for --from-decision');
    return parseMatch(match ?? []);
  }
  if (match !== undefined) return refuse('give either --match or --from-decision');
  if (log === undefined) return refuse('--from-decision needs --log: where the decision is told');
  const { DecisionSearch, exceptionFor } = await import('../analysis/decision-exception.js');
  const search = new DecisionSearch(fromDecision);
  const read = await logLines(log, io.stdin, (_file, text) => search.line(text));
  if (!read.ok) return read;
  const request = search.result();
  if (!request.ok) return request;
  const narrow = exceptionFor(request.value, { environment, rollout, overrideForbid });
  if (!narrow.ok) return narrow;
  const { wider } = narrow.value;
  if (wider !== undefined) note(io, escapeName(`note: ${wider}`));
  return ok(narrow.value.match);
}

function allowed({ source }: VerifiedRollout, name: string): string[] {
  const covered = source.destinations.map(({ service }) => service);
  return source.exceptions
    .filter((exception) => exception.name === name)
    .map((exception) => exceptionSentence(exception, covered));
}
