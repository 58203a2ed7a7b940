/**
 * Candidates, loaded apart from what decides, and each in a thread of its own: one that is missing,
 * broken, or never ends keeps nothing else away. Runs in the loading thread.
 */
import type { ShelfFile } from '../bundle/shelf-files.js';
import type { Digest, ServedBundle } from '../bundle/types.js';
import { ok, type Result } from '../result.js';
import { BundleSupply, findTrust, type SupplyPlaces } from './bundle-supply.js';

export interface CandidateRequest extends SupplyPlaces {
  readonly digest: Digest;
}

export interface LoadedCandidate {
  readonly bundle: ServedBundle;
  readonly archive: ShelfFile;
}

export async function loadCandidate(request: CandidateRequest): Promise<Result<LoadedCandidate>> {
  const trust = await findTrust(request);
  if (!trust.ok) return trust;
  const { digest } = request;
  const supply = new BundleSupply({ ...request, loaded: new Map() }, trust.value.trust);
  const found = await supply.get(digest);
  if (!found.ok) return found;
  const bundle = supply.bundles.get(digest);
  const archive = supply.archives.get(digest);
  if (bundle === undefined || archive === undefined) throw new Error('a supply that gives nothing');
  return ok({ bundle, archive });
}
