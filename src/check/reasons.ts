/**
 * Why a decision came out as it did: the machine codes of logs, metadata and metrics.
 * `enforced` is what Envoy is told in mode enforce; in shadow the outcome is allow for all but `blocked`.
 * docs/reasons.md describes every code; a test keeps both in step.
 */
import type { Decision, Outcome } from './types.js';

interface ReasonEntry {
  readonly decision: Decision;
  readonly enforced: Outcome;
  /** HTTP status of the answer in mode enforce; none for allow. */
  readonly status?: 400 | 403 | 503;
  readonly summary: string;
  /** What to do about it, for docs/reasons.md. */
  readonly help: string;
}

export const REASONS = {
  policy_permit: {
    decision: 'allow',
    enforced: 'allow',
    summary: 'a permit applies and no forbid does',
    help: 'nothing; `policies` names the permits that apply',
  },
  policy_forbid: {
    decision: 'deny',
    enforced: 'deny',
    status: 403,
    summary: 'a forbid applies',
    help: '`policies` names the forbids that apply; `cedargate explain` shows their conditions',
  },
  no_permit: {
    decision: 'deny',
    enforced: 'deny',
    status: 403,
    summary: 'no permit applies',
    help: 'add a permit for this class of requests if it is wanted; `cedargate explain` shows which conditions did not hold',
  },
  exception: {
    decision: 'deny',
    enforced: 'allow',
    summary: 'the policies deny it, and a live exception of the rollout allows it',
    help: '`exception` names it; write the missing permit before the exception ends',
  },
  blocked: {
    decision: 'deny',
    enforced: 'deny',
    status: 403,
    summary: 'a live block of the rollout denies it, in shadow too; the policies were not asked',
    help: '`slice` names the block; it ends by itself, or with the next document of the rollout',
  },
  identity_rejected: {
    decision: 'error',
    enforced: 'deny',
    status: 403,
    summary: 'the caller presented an identity that is not a canonical SPIFFE ID',
    help: 'look at the certificate of the caller: exactly one canonical SPIFFE ID as URI SAN is wanted',
  },
  action_unknown: {
    decision: 'error',
    enforced: 'deny',
    status: 403,
    summary: 'the method is no action of the schema',
    help: 'declare the method as an action in the schema if it is wanted',
  },
  context_incomplete: {
    decision: 'error',
    enforced: 'deny',
    status: 403,
    summary: 'the engine could not take the request, or a declared value cannot be read',
    help: '`errors` names the field; compare what the schema declares with what the request carries',
  },
  header_duplicate: {
    decision: 'error',
    enforced: 'deny',
    status: 403,
    summary: 'a header that the schema declares as one String arrived more than once',
    help: 'declare the header as `Set<String>`, or let Envoy remove all copies but one',
  },
  policy_error: {
    decision: 'error',
    enforced: 'deny',
    status: 403,
    summary: 'a policy that matters failed to evaluate',
    help: '`errors` names the policy; guard what it reads with `has`, and overflowing arithmetic with a comparison',
  },
  request_undecodable: {
    decision: 'error',
    enforced: 'deny',
    status: 400,
    summary: 'the message of Envoy cannot be decoded or lacks its attributes',
    help: 'check that the ext_authz filter speaks the V3 API and that only Envoy reaches the listener',
  },
  request_too_large: {
    decision: 'error',
    enforced: 'deny',
    status: 400,
    summary: 'the message of Envoy is larger than the limit',
    help: 'send less to cedargate: no body, or a smaller `max_request_bytes` in the ext_authz filter',
  },
  path_rejected: {
    decision: 'error',
    enforced: 'deny',
    status: 400,
    summary: 'the path or query could be read in two ways; errors[].code says which rule',
    help: '`errors[].code` names the rule: mend the client, or let Envoy normalise the path',
  },
  no_bundle: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'no valid bundle has been loaded yet',
    help: 'the program log, `/status` and the change log say why the bundle was refused or is missing',
  },
  bundle_revoked: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'the bundle was revoked, and no other one stands behind it',
    help: 'promote a bundle that is not revoked, and mount it; `/status` names the document that revoked it',
  },
  destination_missing: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'the configured source names no destination',
    help: "check `destinationFrom` against the route's context extension or the certificate of the destination",
  },
  destination_not_covered: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'the destination lies outside the scope of the bundle, or no loaded rollout covers it',
    help: 'add the destination to `scope.destinations` of bundle.yaml or to a rollout, or mount what covers it',
  },
  overload: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'more is asked than can be decided in time, or logged where that is required',
    help: '`errors` says which; `overload`: more CPU, or fewer requests (docs/limitations.md); `log_full`: the destination says `requireLog`, and whatever reads the log is too slow or gone',
  },
  deadline: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'the deadline of the call had passed before it was decided',
    help: 'raise the timeout of the ext_authz filter, or give cedargate more CPU',
  },
  internal_fault: {
    decision: 'error',
    enforced: 'fail',
    status: 503,
    summary: 'cedargate itself failed; the program log has the cause',
    help: 'find the decision id in the program log and report the fault',
  },
} as const satisfies Record<string, ReasonEntry>;

export type Reason = keyof typeof REASONS;
