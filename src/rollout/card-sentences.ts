/** What a document means, in sentences: for people who must say yes to it without reading its YAML. */
import { timeText } from './document-fields.js';
import { listText, requestsText, takesAll } from './match-words.js';
import { bundleRefText } from './source.js';
import type {
  ApprovedState,
  Block,
  Exception,
  Slice,
  VerifiedDocument,
  VerifiedEmergency,
} from './types.js';

/** `was`: what was approved before; undefined when there is nothing, or nobody can say. */
export function meaningOf(
  document: VerifiedDocument,
  is: ApprovedState,
  was: ApprovedState | undefined,
): string[] {
  const covered = is.destinations.map(({ service }) => service);
  return [
    ...(document.kind === 'emergency' ? [emergencySentence(document)] : takeOver(document)),
    ...enforcement(is, was, covered),
    ...is.hold.map(({ name, match }) => {
      return `Whatever is enforced, ${requestsText(match, covered)} stay in shadow (hold \`${name}\`).`;
    }),
    ...is.blocks.map((block) => {
      return `${spanText(block)}, ${requestsText(block.match, covered)} are denied, in shadow too (block ${entryText(block)}).`;
    }),
    ...is.exceptions.map((exception) => exceptionSentence(exception, covered)),
    ...candidateSentence(is),
    ...faultSentences(is),
    ...revocations(is, was),
  ];
}

function emergencySentence({ relax, rollback, blocks, revoke, reconcileByMs }: VerifiedEmergency) {
  const slices = relax === 'all' ? [] : relax.map((name) => `\`${name}\``);
  const parts = [
    ...(relax === 'all' ? ['puts everything that is enforced back into shadow'] : []),
    ...(slices.length === 0 ? [] : [`puts ${listText(slices)} back into shadow`]),
    ...(rollback ? ['goes back to the bundle before'] : []),
    ...(blocks.length === 0 ? [] : [`blocks ${listText(blocks.map(({ name }) => `\`${name}\``))}`]),
    ...(revoke.length === 0 ? [] : [`revokes ${listText(revoke)}`]),
  ];
  const until = `until a later document takes it over, which is due by ${timeText(reconcileByMs)}`;
  return `This is an emergency, signed by one person: it ${listText(parts)}, ${until}.`;
}

function takeOver({ reconciles }: Extract<VerifiedDocument, { kind: 'rollout' }>): string[] {
  return reconciles.map((digest) => `It takes over the emergency \`${digest}\`.`);
}

function enforcement(
  { active, enforce }: ApprovedState,
  was: ApprovedState | undefined,
  covered: readonly string[],
): string[] {
  if (active === undefined) {
    return ['No bundle runs: what should run is revoked, and nothing stands behind it.'];
  }
  const bundle = bundleRefText(active);
  const [only, ...more] = enforce;
  if (only === undefined) {
    const begin = was !== undefined && was.enforce.length > 0 ? 'From now on nothing' : 'Nothing';
    return [
      `${begin} is enforced: requests to ${listText(covered)} are decided by ${bundle} in shadow, and let through.`,
    ];
  }
  const sentence = (slice: Slice) => {
    const since = isUnchanged(slice, was) ? 'As before' : 'From now on';
    const comma = since === 'As before' ? ',' : '';
    return `${since}${comma} ${requestsText(slice.match, covered)} are enforced with ${bundle}`;
  };
  if (more.length === 0) {
    const rest = takesAll(only.match) ? '' : '; everything else stays in shadow';
    return [`${sentence(only)}${rest}.`];
  }
  const all = enforce.map((slice) => `${sentence(slice)} (slice \`${slice.name}\`).`);
  return enforce.some(({ match }) => takesAll(match))
    ? all
    : [...all, 'Everything else stays in shadow.'];
}

function isUnchanged({ name, match }: Slice, was: ApprovedState | undefined): boolean {
  const before = was?.enforce.find((slice) => slice.name === name);
  return before !== undefined && JSON.stringify(before.match) === JSON.stringify(match);
}

/** What it lets through, from when until when, and who answers for it. */
export function exceptionSentence(exception: Exception, covered: readonly string[]): string {
  const forbid = exception.overrideForbid ? ', also where a forbid applies' : '';
  const requests = requestsText(exception.match, covered);
  return `${spanText(exception)}, ${requests} are let through where the policies deny them${forbid} (exception ${entryText(exception)}).`;
}

function spanText({ fromMs, untilMs }: Block): string {
  return `From ${timeText(fromMs)} until ${timeText(untilMs)}`;
}

function entryText({ name, ticket, owner, reason }: Block): string {
  return `\`${name}\`, ${ticket}, ${owner}: ${reason}`;
}

function candidateSentence({ candidate }: ApprovedState): string[] {
  if (candidate === undefined) return [];
  return [`${bundleRefText(candidate)} is decided beside it on every request, and never enforced.`];
}

function faultSentences({ destinations, enforce }: ApprovedState): string[] {
  if (enforce.length === 0) return [];
  return (['allow', 'deny'] as const).flatMap((onFault) => {
    const services = destinations.filter((each) => each.onFault === onFault);
    if (services.length === 0) return [];
    const names = listText(services.map(({ service }) => service));
    const outcome = onFault === 'allow' ? 'let through' : 'denied';
    return [
      `Where cedargate cannot decide, requests to ${names} that are enforced are ${outcome}.`,
    ];
  });
}

function revocations(is: ApprovedState, was: ApprovedState | undefined): string[] {
  return [...is.revoked]
    .filter((digest) => was?.revoked.has(digest) !== true)
    .map((digest) => `The bundle \`${digest}\` is revoked: it stops at once, wherever it runs.`);
}
