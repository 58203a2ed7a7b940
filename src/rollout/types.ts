/** The words of rollout documents: what people write, what was verified, what follows from it. */
import type { Digest } from '../bundle/types.js';

/**
 * Which requests an entry is about: keys are AND, values of a list OR, `{}` is everything. How
 * requests that cannot be read are matched, check/match.ts says.
 */
export interface Match {
  /** SPIFFE IDs, `*` within a segment, `**` as the last one; `anonymous`. */
  readonly callers?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly trustDomains?: readonly string[];
  /** The caller's entity attribute `tenant`. */
  readonly tenants?: readonly string[];
  /** `<namespace>/<name>` of those that the rollout covers. */
  readonly destinations?: readonly string[];
  /** Routes of the active bundle. */
  readonly routes?: readonly string[];
  /** Names of Cedar actions: HTTP methods, `rpc`, `connect`. */
  readonly actions?: readonly string[];
  readonly access?: 'read' | 'write';
  /** 1 to 99: this share of callers, always the same ones. In `enforce` only. */
  readonly percent?: number;
  /** Adds callers whose identity cannot be read; without caller keys, only them. */
  readonly unidentified?: true;
}

/** A named part of the traffic. */
export interface Slice {
  readonly name: string;
  readonly match: Match;
}

/** A time-limited, ticketed denial that holds even in shadow. Moments are milliseconds since 1970. */
export interface Block extends Slice {
  readonly ticket: string;
  readonly owner: string;
  readonly reason: string;
  readonly fromMs: number;
  /** The first moment at which it no longer holds. */
  readonly untilMs: number;
}

/** A time-limited, ticketed permission that turns a deny into an allow. */
export interface Exception extends Block {
  /** Whether it stands above a satisfied `forbid`. */
  readonly overrideForbid: boolean;
}

export interface RolloutDestination {
  /** `<namespace>/<name>` */
  readonly service: string;
  /** What is answered where the sidecar cannot decide; default `fail`. */
  readonly onFault: 'fail' | 'allow' | 'deny';
  readonly requireLog: boolean;
}

/** `NAME@VERSION` as people write it. */
export interface BundleRef {
  readonly name: string;
  readonly version: string;
}

export interface ResolvedBundle extends BundleRef {
  readonly digest: Digest;
}

/** `rollouts/<environment>/<name>.yaml`: the source of a document, which people edit. */
export interface RolloutSource {
  readonly name: string;
  readonly environment: string;
  readonly destinations: readonly RolloutDestination[];
  readonly change: {
    /** `normal`: planned; `emergency-review`: what takes an emergency over for good. */
    readonly type: string;
    readonly ticket: string;
    readonly owner: string;
    readonly reason: string;
    /** The day by which somebody looks at it again, 00:00 UTC. */
    readonly reviewByMs: number;
  };
  readonly bundle: BundleRef;
  readonly candidate: BundleRef | undefined;
  readonly enforce: readonly Slice[];
  readonly hold: readonly Slice[];
  readonly exceptions: readonly Exception[];
  readonly blocks: readonly Block[];
}

export type Impact = 'low' | 'high';

/** A sealed rollout whose author and approvals count: what a fresh pod can check from it alone. */
export interface VerifiedRollout {
  readonly kind: 'rollout';
  /** sha256 of the payload's bytes, so that approving never changes it. */
  readonly digest: Digest;
  readonly name: string;
  readonly environment: string;
  readonly sequence: number;
  /** Digest of the document before, of either kind; null for the first. */
  readonly previous: Digest | null;
  /** A person of trust.yaml, whose key signed. */
  readonly author: string;
  /** People whose approvals count, sorted. */
  readonly approvers: readonly string[];
  readonly impact: Impact;
  readonly source: RolloutSource;
  /** The YAML text that `source` was read from. */
  readonly sourceText: string;
  readonly resolved: {
    readonly active: ResolvedBundle;
    readonly candidate: ResolvedBundle | null;
    readonly rollback: ResolvedBundle | null;
  };
  readonly superseded: readonly Digest[];
  readonly revoked: readonly Digest[];
  /** Digest of the trust file under which it was made: recorded, not checked. */
  readonly trust: Digest;
  readonly seed: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly evidence: Digest | null;
  /** Digests of the emergencies that it takes over. */
  readonly reconciles: readonly Digest[];
  /** The sealed file, as it was read. */
  readonly bytes: Uint8Array;
}

/** A sealed emergency, signed by somebody who may: a bounded change of the last approved document. */
export interface VerifiedEmergency {
  readonly kind: 'emergency';
  readonly digest: Digest;
  readonly sequence: number;
  readonly base: VerifiedRollout;
  /** The person whose key signed. */
  readonly author: string;
  /** Enforced slices that go back to shadow. */
  readonly relax: readonly string[] | 'all';
  /** Whether the base's rollback target becomes active. */
  readonly rollback: boolean;
  readonly blocks: readonly Block[];
  readonly revoke: readonly Digest[];
  readonly ticket: string;
  readonly issuedAtMs: number;
  readonly reconcileByMs: number;
  readonly bytes: Uint8Array;
}

export type VerifiedDocument = VerifiedRollout | VerifiedEmergency;

/** What a document asks for, emergencies applied: what runs when its bundle is there. */
export interface ApprovedState {
  readonly name: string;
  readonly environment: string;
  /** Sequence, digest and author of the newest document, of either kind. */
  readonly sequence: number;
  readonly digest: Digest;
  readonly author: string;
  readonly approvers: readonly string[];
  readonly ticket: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly reviewByMs: number;
  readonly destinations: readonly RolloutDestination[];
  /** Undefined when what should run is revoked, and nothing stands behind it. */
  readonly active: ResolvedBundle | undefined;
  /** Runs while `active` is not there, if what ran before is revoked. Never a revoked one. */
  readonly fallback: ResolvedBundle | undefined;
  readonly candidate: ResolvedBundle | undefined;
  readonly revoked: ReadonlySet<Digest>;
  readonly enforce: readonly Slice[];
  readonly hold: readonly Slice[];
  readonly exceptions: readonly Exception[];
  readonly blocks: readonly Block[];
  readonly seed: string;
  /** Until a later document reconciles it. */
  readonly emergency:
    | {
        readonly digest: Digest;
        readonly author: string;
        readonly ticket: string;
        readonly issuedAtMs: number;
        readonly reconcileByMs: number;
      }
    | undefined;
}
