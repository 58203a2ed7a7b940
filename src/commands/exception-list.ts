/** `cedargate exception list`: what is let through although the policies deny it, and until when. */
import type { Command } from 'commander';
import { approvedState } from '../rollout/effective.js';
import type { Exception } from '../rollout/types.js';
import { openPlace, type PlaceFlags, withPlaceFlags } from './change-flags.js';
import { historyAt } from './make-change.js';
import { fail, type Io, print, printJson, table } from './output.js';

const EXAMPLES = `Examples:
  cedargate exception list payments --environment production
`;

export function registerExceptionList(exception: Command, io: Io): void {
  withPlaceFlags(
    exception
      .command('list')
      .description('the exceptions of the newest approved document, and when they end')
      .argument('<rollout>', 'the rollout')
      .addHelpText('before', EXAMPLES),
  ).action(async (rollout: string, flags: PlaceFlags) => {
    const place = await openPlace(rollout, flags);
    if (!place.ok) return fail(io, place.problems);
    const history = await historyAt(place.value);
    if (!history.ok) return fail(io, history.problems);
    const { latest } = history.value;
    const nowMs = Date.now();
    const exceptions = latest === undefined ? [] : approvedState(latest).exceptions;
    const listed = exceptions.map((each) => described(each, nowMs));
    if (flags.json === true) return printJson(io, listed);
    if (listed.length === 0) return print(io, 'no exceptions');
    const rows = listed.map(({ name, state, until, owner, ticket, reason }) => {
      return [name, state, `until ${until}`, owner, ticket, reason];
    });
    print(io, table(rows));
  });
}

function described(exception: Exception, nowMs: number) {
  const { name, ticket, owner, reason, match, fromMs, untilMs, overrideForbid } = exception;
  const state = nowMs < fromMs ? 'pending' : nowMs < untilMs ? 'active' : 'ended';
  const [from, until] = [fromMs, untilMs].map((ms) => new Date(ms).toISOString());
  return { name, state, from, until, ticket, owner, reason, match, overrideForbid };
}
