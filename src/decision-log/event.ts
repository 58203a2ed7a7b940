/**
 * The decision line: one plain object for each check, with every field of schema_version 1 in a
 * fixed order. Fields that later versions fill are null already, so that the form never changes.
 * docs/decision-log.md and docs/decision-log.schema.json describe it; a test keeps them in step.
 */

import type { CandidateRecord } from '../check/candidate.js';
import type { Reason } from '../check/reasons.js';
import type {
  Access,
  CheckError,
  CheckRecord,
  Decision,
  DecisionInput,
  Mode,
  Outcome,
} from '../check/types.js';
import { LOG_ERRORS_MAX, LOG_POLICIES_MAX, LOG_TEXT_CHARS_MAX } from '../constants.js';
import { type MaskSettings, mask, maskForeign } from './mask.js';

export const SCHEMA_VERSION = 1;

/** Who writes the lines: the same in every line of a process. */
export interface LogOrigin {
  readonly workload: string;
  readonly environment: string | undefined;
  readonly cluster: string | undefined;
}

/** What a line says beyond the record. */
export interface EventContext {
  readonly origin: LogOrigin;
  /** When the request was decided, milliseconds since the epoch. */
  readonly timestampMs: number;
  /** From the bytes of the request to its answer, microseconds. */
  readonly durationUs: number;
  /** The class of the request is new to this process. */
  readonly firstSeen: boolean;
  /** Share of the lines like this one that are written, 1 for all. */
  readonly sampledShare: number;
  readonly mask: MaskSettings;
}

/** What the candidate says of the request. */
export interface CandidateEvent {
  readonly version: string;
  readonly digest: string;
  readonly decision: Decision;
  readonly reason: Reason;
  readonly policies: readonly string[];
  readonly errors: readonly CheckError[];
}

export interface DecisionEvent {
  readonly type: 'decision';
  readonly schema_version: typeof SCHEMA_VERSION;
  readonly timestamp: string;
  readonly decision_id: string;
  readonly trace_id: string | null;
  readonly request_id: string | null;
  readonly workload: string;
  readonly environment: string | null;
  readonly cluster: string | null;
  readonly principal: string | null;
  readonly action: string | null;
  readonly access: Access | null;
  readonly resource: string | null;
  readonly method: string | null;
  readonly path: string | null;
  readonly decision: Decision;
  readonly mode: Mode;
  readonly outcome: Outcome;
  readonly would_deny: boolean;
  readonly reason: Reason;
  readonly slice: string | null;
  readonly policies: readonly string[];
  readonly errors: readonly CheckError[];
  readonly exception: string | null;
  readonly policy_version: string;
  readonly bundle_digest: string | null;
  readonly rollout: string | null;
  readonly rollout_sequence: number | null;
  readonly ticket: string | null;
  readonly candidate: CandidateEvent | null;
  readonly flip: boolean | null;
  readonly first_seen: boolean;
  readonly duration_us: number;
  readonly input: DecisionInput | null;
  readonly replayable: boolean;
  readonly sampled_share: number;
}

export function decisionEvent(record: CheckRecord, context: EventContext): DecisionEvent {
  const { origin } = context;
  const { regime } = record;
  const masked = mask(record.input, boundErrors(record.errors), context.mask);
  return {
    type: 'decision',
    schema_version: SCHEMA_VERSION,
    timestamp: new Date(context.timestampMs).toISOString(),
    decision_id: record.decisionId,
    trace_id: cut(record.traceId),
    request_id: cut(record.requestId),
    workload: origin.workload,
    environment: origin.environment ?? null,
    cluster: origin.cluster ?? null,
    principal: record.principal ?? null,
    action: cut(record.action),
    access: record.access ?? null,
    resource: resourceOf(record),
    method: cut(record.method),
    path: cut(record.path),
    decision: record.decision,
    mode: record.mode,
    outcome: record.outcome,
    would_deny: record.wouldDeny,
    reason: record.reason,
    slice: record.slice ?? null,
    policies: record.policies,
    errors: masked.errors,
    exception: record.exception ?? null,
    policy_version: regime.stamp,
    bundle_digest: regime.active?.bundle.digest ?? null,
    rollout: regime.rollout?.name ?? null,
    rollout_sequence: regime.rollout?.sequence ?? null,
    ticket: regime.rollout?.ticket ?? null,
    candidate: candidateEvent(record.candidate, context.mask),
    flip: record.candidate === undefined ? null : record.candidate.flip,
    first_seen: context.firstSeen,
    duration_us: Math.round(context.durationUs),
    input: masked.input ?? null,
    replayable: masked.replayable,
    sampled_share: context.sampledShare,
  };
}

/** Errors that quote what only the candidate's schema takes from the request are masked as well. */
function candidateEvent(
  candidate: CandidateRecord | undefined,
  settings: MaskSettings,
): CandidateEvent | null {
  if (candidate === undefined) return null;
  const { version, digest, decision, reason, policies, errors, context } = candidate;
  return {
    ...{ version, digest, decision, reason },
    policies: policies.slice(0, LOG_POLICIES_MAX),
    errors: maskForeign(boundErrors(errors), context, settings),
  };
}

/** The same line for an input, or a list of determining policies, too large to log. */
export function withoutInput(event: DecisionEvent): DecisionEvent {
  const message = 'the input is left out of the log: the line would be longer than the limit';
  const errors = [...event.errors, { code: 'input_omitted', message }];
  const policies = event.policies.slice(0, LOG_POLICIES_MAX);
  if (policies.length < event.policies.length) {
    const more = `${event.policies.length - policies.length} more policies`;
    errors.push({ code: 'policies_omitted', message: more });
  }
  return { ...event, policies, errors, input: null, replayable: false };
}

/** `<ns>/<name>`, with `/<route>` when a declared route matched. */
function resourceOf({ destination, route }: CheckRecord): string | null {
  if (destination === undefined) return null;
  return route === undefined ? destination : `${destination}/${route}`;
}

/** Text that a client chose; most of it was cut before, this is the last gate. */
function cut(text: string | undefined): string | null {
  if (text === undefined) return null;
  return text.length <= LOG_TEXT_CHARS_MAX ? text : text.slice(0, LOG_TEXT_CHARS_MAX);
}

function boundErrors(errors: readonly CheckError[]): readonly CheckError[] {
  if (errors.length <= LOG_ERRORS_MAX) return errors;
  const message = `${errors.length - LOG_ERRORS_MAX} more errors`;
  return [...errors.slice(0, LOG_ERRORS_MAX), { code: 'errors_omitted', message }];
}
