import { describe, expect, it } from 'vitest';
import type { Mode } from '../../../src/check/types.js';
import type { RolloutStanding } from '../../../src/reload/events.js';
import { createGeneration, createGenerationBeforeFirst } from '../../../src/reload/generation.js';
import { type Phase, type ReadinessFacts, readinessOf } from '../../../src/server/readiness.js';
import { approvedState } from '../../support/approved-states.js';
import { DIGEST, regime } from '../../support/check-records.js';
import { slice } from '../../support/traits.js';

const nothing = (mode: Mode) => createGeneration({ number: 1, mode, active: undefined });
const loaded = (mode: Mode) => createGeneration({ number: 2, mode, active: regime().active });

function facts(changes: Partial<ReadinessFacts> = {}): ReadinessFacts {
  return {
    ...{ phase: 'serving', mode: 'enforce', rollouts: undefined, beforeFirst: 'fail' },
    generation: nothing('enforce'),
    ...changes,
  };
}

const ENFORCED = { enforce: [slice('reads', {})] };

function standing(
  name: string,
  { bundle = true, enforced = true, approved = enforced }: Record<string, boolean> = {},
): RolloutStanding {
  const state = (isEnforced: boolean) => approvedState({ name, ...(isEnforced ? ENFORCED : {}) });
  return {
    ...{ name, approved: state(approved), running: state(enforced), stamp: 'x', lag: undefined },
    bundle: bundle ? DIGEST : undefined,
    candidate: undefined,
    clockFloorMs: 0,
  };
}

/** Those of `--rollout` do not look at the generation. */
const rollouts = (...standings: readonly RolloutStanding[]) =>
  facts({ rollouts: standings, generation: createGenerationBeforeFirst(1, { allow: false }) });

describe('a process that serves', () => {
  it.each<[string, ReadinessFacts, boolean, string]>([
    [
      'in shadow without a valid bundle: day one is to observe',
      facts({ mode: 'shadow', generation: nothing('shadow') }),
      ...([true, 'ok: shadow, no valid bundle yet'] as const),
    ],
    ['in shadow with one', facts({ mode: 'shadow', generation: loaded('shadow') }), true, 'ok'],
    ['enforcing without a valid bundle', facts(), false, 'no valid bundle yet'],
    ['enforcing with one', facts({ generation: loaded('enforce') }), true, 'ok'],
    ['rollouts before a document', rollouts(), false, 'no verified rollout document yet'],
    [
      'rollouts before a document, told to allow',
      { ...rollouts(), beforeFirst: 'allow' },
      ...([true, 'ok: no verified rollout document yet, everything is allowed'] as const),
    ],
    ['an enforced document with its bundle', rollouts(standing('a')), true, 'ok'],
    [
      'a document that enforces nothing, without its bundle',
      rollouts(standing('a', { bundle: false, enforced: false })),
      ...([true, 'ok'] as const),
    ],
    [
      'an enforced document without its bundle',
      rollouts(standing('a', { bundle: false })),
      ...([false, 'enforced, and no bundle that may run: `a`'] as const),
    ],
    [
      'an enforced document without its bundle, although told to allow before the first',
      { ...rollouts(standing('a', { bundle: false })), beforeFirst: 'allow' },
      ...([false, 'enforced, and no bundle that may run: `a`'] as const),
    ],
    [
      'by the document that runs, not by the approved one that waits',
      rollouts(standing('a', { bundle: false, enforced: false, approved: true })),
      ...([true, 'ok'] as const),
    ],
    [
      'several, of which one has its bundle',
      rollouts(standing('a', { bundle: false }), standing('b')),
      ...([true, 'ok: some rollouts have no bundle'] as const),
    ],
    [
      'several without any bundle, of which one enforces nothing',
      rollouts(
        standing('a', { bundle: false }),
        standing('b', { bundle: false, enforced: false }),
        standing('c', { bundle: false }),
      ),
      ...([false, 'enforced, and no bundle that may run: `a`, `c`'] as const),
    ],
  ])('%s', (_, given, ready, reason) => {
    expect(readinessOf(given)).toEqual({ ready, reason });
  });

  it.each<Phase>(['starting', 'draining'])('is not ready while %s, whatever it has', (phase) => {
    const all = [
      facts({ phase, generation: loaded('enforce') }),
      facts({ phase, mode: 'shadow', generation: loaded('shadow') }),
      { ...rollouts(standing('a')), phase },
      { ...rollouts(), phase, beforeFirst: 'allow' } as const,
    ];
    for (const each of all) expect(readinessOf(each)).toEqual({ ready: false, reason: phase });
  });
});
