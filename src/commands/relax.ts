/** `cedargate relax`: a slice, or everything, back to shadow. */
import type { Command } from 'commander';
import { ok, type Result } from '../result.js';
import { removeAllSlices, removeSlice } from '../rollout/edit-source.js';
import type { Place } from './change-flags.js';
import { checkKnown } from './known-name.js';
import {
  type EmergencyCommandFlags,
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

async function checkSlice(place: Place, slice: string | undefined): Promise<Result<undefined>> {
  return slice === undefined ? ok(undefined) : checkKnown(place, 'enforce', slice);
}
