/** Whether the process wants traffic. Pure. grpc.health does not ask: it accepts as long as it lives. */
import { activeBundles } from '../check/regime.js';
import type { Generation, Mode } from '../check/types.js';
import type { RolloutStanding } from '../reload/events.js';
import type { Readiness } from './routes.js';

/** Where the process is in its life. */
export type Phase = 'starting' | 'serving' | 'draining';

export interface ReadinessFacts {
  readonly phase: Phase;
  readonly generation: Generation;
  /** Without rollouts: what happens with decisions. */
  readonly mode: Mode;
  /** Undefined without `--rollout`. */
  readonly rollouts: readonly RolloutStanding[] | undefined;
  readonly beforeFirst: 'fail' | 'allow';
}

/** Shadow is ready without a bundle: day one is to observe. Enforce is not: it could only fail. */
export function readinessOf(facts: ReadinessFacts): Readiness {
  const { phase, generation, mode, rollouts } = facts;
  if (phase !== 'serving') return { ready: false, reason: phase };
  if (rollouts !== undefined) return ofRollouts(rollouts, facts);
  if (activeBundles(generation).length > 0) return { ready: true, reason: 'ok' };
  return mode === 'shadow'
    ? { ready: true, reason: 'ok: shadow, no valid bundle yet' }
    : { ready: false, reason: 'no valid bundle yet' };
}

function ofRollouts(
  rollouts: readonly RolloutStanding[],
  { beforeFirst }: ReadinessFacts,
): Readiness {
  if (rollouts.length === 0) {
    return beforeFirst === 'allow'
      ? { ready: true, reason: 'ok: no verified rollout document yet, everything is allowed' }
      : { ready: false, reason: 'no verified rollout document yet' };
  }
  const failing = rollouts.filter(({ bundle, running }) => {
    return bundle === undefined && running.enforce.length > 0;
  });
  // A gateway with one rollout that fails still serves the others.
  if (failing.length > 0 && rollouts.every(({ bundle }) => bundle === undefined)) {
    const names = failing.map(({ name }) => `\`${name}\``).join(', ');
    return { ready: false, reason: `enforced, and no bundle that may run: ${names}` };
  }
  return { ready: true, reason: failing.length === 0 ? 'ok' : 'ok: some rollouts have no bundle' };
}
