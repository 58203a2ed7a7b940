/**
 * Where a request stands under its regime before it is decided, and what becomes of it once the
 * policies have spoken. Pure; `check` and `explain --rollout` both ask here.
 */
import { enforce, type Verdict } from './enforce.js';
import type { Traits } from './match.js';
import { REASONS, type Reason } from './reasons.js';
import type { Clock, Standing } from './slices.js';
import type { Regime, RolloutRegime } from './types.js';

/** When it is asked, milliseconds since the epoch. */
export interface Times {
  readonly nowMs: number;
  /** The largest clock that this process has seen; default `nowMs`. */
  readonly latestMs?: number;
}

export function standingOf(rollout: RolloutRegime, traits: Traits, times: Times): Standing {
  return rollout.slices.standing(traits, clockOf(times, rollout));
}

/** `traits`: undefined where no rollout speaks of the request. */
export function verdictOf(
  regime: Regime,
  traits: Traits | undefined,
  standing: Standing,
  judged: Reason,
  times: Times,
): Verdict {
  const pass = standing.blocked ? undefined : passOf(regime, traits, judged, times);
  return enforce(judged, standing, regime.onFault, pass);
}

/** Exceptions are looked for only where they matter: most requests are not denied. */
function passOf({ rollout }: Regime, traits: Traits | undefined, judged: Reason, times: Times) {
  if (rollout === undefined || traits === undefined) return undefined;
  if (REASONS[judged].decision !== 'deny') return undefined;
  return rollout.slices.pass(traits, judged === 'policy_forbid', clockOf(times, rollout));
}

export function clockOf(
  { nowMs, latestMs = nowMs }: Times,
  { clockFloorMs }: RolloutRegime,
): Clock {
  return { presentMs: nowMs, latestMs: Math.max(nowMs, latestMs, clockFloorMs) };
}
