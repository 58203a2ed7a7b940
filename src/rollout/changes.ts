/**
 * What a document changes against the one before it: the effective states of both compared, so that
 * an emergency, and what takes it over, read like any other change. Pure data; words are for others.
 */
import type { Digest } from '../bundle/types.js';
import { approvedState } from './effective.js';
import { setText } from './set-text.js';
import type {
  ApprovedState,
  Block,
  Exception,
  Match,
  ResolvedBundle,
  RolloutDestination,
  Slice,
  VerifiedDocument,
} from './types.js';

/** An exception or a block, with times as RFC 3339. */
export interface TimedFacts {
  readonly ticket: string;
  readonly owner: string;
  readonly reason: string;
  readonly match: Match;
  readonly from: string;
  readonly until: string;
  /** Of exceptions only. */
  readonly overrideForbid?: boolean;
}

/** Something with a name: null = not there. Where both are there, `fields` differ. */
interface Named<What extends string, Facts> {
  readonly what: What;
  readonly name: string;
  readonly from: Facts | null;
  readonly to: Facts | null;
  /** Names of the fields that differ; empty for what came or went as a whole. */
  readonly fields: readonly string[];
}

/** null = none. */
interface Replaced<What extends string, Facts> {
  readonly what: What;
  readonly from: Facts | null;
  readonly to: Facts | null;
}

export type Change =
  /** `bundle`: what should run. `rollback`: what one can go back to. */
  | Replaced<'bundle' | 'candidate' | 'rollback', ResolvedBundle>
  | Named<'destination', Omit<RolloutDestination, 'service'>>
  | Named<'enforce' | 'hold', { readonly match: Match }>
  | Named<'exception' | 'block', TimedFacts>
  /** Bundles that stop at once from here on. */
  | { readonly what: 'revoked'; readonly digest: Digest }
  /** A later document that forgets a revocation: the rules of change do not let it happen. */
  | { readonly what: 'unrevoked'; readonly digest: Digest }
  /** The document is an emergency: its delta. What follows from it stands beside, as for any other. */
  | {
      readonly what: 'emergency';
      readonly ticket: string;
      readonly relax: readonly string[] | 'all';
      readonly rollback: boolean;
      readonly blocks: readonly string[];
      readonly revoke: readonly Digest[];
      readonly reconcileBy: string;
    }
  /** It takes over these emergencies. */
  | { readonly what: 'reconciled'; readonly digest: Digest }
  /** `reviewBy` is the day of the next review, `seed` which callers a percentage takes. */
  | Replaced<'owner' | 'reviewBy' | 'seed', string>;

/** In a fixed order, what matters most first. Without `before`, everything is new. */
export function changesBetween(
  before: VerifiedDocument | undefined,
  after: VerifiedDocument,
): readonly Change[] {
  const was = before && approvedState(before);
  const is = approvedState(after);
  const named = <What extends string, Entry, Facts extends object>(
    what: What,
    listOf: (state: ApprovedState) => readonly Entry[],
    read: (entry: Entry) => readonly [string, Facts],
  ) => namedChanges(what, was === undefined ? [] : listOf(was), listOf(is), read);
  return [
    ...bundleChanges(before, was, after, is),
    ...named('destination', ({ destinations }) => destinations, destinationFacts),
    ...named('enforce', ({ enforce }) => enforce, sliceFacts),
    ...named('hold', ({ hold }) => hold, sliceFacts),
    ...named('exception', ({ exceptions }) => exceptions, timedFacts),
    ...named('block', ({ blocks }) => blocks, timedFacts),
    ...revocations('revoked', is.revoked, was?.revoked ?? new Set()),
    ...revocations('unrevoked', was?.revoked ?? new Set(), is.revoked),
    ...emergencyChanges(after),
    ...settingChanges(before, after),
  ];
}

function bundleChanges(
  before: VerifiedDocument | undefined,
  was: ApprovedState | undefined,
  after: VerifiedDocument,
  is: ApprovedState,
): Change[] {
  const pairs = [
    ['bundle', was?.active, is.active],
    ['candidate', was?.candidate, is.candidate],
    ['rollback', before && wayBack(before), wayBack(after)],
  ] as const;
  return pairs.flatMap(([what, from, to]) =>
    from?.digest === to?.digest ? [] : [{ what, from: from ?? null, to: to ?? null }],
  );
}

function wayBack(document: VerifiedDocument): ResolvedBundle | undefined {
  const { resolved } = document.kind === 'emergency' ? document.base : document;
  return resolved.rollback ?? undefined;
}

function namedChanges<What extends string, Entry, Facts extends object>(
  what: What,
  before: readonly Entry[],
  after: readonly Entry[],
  read: (entry: Entry) => readonly [string, Facts],
): Named<What, Facts>[] {
  const left = new Map(before.map(read));
  const right = new Map(after.map(read));
  return [...new Set([...left.keys(), ...right.keys()])].sort().flatMap((name) => {
    const from = left.get(name) ?? null;
    const to = right.get(name) ?? null;
    const fields = from === null || to === null ? [] : differingFields(from, to);
    const isSame = from !== null && to !== null && fields.length === 0;
    return isSame ? [] : [{ what, name, from, to, fields }];
  });
}

function differingFields(from: object, to: object): string[] {
  const [left, right] = [from, to].map((facts) => new Map(Object.entries(facts)));
  const names = new Set([...(left?.keys() ?? []), ...(right?.keys() ?? [])]);
  return [...names].filter((name) => setText(left?.get(name)) !== setText(right?.get(name)));
}

function destinationFacts({ service, ...facts }: RolloutDestination) {
  return [service, facts] as const;
}

function sliceFacts({ name, match }: Slice) {
  return [name, { match }] as const;
}

function timedFacts(entry: Block | Exception): readonly [string, TimedFacts] {
  const { name, ticket, owner, reason, match, fromMs, untilMs } = entry;
  const facts = { ticket, owner, reason, match, from: timeOf(fromMs), until: timeOf(untilMs) };
  if (!('overrideForbid' in entry)) return [name, facts];
  return [name, { ...facts, overrideForbid: entry.overrideForbid }];
}

function revocations(
  what: 'revoked' | 'unrevoked',
  digests: ReadonlySet<Digest>,
  without: ReadonlySet<Digest>,
): Change[] {
  return [...digests]
    .filter((digest) => !without.has(digest))
    .sort()
    .map((digest) => ({ what, digest }));
}

function emergencyChanges(after: VerifiedDocument): Change[] {
  if (after.kind === 'rollout') {
    return after.reconciles.map((digest) => ({ what: 'reconciled', digest }));
  }
  const { ticket, relax, rollback, blocks, revoke, reconcileByMs } = after;
  const names = blocks.map(({ name }) => name);
  const reconcileBy = timeOf(reconcileByMs);
  return [{ what: 'emergency', ticket, relax, rollback, blocks: names, revoke, reconcileBy }];
}

function settingChanges(before: VerifiedDocument | undefined, after: VerifiedDocument): Change[] {
  const was = before && settingsOf(before);
  const is = settingsOf(after);
  // The first document has them, of course: that is no news.
  if (was === undefined) return [];
  return (['owner', 'reviewBy', 'seed'] as const).flatMap((what) =>
    was[what] === is[what] ? [] : [{ what, from: was[what], to: is[what] }],
  );
}

function settingsOf(document: VerifiedDocument) {
  const { source, seed } = document.kind === 'emergency' ? document.base : document;
  const { owner, reviewByMs } = source.change;
  return { owner, reviewBy: timeOf(reviewByMs).slice(0, 10), seed };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
