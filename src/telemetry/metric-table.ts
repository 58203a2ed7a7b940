/**
 * Every metric of cedargate: registration (metrics.ts) and docs/metrics.md are both made from this
 * table. Labels are bounded: never a path, a principal, a host or a decision id.
 */
import { METRIC_POLICIES_MAX, METRIC_SLICES_MAX } from '../constants.js';

export interface MetricEntry {
  readonly name: `cedargate_${string}`;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Label -> what bounds its values. */
  readonly labels: Readonly<Record<string, string>>;
}

const ROLLOUT_VALUES = 'the rollouts that this process serves';

export const METRICS = {
  checks: {
    name: 'cedargate_checks_total',
    type: 'counter',
    help: 'Checks answered.',
    labels: {
      decision: 'allow, deny, error',
      mode: 'shadow, enforce',
      outcome: 'allow, deny, fail',
      reason: 'the codes of docs/reasons.md',
    },
  },
  sliceChecks: {
    name: 'cedargate_slice_checks_total',
    type: 'counter',
    help: 'Checks answered of requests in a block, a hold or an enforced slice of a rollout.',
    labels: {
      slice: `the names in rollout documents since the start, ${METRIC_SLICES_MAX} at most; further ones count under _other`,
      decision: 'allow, deny, error',
      outcome: 'allow, deny, fail',
    },
  },
  abortedCalls: {
    name: 'cedargate_aborted_calls_total',
    type: 'counter',
    help: 'Calls that ended before they became checks: refused by gRPC (a message above 16 MiB, or none at all), or given up by the client.',
    labels: {},
  },
  checkDuration: {
    name: 'cedargate_check_duration_seconds',
    type: 'histogram',
    help: 'Time from the bytes of a request to its answer, in seconds.',
    labels: {},
  },
  inflightChecks: {
    name: 'cedargate_inflight_checks',
    type: 'gauge',
    help: 'Checks received and not yet answered.',
    labels: {},
  },
  policyErrors: {
    name: 'cedargate_policy_errors_total',
    type: 'counter',
    help: 'Evaluations of a policy that failed.',
    labels: {
      policy: `the ids of policies that failed since the start, ${METRIC_POLICIES_MAX} at most; further ones count under _other`,
    },
  },
  newClasses: {
    name: 'cedargate_new_classes_total',
    type: 'counter',
    help: 'Classes (caller, action, destination, route) seen for the first time by this process.',
    labels: {},
  },
  bundleInfo: {
    name: 'cedargate_bundle_info',
    type: 'gauge',
    help: 'Always 1; the labels name the bundles that decide, and those that are compared with them. The series of an earlier bundle ends.',
    labels: {
      version: 'those of the loaded bundles',
      digest: 'those of the loaded bundles',
      role: 'active, candidate',
    },
  },
  candidateChecks: {
    name: 'cedargate_candidate_checks_total',
    type: 'counter',
    help: 'Checks that a candidate was asked about too.',
    labels: {},
  },
  flips: {
    name: 'cedargate_flips_total',
    type: 'counter',
    help: 'Checks that the candidate decides otherwise than the active bundle.',
    labels: {
      from: 'what the active bundle says: allow, deny, error',
      to: 'what the candidate says: allow, deny, error',
    },
  },
  reloads: {
    name: 'cedargate_reloads_total',
    type: 'counter',
    help: 'Attempts to load the bundle.',
    labels: { result: 'ok, unchanged, rejected_<code> with the codes of docs/errors.md' },
  },
  rolloutSequence: {
    name: 'cedargate_rollout_sequence',
    type: 'gauge',
    help: 'Sequence of the newest verified document, and of the one that runs. They differ while a bundle is missing.',
    labels: {
      rollout: ROLLOUT_VALUES,
      environment: 'one value for each process',
      role: 'approved, running',
    },
  },
  lagSeconds: {
    name: 'cedargate_lag_seconds',
    type: 'gauge',
    help: 'For how long something else than the approved document and its bundle has been running; 0 when it runs.',
    labels: { rollout: ROLLOUT_VALUES },
  },
  rolloutExpires: {
    name: 'cedargate_rollout_expires_timestamp_seconds',
    type: 'gauge',
    help: 'When the running document expires, in seconds since 1970. Its exceptions end then; the rest goes on.',
    labels: { rollout: ROLLOUT_VALUES },
  },
  reviewDue: {
    name: 'cedargate_review_due_timestamp_seconds',
    type: 'gauge',
    help: 'The day by which somebody should review the running document, in seconds since 1970.',
    labels: { rollout: ROLLOUT_VALUES },
  },
  exceptionsActive: {
    name: 'cedargate_exceptions_active',
    type: 'gauge',
    help: 'Exceptions of the running document that hold now.',
    labels: { rollout: ROLLOUT_VALUES },
  },
  exceptionsUnused: {
    name: 'cedargate_exceptions_unused',
    type: 'gauge',
    help: 'Exceptions that hold now and that no request has needed since this process began.',
    labels: { rollout: ROLLOUT_VALUES },
  },
  exceptionsEndingSoon: {
    name: 'cedargate_exceptions_ending_soon',
    type: 'gauge',
    help: 'Exceptions that hold now and end within 7 days.',
    labels: { rollout: ROLLOUT_VALUES },
  },
  exceptionUses: {
    name: 'cedargate_exception_uses_total',
    type: 'counter',
    help: 'Denied requests that a live exception spoke for, in shadow too.',
    labels: {
      exception: `the names in rollout documents since the start, ${METRIC_SLICES_MAX} at most; further ones count under _other`,
    },
  },
  exceptionNextExpiry: {
    name: 'cedargate_exception_next_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the next of the exceptions that hold now ends, in seconds since 1970; absent when none holds.',
    labels: { rollout: ROLLOUT_VALUES },
  },
  blocksActive: {
    name: 'cedargate_blocks_active',
    type: 'gauge',
    help: 'Blocks of the running document that hold now.',
    labels: { rollout: ROLLOUT_VALUES },
  },
  emergencyUnreconciled: {
    name: 'cedargate_emergency_unreconciled',
    type: 'gauge',
    help: '1 while the newest document is an emergency that no later one has taken over.',
    labels: { rollout: ROLLOUT_VALUES },
  },
  decisionLogEvents: {
    name: 'cedargate_decision_log_events_total',
    type: 'counter',
    help: 'Decisions by what became of their log line. The sum is the number of checks.',
    labels: { result: 'logged, sampled, dropped' },
  },
  decisionLogLimited: {
    name: 'cedargate_decision_log_limited_total',
    type: 'counter',
    help: 'Decisions among the dropped ones whose line was beyond a burst limit.',
    labels: {},
  },
  cacheRequests: {
    name: 'cedargate_cache_requests_total',
    type: 'counter',
    help: 'Decisions by whether the answer of the policies was remembered. bypass: it must not be, since policies read the time.',
    labels: { result: 'hit, miss, bypass' },
  },
  buildInfo: {
    name: 'cedargate_build_info',
    type: 'gauge',
    help: 'Always 1; the labels name the versions of cedargate, the Cedar SDK and the Cedar language.',
    labels: {
      version: 'one value for each process',
      cedar_sdk: 'one value for each process',
      cedar_language: 'one value for each process',
    },
  },
} as const satisfies Record<string, MetricEntry>;

/** What begins the names of the metrics that prom-client adds about process and event loop. */
export const DEFAULT_METRIC_PREFIXES = ['process_', 'nodejs_'] as const;

/** Seconds, from 50 us (a remembered decision) to 200 ms (the time-out of Envoy). */
export const CHECK_DURATION_BUCKETS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2,
] as const;
