/** `cedargate exception list`: what is let through although the policies deny it, and until when. */
import { type Command, Option } from 'commander';
import { type Uses, unitedUses, usesInLogs, usesInStatus } from '../audit/exception-uses.js';
import { escapeName } from '../bundle/names.js';
import { EXCEPTION_ENDS_SOON_MS } from '../constants.js';
import type { RolloutId } from '../repository/layout.js';
import { failed, ok, type Result } from '../result.js';
import { approvedState } from '../rollout/effective.js';
import type { Exception } from '../rollout/types.js';
import { openPlace, type PlaceFlags, withPlaceFlags } from './change-flags.js';
import { logWarnings, readLogs } from './log-reading.js';
import { historyAt } from './make-change.js';
import { fail, type Io, note, print, printJson, table } from './output.js';
import { readInput } from './read-input.js';

const EXAMPLES = `Examples:
  cedargate exception list payments --environment production
  Which of them are used, since the pod started, or in a log:
    curl -s http://127.0.0.1:9292/status | cedargate exception list payments \\
      --environment production --status -
    cedargate exception list payments --environment production --log decisions.log
`;

const NOTES = `
One that ends within ${EXCEPTION_ENDS_SOON_MS / 86_400_000} days is marked, and so is one that was never used: the policies allow by
now what it was made for, or nobody asks any more. \`exception end\` ends it before its time.`;

interface Flags extends PlaceFlags {
  readonly status?: readonly string[];
  readonly log?: readonly string[];
}

export function registerExceptionList(exception: Command, io: Io): void {
  withPlaceFlags(
    exception
      .command('list')
      .description('the exceptions of the newest approved document, and when they end')
      .argument('<rollout>', 'the rollout')
      .addHelpText('before', EXAMPLES)
      .addHelpText('after', NOTES)
      .addOption(
        new Option('--status <file...>', 'what sidecars say in /status; `-` for stdin').conflicts(
          'log',
        ),
      )
      .option('--log <file...>', 'decision logs; plain or gzip, `-` for stdin'),
  ).action(async (rollout: string, flags: Flags) => {
    const place = await openPlace(rollout, flags);
    if (!place.ok) return fail(io, place.problems);
    const history = await historyAt(place.value);
    if (!history.ok) return fail(io, history.problems);
    const { latest } = history.value;
    const { exceptions, issuedAtMs } = latest === undefined ? NONE : approvedState(latest);
    const uses = await usesOf(io, flags, place.value.id, exceptions);
    if (!uses.ok) return fail(io, uses.problems);
    const nowMs = Date.now();
    // Sidecars do not let one through that ended before the document was made.
    const clock = { nowMs, latestMs: Math.max(nowMs, issuedAtMs) };
    const listed = exceptions.map((each) => described(each, uses.value.get(each.name), clock));
    if (flags.json === true) return printJson(io, listed);
    if (listed.length === 0) return print(io, 'no exceptions');
    const asked = flags.status !== undefined || flags.log !== undefined;
    print(io, table(listed.map((each) => row(each, asked))));
  });
}

const NONE = { exceptions: [], issuedAtMs: 0 };

async function usesOf(
  io: Io,
  { status, log }: Flags,
  id: RolloutId,
  exceptions: readonly Exception[],
): Promise<Result<ReadonlyMap<string, Uses>>> {
  const names = exceptions.map(({ name }) => name);
  if (log !== undefined) {
    const { facts, problems } = await readLogs(log, io.stdin);
    const [first, ...rest] = problems;
    if (first !== undefined) return failed(first, ...rest);
    for (const warning of logWarnings(facts.account())) note(io, warning);
    return ok(usesInLogs(facts.uses(), id, names));
  }
  const all: ReadonlyMap<string, Uses>[] = [];
  for (const file of new Set(status)) {
    const text = await readInput(file, io.stdin);
    if (!text.ok) return text;
    const uses = usesInStatus(text.value, file, id);
    if (!uses.ok) return uses;
    all.push(uses.value);
  }
  return ok(unitedUses(all));
}

interface Clock {
  readonly nowMs: number;
  readonly latestMs: number;
}

function described(exception: Exception, used: Uses | undefined, { nowMs, latestMs }: Clock) {
  const { name, ticket, owner, reason, match, fromMs, untilMs, overrideForbid } = exception;
  const state = nowMs < fromMs ? 'pending' : latestMs < untilMs ? 'active' : 'ended';
  const [from, until] = [fromMs, untilMs].map((ms) => new Date(ms).toISOString());
  const endsSoon = state !== 'ended' && untilMs - nowMs <= EXCEPTION_ENDS_SOON_MS;
  const { uses = null, first = null, last = null } = used ?? {};
  return {
    ...{ name, state, from, until, endsSoon, ticket, owner, reason, match, overrideForbid },
    ...{ uses, firstUsed: first, lastUsed: last },
  };
}

/** `asked`: whether anybody wants to know of uses. */
function row(exception: ReturnType<typeof described>, asked: boolean): string[] {
  const { name, state, until, endsSoon, uses, lastUsed, owner, ticket, reason } = exception;
  const ends = `until ${until}${endsSoon ? ', ends soon' : ''}`;
  return [
    name,
    state,
    ends,
    ...(asked ? [useText(uses, lastUsed)] : []),
    owner,
    ticket,
    reason,
  ].map(escapeName);
}

function useText(uses: number | null, last: string | null): string {
  if (uses === null) return 'uses not known';
  if (uses === 0) return 'never used';
  return `used ${uses} ${uses === 1 ? 'time' : 'times'}${last === null ? '' : `, last ${last}`}`;
}
