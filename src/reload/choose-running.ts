/**
 * What runs under the newest approved document of a rollout: its own bundle when that is there and
 * fits, else what ran before, as long as nobody revoked it. Asks for bundles, decides, loads nothing.
 */
import type { Digest } from '../bundle/types.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { approvedState } from '../rollout/effective.js';
import { type BundleFacts, fitProblem } from '../rollout/fit.js';
import type { VerifiedDocument } from '../rollout/types.js';
import { type RolloutMemory, type Running, rolloutOf } from './rollout-memory.js';

/** Verified and compiled, or why not. */
export type BundleSupply = (digest: Digest) => Promise<Result<BundleFacts>>;

export interface Choice {
  readonly running: Running;
  /** Why this is not what the newest document asks for; undefined when it is. */
  readonly lag: Problem | undefined;
}

export async function chooseRunning(memory: RolloutMemory, supply: BundleSupply): Promise<Choice> {
  const { newest, running: before } = memory;
  const state = approvedState(newest);
  const under = (document: VerifiedDocument, bundle: Digest | undefined): Running => ({
    document,
    bundle,
    absence: 'no_bundle',
  });

  const own = await take(newest, state.active?.digest, supply, { routes: !isEscape(newest) });
  if (own.ok) return { running: under(newest, state.active?.digest), lag: undefined };
  const [lag] = own.problems;

  const kept = keepRunning(memory);
  if (kept.bundle !== undefined && (await supply(kept.bundle)).ok) return { running: kept, lag };
  const isRevoked = before?.bundle !== undefined && state.revoked.has(before.bundle);
  if (isRevoked && state.fallback !== undefined) {
    const back = await take(newest, state.fallback.digest, supply, { routes: false });
    if (back.ok) return { running: under(newest, state.fallback.digest), lag };
  }
  return { running: { ...kept, document: newest, bundle: undefined }, lag };
}

/** What goes on while nothing of the newest document can run: what ran before, unless it is revoked. */
export function keepRunning({ newest, running: before }: RolloutMemory): Running {
  const state = approvedState(newest);
  const isRevoked = before?.bundle !== undefined && state.revoked.has(before.bundle);
  const absence = isRevoked || state.active === undefined ? 'bundle_revoked' : 'no_bundle';
  if (before?.bundle === undefined || isRevoked) {
    return { document: newest, bundle: undefined, absence };
  }
  // An emergency acts at once, on whatever bundle runs; anything else waits as a whole.
  const document = newest.kind === 'emergency' ? newest : before.document;
  return { document, bundle: before.bundle, absence };
}

/**
 * An emergency that goes back to an earlier bundle, because it says so or because it revokes the
 * later one: at 3 am that must not fail on a route that the earlier one did not have.
 */
function isEscape(document: VerifiedDocument): boolean {
  if (document.kind !== 'emergency') return false;
  return document.rollback || document.revoke.includes(document.base.resolved.active.digest);
}

async function take(
  document: VerifiedDocument,
  digest: Digest | undefined,
  supply: BundleSupply,
  check: { readonly routes: boolean },
): Promise<Result<undefined>> {
  if (digest === undefined) {
    return failed(problem('bundle_revoked', 'every bundle of the document is revoked'));
  }
  const facts = await supply(digest);
  if (!facts.ok) return facts;
  const { name, sequence, sourceText: text } = rolloutOf(document);
  const written = { text, file: `${name} ${sequence} (source)` };
  const fault = fitProblem(approvedState(document), facts.value, check, written);
  return fault === undefined ? ok(undefined) : failed(fault);
}
