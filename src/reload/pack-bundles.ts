/** What the loading thread found, as it is handed to the one that answers: policies packed. */
import type { CompiledBundle, ServedBundle } from '../bundle/types.js';
import { packProgram } from '../cedar/packed-policies.js';
import { ok, type Result } from '../result.js';
import type { LoadedSource } from './bundle-loader.js';
import type { LoadedCandidate } from './load-candidates.js';
import type { LoadedRollouts } from './load-rollouts.js';

export function packSource({ result, digest }: LoadedSource): LoadedSource {
  return { result: result.ok ? ok(packBundle(result.value)) : result, digest };
}

export function packRollouts(loaded: Result<LoadedRollouts>): Result<LoadedRollouts> {
  if (!loaded.ok) return loaded;
  const bundles = [...loaded.value.bundles].map(([digest, bundle]) => {
    return [digest, packBundle(bundle)] as const;
  });
  return ok({ ...loaded.value, bundles: new Map(bundles) });
}

export function packCandidate(loaded: Result<LoadedCandidate>): Result<LoadedCandidate> {
  return loaded.ok ? ok({ ...loaded.value, bundle: packBundle(loaded.value.bundle) }) : loaded;
}

/** What is known of it is of the very same program. */
function packBundle(bundle: CompiledBundle | ServedBundle): ServedBundle {
  const program = packProgram(bundle.program);
  const { known } = bundle;
  return { ...bundle, program, ...(known && { known: { ...known, program } }) };
}
