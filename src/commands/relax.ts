/** `cedargate relax`: a slice, or everything, back to shadow. */
import type { Command } from 'commander';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { removeAllSlices, removeSlice } from '../rollout/edit-source.js';
import type { Slice } from '../rollout/types.js';
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
  At 3 am, everything to shadow, and into the cluster at once:
    cedargate relax payments --environment production --emergency --ticket INC-1 \\
      --key eve.key --apply
  As a planned change:
    cedargate relax payments --environment production --slice reads \\
      --ticket CHG-1051 --reason "callers are not ready" --key cleo.key
`;

interface Flags extends EmergencyCommandFlags {
  readonly slice?: string;
}

export function registerRelax(program: Command, io: Io): void {
  withEmergencyFlags(
    program
      .command('relax')
      .description('put a slice, or everything, back to shadow')
      .argument('<name>', 'the rollout')
      .addHelpText('before', EXAMPLES)
      .option('--slice <name>', 'the slice (default: everything that is enforced)'),
  ).action((name: string, flags: Flags) => {
    const { slice } = flags;
    if (flags.emergency === true) {
      return makeEmergency(io, name, flags, async ({ place }) => {
        const known = await checkSlice(place, slice);
        return known.ok ? ok({ relax: slice === undefined ? 'all' : [slice] }) : known;
      });
    }
    return makeChange(io, name, flags, async ({ place }) => {
      const known = await checkSlice(place, slice);
      if (!known.ok) return known;
      return ok({
        edit: (text) =>
          slice === undefined
            ? removeAllSlices(text, 'enforce')
            : removeSlice(text, 'enforce', slice),
      });
    });
  });
}

/** A slip in the name must not look like a success at 3 am. */
async function checkSlice(place: Place, slice: string | undefined): Promise<Result<undefined>> {
  const history = await historyAt(place);
  if (!history.ok) return history;
  const enforced: readonly Slice[] = history.value.lastRollout?.source.enforce ?? [];
  if (slice === undefined || enforced.some(({ name }) => name === slice)) return ok(undefined);
  const names = enforced.map(({ name }) => `\`${name}\``).join(', ') || 'nothing';
  const message = `no slice \`${slice}\` is enforced; what is: ${names}`;
  return failed(problem('change_refused', message));
}
