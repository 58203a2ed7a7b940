/** How much is measured: the full run (under six minutes) and the smoke run (under half a minute). */

export interface Plan {
  readonly quick: boolean;
  /** Calls in flight at the same time. */
  readonly concurrency: number;
  readonly cpu: {
    /** Bundle sizes, each measured in a pair with the no-op server. */
    readonly policies: readonly number[];
    readonly rounds: number;
    /** A measurement goes on until the server used this much. One clock tick is 0.01 s. */
    readonly cpuSecondsMin: number;
    /** The same before the first round, so that code is compiled and caches are warm. */
    readonly warmUpCpuSeconds: number;
  };
  readonly rollout: {
    readonly policies: number;
    readonly rounds: number;
    /** Before those that count, so that code is compiled and caches are warm. */
    readonly warmUpRounds: number;
    /** Of each way and round. */
    readonly checks: number;
  };
  readonly memory: {
    readonly policies: number;
    /** Checks before the first and before the second reading. */
    readonly readings: readonly [number, number];
  };
  readonly envoy: {
    readonly policies: number;
    readonly rounds: number;
    readonly secondsPerRound: number;
    /** Requests are sent at this rate, whatever is still unanswered. */
    readonly requestsPerSecond: number;
  };
  readonly reload: {
    readonly policies: number;
    readonly times: number;
  };
}

export const FULL: Plan = {
  quick: false,
  concurrency: 16,
  cpu: { policies: [10, 100, 1_000], rounds: 6, cpuSecondsMin: 2, warmUpCpuSeconds: 5 },
  rollout: { policies: 10, rounds: 60, warmUpRounds: 10, checks: 500 },
  memory: { policies: 10, readings: [10_000, 100_000] },
  envoy: { policies: 10, rounds: 5, secondsPerRound: 5, requestsPerSecond: 200 },
  reload: { policies: 100, times: 10 },
};

/** Proves that everything runs; its figures say little. */
export const QUICK: Plan = {
  quick: true,
  concurrency: 16,
  cpu: { policies: [10], rounds: 1, cpuSecondsMin: 0.2, warmUpCpuSeconds: 0.1 },
  rollout: { policies: 10, rounds: 1, warmUpRounds: 1, checks: 100 },
  memory: { policies: 10, readings: [200, 1_000] },
  envoy: { policies: 10, rounds: 1, secondsPerRound: 1, requestsPerSecond: 100 },
  reload: { policies: 20, times: 2 },
};
