/** What a run found, as data: docs/benchmarks.json holds exactly this. */
import type { MemoryParts } from './proc.js';
import type { Spread } from './statistics.js';

export interface Results {
  readonly machine: Machine;
  readonly quick: boolean;
  readonly cpu: CpuResult | NotMeasured;
  readonly paced: PacedResult | NotMeasured;
  readonly rollout: RolloutResult | NotMeasured;
  readonly latency: LatencyResult | NotMeasured;
  readonly memory: MemoryResult | NotMeasured;
  readonly reload: ReloadResult | NotMeasured;
}

export interface NotMeasured {
  readonly notMeasured: string;
}

export interface Machine {
  readonly date: string;
  /** Commit of the checkout; `(with changes)` when it was not clean. */
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly kernel: string;
  readonly cedargate: string;
}

export interface CpuResult {
  readonly concurrency: number;
  readonly rounds: number;
  readonly cpuSecondsMin: number;
  /** Mean size of a request message. */
  readonly requestBytes: number;
  readonly noop: {
    readonly cpuUs: Spread;
    readonly checks: number;
    readonly responseBytes: number;
  };
  readonly sidecars: readonly SidecarCpu[];
}

export interface SidecarCpu {
  readonly policies: number;
  /** One more policy looks at the path as a value: hardly any answer is known. */
  readonly byValue: boolean;
  /** Share of the measured checks whose answer was known, 0 to 1. */
  readonly remembered: number;
  /** User and system time of the whole process a check, microseconds. */
  readonly cpuUs: Spread;
  /** Of each pair in the same run: this over the no-op server. */
  readonly ratio: Spread;
  readonly checks: number;
  /** Decision lines that came; the run fails unless they equal `checks`. */
  readonly logged: number;
  readonly allow: number;
  readonly deny: number;
  readonly responseBytes: number;
}

/** At a fixed rate over one connection, without Envoy. */
export interface PacedResult {
  readonly checksPerSecond: number;
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly servers: readonly PacedServer[];
}

export interface PacedServer {
  /** Null: the no-op server. */
  readonly policies: number | null;
  readonly cpuUs: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** How late the event loop of the server was. */
  readonly delayP99Ms: Spread;
  readonly delayMaxMs: Spread;
}

/** In one process, without a network. Microseconds of CPU a check. */
export interface RolloutResult {
  readonly policies: number;
  readonly rounds: number;
  readonly checks: number;
  /** A check under one bundle, without a log line. */
  readonly plainUs: Spread;
  /** The same and one more call of the engine, for the policies of the candidate. */
  readonly twiceUs: Spread;
  readonly few: RolloutSize & RolloutCost;
  readonly many: RolloutSize & RolloutCost;
  /** The same with a candidate that reads every request by a schema of its own. */
  readonly ownSchema: RolloutSize & RolloutCost;
  /** The same with remembered answers, as a sidecar runs. */
  readonly plainRememberedUs: Spread;
  readonly remembered: RolloutSize & RolloutCost;
}

export interface RolloutSize {
  readonly slices: number;
  readonly exceptions: number;
}

export interface RolloutCost {
  /** With slices, exceptions, a candidate and a log line. */
  readonly cpuUs: Spread;
  /** What that costs more than the plain check, in calls of the engine. */
  readonly engineCalls: Spread;
}

/** Milliseconds, seen by a client of Envoy. */
export interface LatencyResult {
  readonly envoy: string;
  readonly policies: number;
  readonly requestsPerSecond: number;
  readonly rounds: number;
  readonly requestsPerRound: number;
  /** Requests that passed without an answer of cedargate within the 200 ms of the profile. */
  readonly unanswered: number;
  readonly without: Percentiles;
  readonly with: Percentiles;
}

export interface Percentiles {
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
}

export interface MemoryResult {
  /** Of the plain directory whose growth is watched. */
  readonly policies: number;
  /** After how many checks the first and the second reading were taken. */
  readonly checksFirst: number;
  readonly checksSecond: number;
  readonly cedargate: Readings;
  readonly noop: Readings;
  /** While checks go on, each in a process of its own; the last are of `checksUnderLoad`. */
  readonly noopUnderLoad: MemoryUnderLoad;
  /** Without the settings that all others run with. */
  readonly noopDefaults: MemoryUnderLoad;
  readonly checksUnderLoad: number;
  readonly sizes: readonly (MemoryUnderLoad & { readonly policies: number })[];
}

/** Resident memory, bytes. */
export interface Readings {
  readonly firstBytes: number;
  readonly secondBytes: number;
}

export interface MemoryUnderLoad {
  /** Median of the second half of the checks. */
  readonly bytes: number;
  /** At their end. */
  readonly parts: MemoryParts;
}

export interface ReloadResult {
  readonly policies: number;
  /** From the change on disk to the first answer that carries the new version, milliseconds. */
  readonly ms: Spread;
}
