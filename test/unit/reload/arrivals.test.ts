/**
 * Whatever lies in the volumes, in whatever order it comes and goes, and however often a new pod
 * starts: what runs was approved, never goes back by itself, and is not interrupted.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Digest } from '../../../src/bundle/types.js';
import { problem } from '../../../src/errors.js';
import { acceptDocuments, type JudgedFile } from '../../../src/reload/accept-documents.js';
import { chooseRunning } from '../../../src/reload/choose-running.js';
import type { Memories, RolloutMemory } from '../../../src/reload/rollout-memory.js';
import { failed, ok } from '../../../src/result.js';
import { approvedState } from '../../../src/rollout/effective.js';
import type { VerifiedDocument } from '../../../src/rollout/types.js';
import { someDigest, verifiedEmergency, verifiedRollout } from '../../support/rollouts.js';

const [A, B, C, MISFIT] = ['a', 'b', 'c', 'd'].map(someDigest) as [Digest, Digest, Digest, Digest];
const BUNDLES = [A, B, C, MISFIT];
const NAME = 'orders';

interface Changes {
  readonly rollback?: Digest;
  readonly reconciles?: Digest[];
  readonly revoked?: Digest[];
  readonly seed?: string;
  readonly name?: string;
  readonly issuedAt?: string;
}
function rollout(sequence: number, active: Digest, changes: Changes = {}) {
  const { rollback, name = NAME, ...payload } = changes;
  const ref = (digest: Digest) => ({ name: 'orders', version: '2026.11.3', digest });
  const resolved = {
    ...{ active: ref(active), candidate: null },
    rollback: rollback === undefined ? null : ref(rollback),
  };
  return verifiedRollout({ source: { name }, payload: { sequence, resolved, ...payload } });
}

const r2 = rollout(2, B, { rollback: A });
const r3 = rollout(3, B, { rollback: A });
const back = verifiedEmergency({ base: r3.bytes, payload: { relax: [], rollback: true } });
const stop = verifiedEmergency({
  base: r3.bytes,
  payload: { relax: [], revoke: [B], sequence: 5 },
});
/** Documents of one rollout, with twins, leaps, emergencies and a stranger that is older than all. */
const DOCUMENTS: readonly VerifiedDocument[] = [
  ...[rollout(1, A), r2, r3, rollout(3, C, { seed: '0'.repeat(32) }), back, stop],
  ...[rollout(6, C), rollout(6, C, { reconciles: [back.digest], rollback: A })],
  rollout(7, C, { reconciles: [back.digest, stop.digest], rollback: A, revoked: [B] }),
  ...[rollout(8, MISFIT, { rollback: C }), rollout(9, A, { rollback: C }), rollout(2_000, B)],
  rollout(9, C, { name: 'stranger', issuedAt: '2026-11-19T10:00:00.000Z' }),
];
const GARBAGE: JudgedFile = { file: 'x.json', result: failed(problem('json_invalid', 'no')) };

/** One look at the volumes. */
interface Look {
  readonly mounted: readonly VerifiedDocument[];
  readonly shelf: readonly Digest[];
  readonly garbage: boolean;
  /** A new pod, without state, which is told the least sequence. (With its state one goes on.) */
  readonly isNewPod: boolean;
}
const looks: fc.Arbitrary<readonly Look[]> = fc.array(
  fc.record({
    // Mostly one document, as people mount them, and sometimes anything.
    mounted: fc.oneof(
      fc.constantFrom(...DOCUMENTS).map((document) => [document]),
      fc.subarray([...DOCUMENTS]),
    ),
    shelf: fc.subarray(BUNDLES),
    garbage: fc.boolean(),
    isNewPod: fc.nat(5).map((n) => n === 0),
  }),
  { minLength: 1, maxLength: 10 },
);

async function look(before: Memories, { mounted, shelf, garbage }: Look, minSequence: number) {
  const files: JudgedFile[] = mounted.map((document, i) => ({
    file: `${i}.json`,
    result: ok(document),
  }));
  const rules = { service: undefined, refuseExpired: false, nowMs: 0, minSequence };
  const { memories } = acceptDocuments(garbage ? [...files, GARBAGE] : files, before, rules);
  const after = new Map<string, RolloutMemory>();
  const running = before.get(NAME)?.running?.bundle;
  for (const [name, memory] of memories) {
    // What runs is loaded, or remembered, whatever the shelf has.
    const choice = await chooseRunning(memory, async (digest) => {
      if (digest !== running && !shelf.includes(digest)) {
        return failed(problem('bundle_not_on_shelf', 'no'));
      }
      return ok({ routes: [], destinations: digest === MISFIT ? ['shop/cart'] : undefined });
    });
    after.set(name, { ...memory, running: choice.running });
  }
  return after;
}

/** What must hold between two looks, of a rollout that was known before. */
function expectSteady(before: RolloutMemory, after: RolloutMemory, { shelf }: Look): void {
  const { active, fallback, revoked } = approvedState(after.newest);
  const [ran, runs] = [before.running, after.running];
  expect(after.newest.sequence).toBeGreaterThanOrEqual(before.newest.sequence);
  expect(runs?.document.sequence).toBeGreaterThanOrEqual(ran?.document.sequence ?? 0);
  expect([after.newest, ran?.document]).toContain(runs?.document);
  // Never interrupted but by who revokes it, and exchanged only for what is approved.
  if (ran?.bundle !== undefined && !revoked.has(ran.bundle)) expect(runs?.bundle).toBeDefined();
  if (runs?.bundle !== undefined && runs.bundle !== ran?.bundle) {
    expect([active?.digest, fallback?.digest]).toContain(runs.bundle);
  }
  const isThere = active !== undefined && active.digest !== MISFIT && shelf.includes(active.digest);
  if (!isThere) return;
  expect(runs?.document).toBe(after.newest);
  expect(runs?.bundle).toBe(active.digest);
}

it('what runs was approved, never goes back, and is not interrupted', async () => {
  await fc.assert(
    fc.asyncProperty(looks, async (all) => {
      let memories: Memories = new Map();
      let minSequence = 0;
      const approved = new Set<Digest>();
      for (const each of all) {
        if (each.isNewPod) {
          minSequence = memories.get(NAME)?.newest.sequence ?? minSequence;
          memories = new Map();
        }
        const before = memories.get(NAME);
        memories = await look(memories, each, minSequence);
        const after = memories.get(NAME);
        if (before !== undefined) {
          if (after === undefined) throw new Error('what was approved is forgotten');
          expectSteady(before, after, each);
        }
        if (after === undefined) continue;
        const { active, fallback, revoked } = approvedState(after.newest);
        for (const bundle of [active, fallback]) if (bundle) approved.add(bundle.digest);
        const { bundle } = after.running ?? {};
        expect(after.newest.sequence).toBeGreaterThanOrEqual(minSequence);
        if (bundle !== undefined) {
          expect(approved).toContain(bundle);
          expect(revoked).not.toContain(bundle);
        }
      }
    }),
    { numRuns: 200 },
  );
});
