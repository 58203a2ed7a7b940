/** Which regime rules a request, and generations in which one bundle and one mode rule everything. */
import { type Stop, stop } from './stop.js';
import type { Absence, ActiveBundle, Generation, Regime } from './types.js';

/** Undefined = the destination cannot be told. */
export function regimeOf(generation: Generation, destination: string | undefined): Regime {
  const { destinations, otherwise } = generation;
  if (destinations.size === 0 || destination === undefined) return otherwise;
  return destinations.get(destination) ?? otherwise;
}

/** One bundle and one mode for everything: a plain directory, a single built bundle, a test. */
export function soleGeneration(
  number: number,
  sole: Pick<Regime, 'stamp' | 'active' | 'mode'>,
): Generation {
  const otherwise = soleRegime(sole);
  return Object.freeze({ number, destinations: NO_DESTINATIONS, otherwise });
}

const NO_DESTINATIONS: Generation['destinations'] = new Map();

export function soleRegime({ stamp, active, mode }: Pick<Regime, 'stamp' | 'active' | 'mode'>) {
  const rest = {
    candidate: undefined,
    candidateReadsAlike: false,
    absence: 'no_bundle',
    onFault: 'fail',
    requireLog: false,
    rollout: undefined,
  } as const;
  return Object.freeze<Regime>({ stamp, active, mode, ...rest });
}

const ABSENCES: Readonly<Record<Absence, string>> = {
  no_bundle: 'no valid bundle has been loaded yet',
  bundle_revoked: 'the bundle is revoked, and no other one stands behind it',
  destination_not_covered: 'no loaded rollout covers the destination',
};

/** What decides under a regime, or why nothing can. */
export function activeOf({ active, absence }: Regime): ActiveBundle | Stop {
  return active ?? stop(absence, absence, ABSENCES[absence]);
}

/** Every bundle that decides something, once. */
export function activeBundles({ destinations, otherwise }: Generation): readonly ActiveBundle[] {
  const all = [otherwise, ...destinations.values()].flatMap(({ active }) => active ?? []);
  return [...new Set(all)];
}

/** Every candidate, once. */
export function candidateBundles({ destinations }: Generation): readonly ActiveBundle[] {
  return [...new Set([...destinations.values()].flatMap(({ candidate }) => candidate ?? []))];
}

/** What answers carry: one stamp, or with several rollouts all of them. */
export function stampsOf({ destinations, otherwise }: Generation): string {
  const stamps = new Set([...destinations.values()].map(({ stamp }) => stamp));
  return stamps.size === 0 ? otherwise.stamp : [...stamps].join(', ');
}
