/** The words of the data plane (design: decision, mode, outcome are never mixed). */
import type { Digest, ServedBundle } from '../bundle/types.js';
import type { Evaluator } from '../cedar/types.js';
import type { CandidateRecord } from './candidate.js';
import type { Reason } from './reasons.js';
import type { Slices } from './slices.js';

/** What the policies said; `error` = they could not say. */
export type Decision = 'allow' | 'deny' | 'error';
/** Whether this request is being enforced. */
export type Mode = 'shadow' | 'enforce';
/** What Envoy was told. */
export type Outcome = 'allow' | 'deny' | 'fail';
/** What kind of access a request is, for people and reports; in Cedar the schema's groups count. */
export type Access = 'read' | 'write';

/** What is told where the sidecar cannot decide and the request is enforced; the default is `fail`. */
export type OnFault = Outcome;

/**
 * Everything a running sidecar decides with: built whole, never changed, swapped with one
 * assignment. INVARIANT: a check reads the reference once and uses that generation throughout.
 */
export interface Generation {
  /** Counts generations of this process, from 1. */
  readonly number: number;
  /** What rules the destinations that approved rollouts cover; empty without rollouts. */
  readonly destinations: ReadonlyMap<string, Regime>;
  /** What rules all others, and requests whose destination cannot be told. */
  readonly otherwise: Regime;
}

/** What rules some destinations: a bundle, and who is enforced. */
export interface Regime {
  /**
   * `x-cedargate-policy-version`: `<version>+<12 hex>`, with `.unsigned` for a plain directory and
   * `.r<sequence>` under a rollout; without a bundle `none`, or `none.r<sequence>`.
   */
  readonly stamp: string;
  readonly active: ActiveBundle | undefined;
  /** Decided beside the active one, and never enforced. */
  readonly candidate: ActiveBundle | undefined;
  /** Both ask the same about every request, whatever their policies are: it need be read only once. */
  readonly candidateReadsAlike: boolean;
  /** Why nothing can be decided when `active` is undefined. */
  readonly absence: Absence;
  /** Of requests that no slice takes. */
  readonly mode: Mode;
  readonly onFault: OnFault;
  /** Nothing is decided that the decision log could not take down. */
  readonly requireLog: boolean;
  readonly rollout: RolloutRegime | undefined;
}

export type Absence = 'no_bundle' | 'bundle_revoked' | 'destination_not_covered';

/** What a rollout adds to a bundle. */
export interface RolloutRegime {
  readonly name: string;
  readonly sequence: number;
  /** Of the document that runs, of either kind. */
  readonly digest: Digest;
  readonly ticket: string;
  readonly slices: Slices;
  /** The largest issuedAt that was verified: the clock is never earlier, where exceptions end. */
  readonly clockFloorMs: number;
}

/** A bundle that is loaded into the engine. */
export interface ActiveBundle {
  readonly bundle: ServedBundle;
  readonly evaluator: Evaluator;
  /** When it was taken, milliseconds since the epoch. */
  readonly loadedAtMs: number;
}

/** Where the destination of a request comes from. Never from anything a client controls. */
export type DestinationSource = 'service' | 'route' | 'spiffe';

/** Names of the claims that fill `context.task`, and of the jwt_authn payload. */
export interface ClaimNames {
  readonly payload: string;
  readonly taskId: string;
  readonly taskKind: string;
  readonly taskIntent: string;
}

/** Which stamps are sent as headers, and their common prefix. */
export interface HeaderSettings {
  readonly prefix: string;
  readonly version: boolean;
  readonly decisionId: boolean;
  readonly mode: boolean;
}

/** What the data plane needs of the configuration. */
export interface CheckSettings {
  readonly destinationFrom: DestinationSource;
  /** `<namespace>/<name>`; required when destinationFrom is `service`. */
  readonly service: string | undefined;
  readonly environment: string | undefined;
  readonly strictIdentity: boolean;
  readonly claims: ClaimNames;
  readonly headers: HeaderSettings;
  /** How `fail` is sent: error_response needs Envoy 1.37 or later. */
  readonly failResponse: 'error_response' | 'grpc_error';
  readonly helpUrl: string | undefined;
}

/** One thing that went wrong, or was left out, while a request was decided. */
export interface CheckError {
  /** Which rule: a path rule, an identity rule, `policy_evaluation`, `value_ignored`, ... */
  readonly code: string;
  readonly message: string;
  /** The policy that failed to evaluate. */
  readonly policy?: string;
  /** The context field concerned, such as `headers.x-tenant`. */
  readonly field?: string;
}

/** An entity reference as the log writes it: `Type::"id"` in its two parts. */
export interface EntityRef {
  readonly type: string;
  readonly id: string;
}

/** What the engine was asked; replay needs exactly this. */
export interface DecisionInput {
  readonly principal: EntityRef;
  readonly action: string;
  readonly resource: EntityRef;
  readonly context: Readonly<Record<string, unknown>>;
}

/** All that is known of one decided request: the source of response, log line and metrics. */
export interface CheckRecord {
  readonly decisionId: string;
  readonly decision: Decision;
  readonly mode: Mode;
  readonly outcome: Outcome;
  readonly wouldDeny: boolean;
  readonly reason: Reason;
  /** Name of the block, the hold or the enforced slice that the request is in. */
  readonly slice: string | undefined;
  /** The live exception that speaks for a denied request: in enforce it is why it was allowed. */
  readonly exception: string | undefined;
  /** What the candidate says; undefined where there is none, or nothing to compare. */
  readonly candidate: CandidateRecord | undefined;
  /** Ids of the determining policies, sorted. */
  readonly policies: readonly string[];
  readonly errors: readonly CheckError[];
  /** The caller's SPIFFE ID, `anonymous`, or undefined when unreadable. */
  readonly principal: string | undefined;
  readonly action: string | undefined;
  readonly access: Access | undefined;
  /** `<namespace>/<name>` */
  readonly destination: string | undefined;
  /** Name of the declared route that matched. */
  readonly route: string | undefined;
  readonly method: string | undefined;
  /** As the client sent it, without the query; cut to LOG_TEXT_CHARS_MAX. */
  readonly path: string | undefined;
  readonly traceId: string | undefined;
  readonly requestId: string | undefined;
  readonly input: DecisionInput | undefined;
  /** What it was decided with. */
  readonly regime: Regime;
}
