/**
 * What runs under the newest approved document of a rollout: its own bundle when that is there and
 * fits, else what ran before, as long as nobody revoked it. Asks for bundles, decides, loads nothing.
 */
import type { Digest } from '../bundle/types.js';
import { type Problem, problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { approvedState } from '../rollout/effective.js';
import { type BundleFacts, fitProblem } from '../rollout/fit.js';
import type { ApprovedState, VerifiedDocument } from '../rollout/types.js';
import type { RolloutMemory, Running } from './rollout-memory.js';

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

  const own = await take(state, state.active?.digest, supply, { routes: !isEscape(newest) });
  if (own.ok) return { running: under(newest, state.active?.digest), lag: undefined };
  const [lag] = own.problems;

  const revoked = before?.bundle !== undefined && state.revoked.has(before.bundle);
  if (before?.bundle !== undefined && !revoked && (await supply(before.bundle)).ok) {
    // An emergency acts at once, on whatever bundle runs; anything else waits as a whole.
    const document = newest.kind === 'emergency' ? newest : before.document;
    return { running: under(document, before.bundle), lag };
  }
  if (revoked && state.fallback !== undefined) {
    const back = await take(state, state.fallback.digest, supply, { routes: false });
    if (back.ok) return { running: under(newest, state.fallback.digest), lag };
  }
  const isRevoked = revoked || state.active === undefined;
  const absence = isRevoked ? 'bundle_revoked' : 'no_bundle';
  return { running: { document: newest, bundle: undefined, absence }, lag };
}

/** A rollback at 3 am must not fail on a route that the former bundle did not have. */
function isEscape(document: VerifiedDocument): boolean {
  return document.kind === 'emergency' && document.rollback;
}

async function take(
  state: ApprovedState,
  digest: Digest | undefined,
  supply: BundleSupply,
  check: { readonly routes: boolean },
): Promise<Result<undefined>> {
  if (digest === undefined) {
    return failed(problem('bundle_revoked', 'every bundle of the document is revoked'));
  }
  const facts = await supply(digest);
  if (!facts.ok) return facts;
  const fault = fitProblem(state, facts.value, check);
  return fault === undefined ? ok(undefined) : failed(fault);
}
