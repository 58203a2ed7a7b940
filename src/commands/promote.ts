/** `cedargate promote`: make another bundle active, or the candidate. */
import type { Command } from 'commander';
import { problem } from '../errors.js';
import { type ActiveThere, activeThere } from '../repository/provenance.js';
import { failed, ok, type Result } from '../result.js';
import { newRolloutSource, setBundle, setCandidate } from '../rollout/edit-source.js';
import { bundleRefText, parseBundleRef, parseRolloutSource } from '../rollout/source.js';
import type { BundleRef } from '../rollout/types.js';
import { parseUtcDay } from '../rollout/utc-time.js';
import { type ChangeFlags, type Place, refuse, withChangeFlags } from './change-flags.js';
import { type EvidenceFlags, evidenceFrom, withEvidenceFlag } from './evidence.js';
import { type Edit, makeChange } from './make-change.js';
import { collect } from './match-flags.js';
import type { Io } from './output.js';

const EXAMPLES = `Examples:
  The first document of a rollout, in shadow:
    cedargate promote payments --environment dev --service shop/payments \\
      --bundle payments@2026.11.3 --owner team-payments --review-by 2027-02-22 \\
      --ticket CHG-1040 --reason "first policies" --key cleo.key
  The bundle that is active in test, to production:
    cedargate promote payments --environment production --from test \\
      --ticket CHG-1041 --reason "as tested" --key cleo.key
`;

const NOTES = `
Edits rollouts/<environment>/<name>.yaml, seals it as the next document of history/ and signs it.
Without --bundle and --from the source is sealed as people edited it. Where trust.yaml says that an
environment comes after another, a bundle that is new there needs --from, and must have been active
there for the soak time. Nothing changes anywhere before enough people have approved the document.`;

interface Flags extends ChangeFlags, EvidenceFlags {
  readonly bundle?: string;
  readonly candidate?: true;
  readonly from?: string;
  readonly service?: readonly string[];
}

export function registerPromote(program: Command, io: Io): void {
  withEvidenceFlag(
    withChangeFlags(
      program
        .command('promote')
        .description('make another bundle active, or the candidate')
        .argument('<name>', 'the rollout')
        .addHelpText('before', EXAMPLES)
        .addHelpText('after', NOTES)
        .option('--bundle <name@version>', 'the bundle, as bundles/ has it')
        .option('--candidate', 'decide it beside the active one, and enforce nothing of it')
        .option('--from <environment>', 'take the bundle that is active there')
        .option(
          '--service <ns/name>',
          'a destination, for the first document (repeatable)',
          collect,
        ),
    ),
  ).action((name: string, flags: Flags) => {
    return makeChange(io, name, flags, async ({ place }) => {
      const planned = await plan(place, flags);
      return planned.ok ? ok({ ...planned.value, evidence: evidenceFrom(io, flags) }) : planned;
    });
  });
}

async function plan(place: Place, flags: Flags): Promise<Result<Edit>> {
  const from = await provenanceOf(place, flags);
  if (!from.ok) return from;
  const ref = refOf(flags, from.value);
  if (!ref.ok) return ref;
  const first = firstSource(place.id.name, flags, ref.value);
  if (!first.ok) return first;
  const edit = (text: string) => edited(text, ref.value, flags);
  return ok({ edit, first: first.value, from: from.value });
}

async function provenanceOf({ id, repository }: Place, { from }: Flags) {
  if (from === undefined) return ok(undefined);
  return activeThere(repository, { name: id.name, environment: from });
}

/** The bundle that is meant; undefined = what the source says. */
function refOf(
  { bundle, candidate, from: environment }: Flags,
  from: ActiveThere | undefined,
): Result<BundleRef | undefined> {
  const named = bundle === undefined ? undefined : parseBundleRef(bundle);
  if (bundle !== undefined && named === undefined) {
    return refuse(`--bundle must be NAME@VERSION, not \`${bundle}\``);
  }
  if (candidate === true && named === undefined) return refuse('--candidate needs --bundle');
  if (from === undefined || candidate === true) return ok(named);
  if (from.active === undefined) {
    const help =
      '`cedargate history` says what is approved there; a document that waits is not active, and one that does not count since a key was removed is to be approved again, or sealed anew, there first';
    return failed(problem('change_refused', `nothing is active in \`${environment}\``, { help }));
  }
  if (named !== undefined && bundleRefText(named) !== bundleRefText(from.active)) {
    const there = bundleRefText(from.active);
    return refuse(`\`${bundle}\` is not what is active in \`${environment}\`: \`${there}\``);
  }
  return ok(from.active);
}

function edited(text: string, ref: BundleRef | undefined, { candidate }: Flags): string {
  if (ref === undefined) return text;
  if (candidate === true) return setCandidate(text, ref);
  const source = parseRolloutSource(text, 'source');
  const before = source.ok ? source.value.candidate : undefined;
  const withBundle = setBundle(text, ref);
  // What becomes active is a candidate no longer.
  return before !== undefined && bundleRefText(before) === bundleRefText(ref)
    ? setCandidate(withBundle, undefined)
    : withBundle;
}

/** What the source begins with when there is none: its `change` is put in with every other one. */
function firstSource(
  name: string,
  { environment, service, owner, reviewBy, ticket = '', reason = '' }: Flags,
  bundle: BundleRef | undefined,
): Result<string | undefined> {
  if (service === undefined) return ok(undefined);
  const reviewByMs = reviewBy === undefined ? undefined : parseUtcDay(reviewBy);
  if (bundle === undefined || owner === undefined || reviewByMs === undefined) {
    return refuse('the first document needs --bundle or --from, --owner and --review-by');
  }
  const change = { type: 'normal', ticket, reason, owner, reviewByMs };
  return ok(newRolloutSource({ name, environment, destinations: service, change, bundle }));
}
