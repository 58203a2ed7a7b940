/**
 * The document that /status shows. Pure. Fields of rollouts are there and empty, so that readers
 * have one shape to rely on.
 */
import type { Generation, Mode, Regime } from '../check/types.js';
import type { ErrorCode } from '../errors.js';

/** The latest bundle that was not taken. */
export interface Refusal {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly file: string | null;
  readonly line: number | null;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface StatusSources {
  /** `<namespace>/<name>`; undefined when requests name their destination. */
  readonly service: string | undefined;
  readonly environment: string | undefined;
  readonly ready: boolean;
  readonly generation: Generation;
  /** Null when none was refused since the last one was taken, or ever. */
  readonly lastRefusal: Refusal | null;
  readonly decisionLog: {
    readonly checks: number;
    readonly logged: number;
    readonly dropped: number;
  };
}

export interface StatusDocument {
  readonly service: string | null;
  readonly environment: string | null;
  readonly ready: boolean;
  readonly mode: Mode;
  readonly policy_version: string;
  readonly bundle: {
    readonly name: string;
    readonly version: string;
    readonly digest: string;
    readonly loaded_at: string;
  } | null;
  readonly candidate: null;
  readonly rollout: null;
  readonly approved: null;
  readonly lag: null;
  readonly last_refusal: {
    readonly at: string;
    readonly file: string | null;
    readonly line: number | null;
    readonly code: ErrorCode;
    readonly message: string;
  } | null;
  readonly slices: readonly never[];
  readonly exceptions: readonly never[];
  readonly blocks: readonly never[];
  readonly emergency: null;
  readonly decision_log: {
    readonly checks: number;
    readonly logged: number;
    readonly sampled: 0;
    readonly dropped: number;
  };
}

export function statusDocument(sources: StatusSources): StatusDocument {
  const { decisionLog } = sources;
  const { otherwise: regime } = sources.generation;
  return {
    service: sources.service ?? null,
    environment: sources.environment ?? null,
    ready: sources.ready,
    mode: regime.mode,
    policy_version: regime.stamp,
    bundle: bundleOf(regime),
    candidate: null,
    rollout: null,
    approved: null,
    lag: null,
    last_refusal: refusalOf(sources.lastRefusal),
    slices: [],
    exceptions: [],
    blocks: [],
    emergency: null,
    decision_log: {
      checks: decisionLog.checks,
      logged: decisionLog.logged,
      sampled: 0,
      dropped: decisionLog.dropped,
    },
  };
}

function bundleOf({ active }: Regime): StatusDocument['bundle'] {
  if (active === undefined) return null;
  const { manifest, digest } = active.bundle;
  const loadedAt = new Date(active.loadedAtMs).toISOString();
  return { name: manifest.name, version: manifest.version, digest, loaded_at: loadedAt };
}

function refusalOf(refusal: Refusal | null): StatusDocument['last_refusal'] {
  if (refusal === null) return null;
  const { atMs, file, line, code, message } = refusal;
  return { at: new Date(atMs).toISOString(), file, line, code, message };
}
