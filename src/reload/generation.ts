/** Builds generations: everything a running sidecar decides with, each bundle under one stamp. */
import type { ServedBundle } from '../bundle/types.js';
import { soleGeneration, soleRegime } from '../check/regime.js';
import { Slices } from '../check/slices.js';
import type {
  Absence,
  ActiveBundle,
  Generation,
  Mode,
  Regime,
  RolloutRegime,
} from '../check/types.js';
import type { ApprovedState } from '../rollout/types.js';

/** Hexadecimal digits of the digest in a stamp: enough to tell versions apart at a glance. */
const STAMP_DIGEST_CHARS = 12;
const DIGEST_PREFIX = 'sha256:';
const STAMP_WITHOUT_BUNDLE = 'none';

interface GenerationParts {
  readonly number: number;
  readonly mode: Mode;
  readonly active: ActiveBundle | undefined;
}

/** One bundle and one mode for everything. */
export function createGeneration({ number, mode, active }: GenerationParts): Generation {
  const stamp = active === undefined ? STAMP_WITHOUT_BUNDLE : stampOf(active.bundle);
  return soleGeneration(number, { stamp, active, mode });
}

/**
 * For `--rollout` before any document was verified: everything that is asked fails, unless
 * `--before-first-rollout allow` lets it pass.
 */
export function createGenerationBeforeFirst(number: number, { allow }: { allow: boolean }) {
  return createGeneration({ number, mode: allow ? 'shadow' : 'enforce', active: undefined });
}

/** One approved rollout, and what of it can run. */
export interface ApprovedPart {
  readonly state: ApprovedState;
  /** The bundle that decides: of `state` the active one or the fallback, or what ran before. */
  readonly active: ActiveBundle | undefined;
  /** The bundle that is compared with it. */
  readonly candidate?: ActiveBundle | undefined;
  /** Why there is none; default: revoked when the state has none that could run. */
  readonly absence?: 'no_bundle' | 'bundle_revoked';
}

interface RolloutGenerationParts {
  readonly number: number;
  /** INVARIANT: no two of them cover one destination. */
  readonly parts: readonly [ApprovedPart, ...ApprovedPart[]];
  /** The largest issuedAt that was ever verified, milliseconds; those of `parts` count anyway. */
  readonly clockFloorMs: number;
}

/** Approved rollouts, each for the destinations that it covers. */
export function createRolloutGeneration(given: RolloutGenerationParts): Generation {
  const { number, parts } = given;
  const floors = parts.map(({ state }) => state.issuedAtMs);
  const clockFloorMs = Math.max(given.clockFloorMs, ...floors);
  const destinations = new Map<string, Regime>();
  for (const part of parts) {
    for (const [service, regime] of regimesOf(part, clockFloorMs)) {
      if (destinations.has(service)) throw new Error(`two rollouts cover ${service}`);
      destinations.set(service, regime);
    }
  }
  const enforces = [...destinations.values()].some(({ rollout }) => {
    return rollout?.slices.enforces === true;
  });
  return Object.freeze({ number, destinations, otherwise: uncovered(enforces) });
}

/** What no document covers, and what cannot be told, is enforced as soon as anything is. */
function uncovered(enforces: boolean): Regime {
  const mode = enforces ? 'enforce' : 'shadow';
  const sole = soleRegime({ stamp: STAMP_WITHOUT_BUNDLE, active: undefined, mode });
  return Object.freeze({ ...sole, absence: 'destination_not_covered' });
}

/** The regimes of one document differ in what its destinations say of themselves, and in nothing else. */
function regimesOf(part: ApprovedPart, clockFloorMs: number): Map<string, Regime> {
  const { state, active } = part;
  const { sequence } = state;
  const nothing = state.active === undefined && state.fallback === undefined;
  const common = {
    stamp: rolloutStamp(active?.bundle, sequence),
    active,
    candidate: part.candidate,
    candidateReadsAlike: readsAlike(active?.bundle, part.candidate?.bundle),
    absence: part.absence ?? ((nothing ? 'bundle_revoked' : 'no_bundle') satisfies Absence),
    mode: 'shadow',
    rollout: rolloutOf(part, clockFloorMs),
  } as const;
  const alike = new Map<string, Regime>();
  const regimes = new Map<string, Regime>();
  for (const { service, onFault, requireLog } of state.destinations) {
    const kind = `${onFault} ${requireLog}`;
    const regime = alike.get(kind) ?? Object.freeze<Regime>({ ...common, onFault, requireLog });
    alike.set(kind, regime);
    regimes.set(service, regime);
  }
  return regimes;
}

/** Schema, routes and what else of a bundle decides how a request is read, are the same. */
function readsAlike(a: ServedBundle | undefined, b: ServedBundle | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const reading = ({ program, routes, manifest: { protocol, path, scope } }: ServedBundle) =>
    JSON.stringify([program.schemaText, routes, protocol, path, scope]);
  return reading(a) === reading(b);
}

function rolloutOf({ state, active }: ApprovedPart, clockFloorMs: number): RolloutRegime {
  const { name, sequence, digest, ticket, enforce, hold, exceptions, blocks, seed } = state;
  const tenants = active && tenantsOf(active.bundle);
  const slices = new Slices({ enforce, hold, exceptions, blocks, seed, tenants });
  return Object.freeze({ name, sequence, digest, ticket, slices, clockFloorMs });
}

/** Caller -> its attribute `tenant`, of those that have one. */
export function tenantsOf({ program }: Pick<ServedBundle, 'program'>): ReadonlyMap<string, string> {
  const tenants = new Map<string, string>();
  for (const { uid, attrs } of program.entities) {
    const isCaller = uid.type === 'Workload' || uid.type === 'Anonymous';
    const tenant = Object.hasOwn(attrs, 'tenant') ? attrs.tenant : undefined;
    if (isCaller && typeof tenant === 'string') tenants.set(uid.id, tenant);
  }
  return tenants;
}

type Stamped = Pick<ServedBundle, 'manifest' | 'digest'>;

/** `<version>+<12 hex>`, and `.unsigned` after it for a plain directory (formats.md, 5). */
export function stampOf(bundle: Stamped & Pick<ServedBundle, 'signedBy'>): string {
  return `${versionStamp(bundle)}${bundle.signedBy === undefined ? '.unsigned' : ''}`;
}

/** `<version>+<12 hex>.r<sequence>`, or `none.r<sequence>` without a bundle. */
export function rolloutStamp(bundle: Stamped | undefined, sequence: number): string {
  return `${bundle === undefined ? STAMP_WITHOUT_BUNDLE : versionStamp(bundle)}.r${sequence}`;
}

function versionStamp({ manifest, digest }: Stamped): string {
  const hex = digest.slice(DIGEST_PREFIX.length, DIGEST_PREFIX.length + STAMP_DIGEST_CHARS);
  return `${manifest.version}+${hex}`;
}
