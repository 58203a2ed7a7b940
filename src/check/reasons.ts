/**
 * Why a decision came out as it did: the machine codes of logs, metadata and metrics.
 * `enforced` is what Envoy is told in mode enforce; in shadow the outcome is always allow.
 * docs/reasons.md describes every code; a test keeps both in step.
 */
import type { Decision, Outcome } from './types.js';

interface ReasonEntry {
  readonly decision: Decision;
  readonly enforced: Outcome;
  /** HTTP status of the answer in mode enforce; none for allow. */
  readonly status?: 400 | 403 | 503;
  readonly summary: string;
}

export const REASONS = {
  policy_permit: {
    decision: 'allow',
    enforced: 'allow',
    summary: 'a permit applies and no forbid does',
  },
  policy_forbid: {
    decision: 'deny',
    enforced: 'deny',
    status: 403,
    summary: 'a forbid applies',
  },
  no_permit: {
    decision: 'deny',
    enforced: 'deny',
    status: 403,
    summary: 'no permit applies',
  },
  identity_rejected: {
    decision: 'error',
    enforced: 'deny',
    status: 403,
    summary: 'the caller presented an identity that is not a canonical SPIFFE ID',
  },
  action_unknown: {
    decision: 'error',
    enforced: 'deny',
    status: 403,
    summary: 'the method is no action of the schema',
  },
  context_incomplete: {
    decision: 'error',
    enforced: 'deny',
    status: 403,
    summary: 'the engine could not take the request, or a declared value cannot be read',
  },
  header_duplicate: {
    decision: 'error',
    enforced: 'deny',
    status: 403,
    summary: 'a header that the schema declares as one String arrived more than once',
  },
  policy_error: {
    decision: 'error',
    enforced: 'deny',
    status: 403,
    summary: 'a policy that matters failed to evaluate',
  },
  request_undecodable: {
    decision: 'error',
    enforced: 'deny',
    status: 400,
    summary: 'the message of Envoy cannot be decoded or lacks its attributes',
  },
  request_too_large: {
    decision: 'error',
    enforced: 'deny',
    status: 400,
    summary: 'the message of Envoy is larger than the limit',
  },
  path_rejected: {
    decision: 'error',
    enforced: 'deny',
    status: 400,
    summary: 'the path or query could be read in two ways; errors[].code says which rule',
  },
  no_bundle: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'no valid bundle has been loaded yet',
  },
  destination_missing: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'the configured source names no destination',
  },
  destination_not_covered: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'the destination lies outside the scope of the bundle',
  },
  deadline: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'the deadline of the call had passed before it was decided',
  },
  internal_fault: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'cedargate itself failed; the program log has the cause',
  },
} as const satisfies Record<string, ReasonEntry>;

export type Reason = keyof typeof REASONS;
