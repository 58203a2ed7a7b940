/** What a run found, as data: docs/benchmarks.json holds exactly this. */
import type { BundleKind } from './plan.js';
import type { MemoryParts } from './proc.js';
import type { RegoForm } from './rego.js';
import type { Spread } from './statistics.js';

export interface Results {
  readonly machine: Machine;
  readonly quick: boolean;
  readonly cpu: CpuResult | NotMeasured;
  readonly paced: PacedResult | NotMeasured;
  readonly beside: BesideResult | NotMeasured;
  readonly rollout: RolloutResult | NotMeasured;
  readonly opa: OpaResult | NotMeasured;
  readonly latency: LatencyResult | NotMeasured;
  readonly memory: MemoryResult | NotMeasured;
  readonly reload: ReloadResult | NotMeasured;
  readonly stall: StallResult | NotMeasured;
  readonly start: StartResult | NotMeasured;
}

export interface NotMeasured {
  readonly notMeasured: string;
}

/** Nobody gave a binary to measure. */
export const NO_OPA: NotMeasured = { notMeasured: 'OPA_ENVOY is not set' };

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

export interface ServerCpu {
  /** User and system time of the whole process a check, microseconds. */
  readonly cpuUs: Spread;
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

/** Sidecars of an approved rollout: with a candidate and without, with a decision log and without. */
export interface BesideResult {
  readonly policies: number;
  readonly rounds: number;
  readonly cpuSecondsMin: number;
  /** The first has every line and no candidate: what the others are compared with. */
  readonly sidecars: readonly BesideCpu[];
}

export interface BesideCpu {
  readonly candidate: boolean;
  /** Every decision; else a line a second. */
  readonly logged: boolean;
  /** Share of all looks, those for the candidate too, that found the answer. */
  readonly remembered: number;
  readonly cpuUs: Spread;
  /** Of each pair in the same run: this over the first; absent of the first. */
  readonly ratio?: Spread;
  readonly checks: number;
  /** Checks of the measured rounds that a candidate was asked about, 0 to 1. */
  readonly compared: number;
  readonly lines: number;
}

export interface SidecarCpu extends ServerCpu, BundleKind {
  readonly policies: number;
  /** Share of the measured checks whose answer was known, 0 to 1. */
  readonly remembered: number;
  /** Of each pair in the same run: this over the no-op server. */
  readonly ratio: Spread;
}

export interface OpaResult {
  /** Of OPA, as the binary says. */
  readonly version: string;
  readonly concurrency: number;
  readonly rounds: number;
  readonly cpuSecondsMin: number;
  readonly sizes: readonly OpaSize[];
}

export interface OpaSize {
  readonly policies: number;
  readonly cedargate: ServerCpu & {
    readonly remembered: number;
    readonly residentBytes: number;
  };
  readonly rivals: readonly OpaCpu[];
}

export interface OpaCpu extends ServerCpu {
  /** Rules as data, or a Rego rule for each policy. */
  readonly form: RegoForm;
  /** GOMAXPROCS; absent as Go chooses. */
  readonly processors?: number;
  /** Of each pair in the same run: cedargate over this. */
  readonly ratio: Spread;
  readonly residentBytes: number;
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
  readonly secondsPerRound: number;
  /** Without ext_authz, then with each server. */
  readonly columns: readonly LatencyOf[];
}

export type LatencyName = 'without' | 'no-op' | 'cedargate' | 'OPA-Envoy';

export interface LatencyOf {
  readonly name: LatencyName;
  /** Of each round. */
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** Of the requests of all rounds together. */
  readonly whole: { readonly p50Ms: number; readonly p99Ms: number };
  /** Requests that passed without an answer within the 200 ms of the profile, or as overload. */
  readonly undecided: number;
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
  /** `built`: a signed bundle, else a plain directory. */
  readonly sizes: readonly (MemoryUnderLoad & {
    readonly policies: number;
    readonly built: boolean;
  })[];
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

/** While policies are loaded anew under a steady load. */
export interface StallResult {
  readonly policies: number;
  readonly perSecond: number;
  readonly times: number;
  readonly runs: readonly StallRun[];
}

export interface StallRun {
  /** Where the policies come from. */
  readonly what: string;
  readonly checks: number;
  /** Checks that were not decided, whatever the reason. */
  readonly failed: number;
  /** Answers that came later than Envoy waits. */
  readonly late: number;
  /** The slowest answer, milliseconds. */
  readonly slowestMs: number;
  /** Longest stall of the event loop during each reload. */
  readonly loading: StallSpreads;
  /** The same of a few seconds before each. */
  readonly quiet: StallSpreads;
}

export interface StallSpreads {
  readonly wallMs: Spread;
  /** Without the time that the thread waited for a processor. */
  readonly ownMs: Spread;
}

/** From the start of the process until it answers. */
export interface StartResult {
  readonly rounds: number;
  /** Of the empty server, which is started before each sidecar. */
  readonly empty: StartSpreads;
  readonly sidecars: readonly SidecarStart[];
}

export interface StartSpreads {
  readonly ms: Spread;
  /** User and system time of the whole process until then, milliseconds. */
  readonly cpuMs: Spread;
}

export interface SidecarStart extends StartSpreads {
  readonly policies: number;
  /** Of each pair: later than the empty server by so much. */
  readonly overMs: Spread;
}
