/** `cedargate rollback`: back to the bundle that was active before. */
import type { Command } from 'commander';
import { problem } from '../errors.js';
import { revokedIn } from '../repository/open-history.js';
import { failed, ok, type Result } from '../result.js';
import { setBundle } from '../rollout/edit-source.js';
import { rollbackTarget, rolloutOf } from '../rollout/next-document.js';
import type { VerifiedRollout } from '../rollout/types.js';
import type { Place } from './change-flags.js';
import {
  type EmergencyCommandFlags,
  historyAt,
  makeChange,
  makeEmergency,
  withEmergencyFlags,
} from './make-change.js';
import type { Io } from './output.js';

const EXAMPLES = `Examples:
    cedargate rollback payments --environment production --emergency --ticket INC-2 \\
      --key eve.key --apply
    cedargate rollback payments --environment production --revoke \\
      --ticket CHG-1052 --reason "wrong group" --key cleo.key
`;

const NOTES = `
The way back is the last active bundle that is neither revoked nor was left by going back; \`show\` names
it. With --revoke the bundle that is left stops at once everywhere, and may never be active again.`;

interface Flags extends EmergencyCommandFlags {
  readonly revoke?: true;
}

export function registerRollback(program: Command, io: Io): void {
  withEmergencyFlags(
    program
      .command('rollback')
      .description('go back to the bundle that was active before')
      .argument('<name>', 'the rollout')
      .addHelpText('before', EXAMPLES)
      .addHelpText('after', NOTES)
      .option('--revoke', 'and revoke the bundle that is left'),
  ).action((name: string, flags: Flags) => {
    const revoke = flags.revoke === true;
    if (flags.emergency === true) {
      return makeEmergency(io, name, flags, async ({ place }) => {
        const back = await wayBack(place);
        return back.ok ? ok({ rollback: true, revokeActive: revoke }) : back;
      });
    }
    return makeChange(io, name, flags, async ({ place }) => {
      const back = await wayBack(place);
      if (!back.ok) return back;
      const { active, rollback } = back.value;
      return ok({
        edit: (text) => setBundle(text, rollback),
        revoke: revoke ? [active.digest] : [],
      });
    });
  });
}

type Resolved = VerifiedRollout['resolved'];

async function wayBack(
  place: Place,
): Promise<Result<Resolved & { readonly rollback: NonNullable<Resolved['rollback']> }>> {
  const history = await historyAt(place);
  if (!history.ok) return history;
  const { lastRollout, counting } = history.value;
  const resolved = lastRollout?.resolved;
  const counts = counting.some((each) => rolloutOf(each).digest === lastRollout?.digest);
  // What a document that does not count calls the way back may be what a thief wants to run.
  const back = counts
    ? resolved?.rollback
    : resolved && rollbackTarget(counting, resolved.active, [...revokedIn(history.value)]);
  if (resolved && back) return ok({ ...resolved, rollback: back });
  const { name, environment } = place.id;
  const message = `\`${name}\` in \`${environment}\` has no bundle to go back to`;
  const help = 'promote a bundle that is good, or stop enforcing at once: `cedargate relax`';
  return failed(problem('change_refused', message, { help }));
}
