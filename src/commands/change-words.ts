/**
 * What a document changes, in words: one short line each, the same for cards, commands, history and
 * audit. Names in it are escaped by the caller.
 */
import type { Change, TimedFacts } from '../rollout/changes.js';
import type { Match, ResolvedBundle } from '../rollout/types.js';

export function changeText(change: Change): string {
  switch (change.what) {
    case 'bundle':
    case 'candidate':
    case 'rollback':
      return `${BUNDLE_WORDS[change.what]} ${bundleText(change.from)} -> ${bundleText(change.to)}`;
    case 'destination':
      return namedText('destination', change, ({ onFault, requireLog }) => {
        return `on a fault ${onFault}${requireLog ? ', needs the log' : ''}`;
      });
    case 'enforce':
    case 'hold': {
      const words = change.what === 'enforce' ? 'enforced slice' : 'held slice';
      return namedText(words, change, ({ match }) => matchText(match));
    }
    case 'exception':
    case 'block':
      return namedText(change.what, change, timedText);
    case 'revoked':
      return `revokes bundle ${change.digest}: it stops at once`;
    case 'unrevoked':
      return `takes back that bundle ${change.digest} is revoked`;
    case 'emergency':
      return emergencyText(change);
    case 'reconciled':
      return `takes over emergency ${shortDigest(change.digest)}`;
    case 'owner':
    case 'reviewBy':
    case 'seed':
      return `${SETTING_WORDS[change.what]} ${change.from} -> ${change.to}`;
  }
}

const BUNDLE_WORDS = { bundle: 'bundle', candidate: 'candidate', rollback: 'way back' } as const;
const SETTING_WORDS = { owner: 'owner', reviewBy: 'next review', seed: 'seed of percentages' };

function bundleText(bundle: ResolvedBundle | null): string {
  if (bundle === null) return 'none';
  return `${bundle.name}@${bundle.version} (${shortDigest(bundle.digest)})`;
}

interface Named<Facts> {
  readonly name: string;
  readonly from: Facts | null;
  readonly to: Facts | null;
  readonly fields: readonly string[];
}

function namedText<Facts>(
  what: string,
  { name, from, to, fields }: Named<Facts>,
  words: (facts: Facts) => string,
): string {
  if (to === null) return `- ${what} ${name}${from === null ? '' : `: ${words(from)}`}`;
  if (from === null) return `+ ${what} ${name}: ${words(to)}`;
  const left = words(from);
  const right = words(to);
  // Not every field is in the words.
  return left === right
    ? `~ ${what} ${name}: other ${fields.join(', ')}`
    : `~ ${what} ${name}: ${left} -> ${right}`;
}

function matchText(match: Match): string {
  const parts = Object.entries(match).map(([key, value]) => {
    if (key === 'percent') return `${value} %`;
    if (value === true) return key;
    return `${key} ${Array.isArray(value) ? value.join(', ') : value}`;
  });
  return parts.length === 0 ? 'everything' : parts.join('; ');
}

function timedText(facts: TimedFacts): string {
  const { match, from, until, ticket, owner, reason, overrideForbid } = facts;
  const above = overrideForbid === true ? ', above a forbid' : '';
  return `${matchText(match)}; ${from} to ${until}${above} (${ticket}, ${owner}: ${reason})`;
}

function emergencyText(change: Extract<Change, { what: 'emergency' }>): string {
  const { relax, rollback, blocks, revoke, reconcileBy } = change;
  const parts = [
    ...(relax === 'all' ? ['nothing is enforced'] : []),
    ...(relax !== 'all' && relax.length > 0 ? [`relaxes ${relax.join(', ')}`] : []),
    ...(rollback ? ['goes back'] : []),
    ...(blocks.length > 0 ? [`blocks ${blocks.join(', ')}`] : []),
    ...(revoke.length > 0 ? [`revokes ${revoke.map(shortDigest).join(', ')}`] : []),
  ];
  return `emergency ${change.ticket}: ${parts.join(', ')}; to be taken over by ${reconcileBy}`;
}

/** Enough to be looked up. */
function shortDigest(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}
