/** How much is measured: the full run (some ten minutes, more beside OPA-Envoy) and the smoke run. */
import type { PolicyShape } from './policies.js';

export interface BundleKind {
  readonly shape: PolicyShape;
  /**
   * Policies look at the path as a value: one more than there are of usual ones, else all of them.
   * Hardly any answer is known.
   */
  readonly byValue: boolean;
}

export interface BenchBundle extends BundleKind {
  readonly policies: number;
}

export const KNOWN: BundleKind = { shape: 'usual', byValue: false };
const known = (policies: number): BenchBundle => ({ policies, ...KNOWN });
const byValue = (policies: number, shape: PolicyShape = 'usual'): BenchBundle => {
  return { policies, shape, byValue: true };
};

export interface Plan {
  readonly quick: boolean;
  /** Calls in flight at the same time. */
  readonly concurrency: number;
  readonly cpu: {
    /** Each measured in a pair with the no-op server. */
    readonly bundles: readonly BenchBundle[];
    readonly rounds: number;
    /** A measurement goes on until the server used this much. One clock tick is 0.01 s. */
    readonly cpuSecondsMin: number;
    /** Before the first round, so that code is compiled and caches are warm. */
    readonly warmUpCpuSeconds: number;
    /** By value: V8 optimises the engine after some thousand questions. */
    readonly warmUpMissCpuSeconds: number;
    /** After that the warm-up goes on until most answers are known, but not longer than this. */
    readonly warmUpCpuSecondsMax: number;
  };
  readonly paced: {
    /** Beside the no-op server. */
    readonly policies: readonly number[];
    readonly rounds: number;
    readonly secondsPerRound: number;
    readonly checksPerSecond: number;
    /** As fast as answers come, before. */
    readonly warmUpChecks: number;
  };
  readonly rollout: {
    readonly policies: number;
    readonly rounds: number;
    /** Before those that count, so that code is compiled and caches are warm. */
    readonly warmUpRounds: number;
    /** Of each way and round. */
    readonly checks: number;
  };
  /** Beside OPA-Envoy, when OPA_ENVOY names one. */
  readonly opa: {
    readonly policies: readonly number[];
    readonly rounds: number;
    readonly cpuSecondsMin: number;
    readonly warmUpCpuSeconds: number;
    readonly warmUpCpuSecondsMax: number;
  };
  readonly memory: {
    readonly policies: number;
    /** Checks before the first and before the second reading. */
    readonly readings: readonly [number, number];
    /** The sidecars that are looked at under load; `built`: a signed bundle, else a plain directory. */
    readonly sizes: readonly { readonly policies: number; readonly built: boolean }[];
    readonly checksUnderLoad: number;
  };
  readonly envoy: {
    readonly policies: number;
    readonly rounds: number;
    readonly secondsPerRound: number;
    /** Connections are open then, and the code of everything is compiled. */
    readonly warmUpSeconds: number;
    /** Requests are sent at this rate, whatever is still unanswered. */
    readonly requestsPerSecond: number;
  };
  readonly reload: {
    readonly policies: number;
    readonly times: number;
  };
  readonly start: {
    readonly policies: readonly number[];
    readonly rounds: number;
  };
  readonly stall: {
    readonly policies: number;
    readonly times: number;
    readonly perSecond: number;
    /** Before, so that every caller has come once. */
    readonly warmUpChecks: number;
  };
}

export const FULL: Plan = {
  quick: false,
  concurrency: 16,
  cpu: {
    bundles: [
      ...[10, 100, 1_000, 10_000].map(known),
      ...[10, 1_000, 10_000].map((policies) => byValue(policies)),
      { policies: 10_000, shape: 'grouped', byValue: false },
      byValue(10_000, 'grouped'),
      // With a thousand the calls in flight would wait so long that the sidecar sheds some of them.
      byValue(200, 'open'),
    ],
    rounds: 6,
    cpuSecondsMin: 1.5,
    warmUpCpuSeconds: 5,
    warmUpMissCpuSeconds: 15,
    warmUpCpuSecondsMax: 60,
  },
  paced: {
    policies: [10, 1_000],
    rounds: 4,
    secondsPerRound: 8,
    checksPerSecond: 500,
    warmUpChecks: 10_000,
  },
  rollout: { policies: 10, rounds: 60, warmUpRounds: 10, checks: 500 },
  opa: {
    policies: [10, 100, 1_000, 10_000],
    rounds: 8,
    cpuSecondsMin: 1,
    warmUpCpuSeconds: 2,
    warmUpCpuSecondsMax: 60,
  },
  memory: {
    policies: 10,
    readings: [10_000, 100_000],
    sizes: [
      { policies: 10, built: false },
      { policies: 1_000, built: false },
      { policies: 1_000, built: true },
      { policies: 10_000, built: false },
      { policies: 10_000, built: true },
    ],
    checksUnderLoad: 20_000,
  },
  envoy: {
    policies: 10,
    rounds: 6,
    secondsPerRound: 10,
    warmUpSeconds: 5,
    requestsPerSecond: 500,
  },
  reload: { policies: 100, times: 10 },
  start: { policies: [1_000, 10_000], rounds: 10 },
  stall: { policies: 10_000, times: 5, perSecond: 100, warmUpChecks: 5_000 },
};

/** Proves that everything runs; its figures say little. */
export const QUICK: Plan = {
  quick: true,
  concurrency: 16,
  cpu: {
    bundles: [known(10), byValue(10), byValue(1_000, 'grouped'), byValue(20, 'open')],
    rounds: 1,
    cpuSecondsMin: 0.2,
    warmUpCpuSeconds: 0.1,
    warmUpMissCpuSeconds: 0.1,
    warmUpCpuSecondsMax: 0.1,
  },
  paced: {
    policies: [10],
    rounds: 1,
    secondsPerRound: 1,
    checksPerSecond: 200,
    warmUpChecks: 200,
  },
  rollout: { policies: 10, rounds: 1, warmUpRounds: 1, checks: 100 },
  opa: {
    policies: [10, 1_000],
    rounds: 1,
    cpuSecondsMin: 0.2,
    warmUpCpuSeconds: 0.1,
    warmUpCpuSecondsMax: 0.1,
  },
  memory: {
    policies: 10,
    readings: [200, 1_000],
    sizes: [{ policies: 20, built: true }],
    checksUnderLoad: 1_000,
  },
  envoy: {
    policies: 10,
    rounds: 1,
    secondsPerRound: 2,
    warmUpSeconds: 3,
    requestsPerSecond: 500,
  },
  reload: { policies: 20, times: 2 },
  start: { policies: [10], rounds: 1 },
  stall: { policies: 20, times: 1, perSecond: 50, warmUpChecks: 200 },
};
