/** The goals of the project that the bench can judge, and the judgement. Pure. */
import { KNOWN } from './plan.js';
import {
  type CpuResult,
  type LatencyName,
  type LatencyOf,
  type LatencyResult,
  NO_OPA,
  type NotMeasured,
  type OpaResult,
  type Results,
} from './results.js';

/** Of the CPU of the no-op server, at 10 policies. */
export const CPU_RATIO_MAX = 1.3;
export const CPU_GOAL_POLICIES = 10;
/** Of the CPU at 10 policies. */
export const CPU_MANY_RATIO_MAX = 1.1;
export const CPU_MANY_POLICIES = 10_000;
/** What asking the engine adds to a check, microseconds. */
export const MISS_US_MAX = 250;
export const MISS_US_AIM = 120;
/** Of the CPU without a candidate, at 10 policies, answers remembered. */
export const CANDIDATE_RATIO_MAX = 1.15;
export const CANDIDATE_RATIO_AIM = 1.05;
/** In calls of the engine, of which the candidate is one. */
export const ROLLOUT_CALLS_MAX = 1.25;
/** Under load, over the no-op server with the same settings of Node. */
export const MEMORY_OVER_NOOP_BYTES_MAX = [
  { policies: 1_000, max: 50 * 1_000_000 },
  { policies: 10_000, max: 90 * 1_000_000 },
] as const;
export const MEMORY_GROWTH_BYTES_MAX = 20 * 1_000_000;
export const RELOAD_MS_MAX = 300;
/** Of the CPU of OPA-Envoy, whatever the number of rules and however they are written. */
export const OPA_CPU_RATIO_MAX = 0.25;
export const OPA_CPU_RATIO_AIM = 0.15;
/** Of the latency with OPA-Envoy. */
export const OPA_P50_RATIO_MAX = 0.8;
export const OPA_P99_RATIO_MAX = 1;
/** Of the latency with the no-op server. */
export const NOOP_P50_RATIO_AIM = 1.05;
/** With more, the machine was too slow for this rate, and the figures say nothing of a server. */
export const UNDECIDED_SHARE_MAX = 0.01;

export const STALL_MS_MAX = 20;
/** By the number of policies: how much later than an empty server a sidecar is ready. */
export const START_OVER_MS_MAX = [
  [1_000, 200],
  [10_000, 700],
] as const;

export interface Goal {
  readonly what: string;
  /** With its unit: `<= 4.0 x`. */
  readonly limit: string;
  readonly found: string;
  readonly verdict: Verdict;
}

export type Verdict = 'met' | `missed by ${string}` | `not measured${string}`;

/** What a rollout costs a check, whatever its size. */
function judgeRollout(rollout: Results['rollout']): Goal[] {
  const goal = (size: 'few' | 'many', what: string) =>
    judge({
      what: `slices, candidate, exceptions and log together, ${what}`,
      max: ROLLOUT_CALLS_MAX,
      step: 0.01,
      show: (value) => `${value.toFixed(2)} engine calls`,
      found: measured(rollout, (result) => result[size].engineCalls.median),
    });
  return [goal('few', 'a few of each'), goal('many', 'a hundred slices, a thousand exceptions')];
}

function judgeMemory(memory: Results['memory']): Goal[] {
  return MEMORY_OVER_NOOP_BYTES_MAX.map(({ policies, max }) =>
    judge({
      what: `memory under load at ${count(policies)} policies, plain or built, over the no-op server`,
      max,
      step: 100_000,
      show: (value) => `${(value / 1_000_000).toFixed(1)} MB`,
      found: measured(memory, ({ sizes, noopUnderLoad }) => {
        const those = sizes.filter((each) => each.policies === policies);
        if (those.length === 0) return undefined;
        return Math.max(...those.map(({ bytes }) => bytes)) - noopUnderLoad.bytes;
      }),
    }),
  );
}

function judgeCandidate({ beside }: Results): Goal {
  return judge({
    what: `a candidate beside, remembered, against none (aim ${CANDIDATE_RATIO_AIM.toFixed(2)} x)`,
    max: CANDIDATE_RATIO_MAX,
    step: 0.01,
    show: (value) => `${value.toFixed(2)} x`,
    found: measured(beside, ({ sidecars }) => {
      return sidecars.find(({ candidate, logged }) => candidate && logged)?.ratio?.median;
    }),
  });
}

/** The worst of all sizes, ways to write the rules, and processors. */
function judgeOpa({ opa }: Results): Goal[] {
  const worst = ({ sizes }: OpaResult) =>
    Math.max(...sizes.flatMap(({ rivals }) => rivals.map(({ ratio }) => ratio.median)));
  const aim = `aim ${times(OPA_CPU_RATIO_AIM)}`;
  return [
    judge({
      what: `server CPU a check against OPA-Envoy, the worst of all rows (${aim})`,
      max: OPA_CPU_RATIO_MAX,
      ...RATIO,
      found: measured(opa, worst),
    }),
  ];
}

function judgeLatency({ latency }: Results): Goal[] {
  const against = (what: string, max: number, other: LatencyName, of: keyof LatencyOf['whole']) =>
    judge({ what, max, ...RATIO, found: measured(latency, (all) => ratioOf(all, other, of)) });
  const rate = 'notMeasured' in latency ? '' : ` at ${latency.requestsPerSecond} requests/s`;
  const [p50, p99] = ['p50', 'p99'].map((which) => `${which} through Envoy${rate}, against`);
  return [
    against(`${p50} OPA-Envoy`, OPA_P50_RATIO_MAX, 'OPA-Envoy', 'p50Ms'),
    against(`${p99} OPA-Envoy`, OPA_P99_RATIO_MAX, 'OPA-Envoy', 'p99Ms'),
    against(`${p50} the no-op server (aim)`, NOOP_P50_RATIO_AIM, 'no-op', 'p50Ms'),
  ];
}

function ratioOf(result: LatencyResult, other: LatencyName, of: keyof LatencyOf['whole']) {
  const [own, theirs] = (['cedargate', other] as const).map((name) =>
    result.columns.find((column) => column.name === name),
  );
  if (theirs === undefined && other === 'OPA-Envoy') return NO_OPA;
  if (own === undefined || theirs === undefined) return undefined;
  const requests = result.rounds * result.secondsPerRound * result.requestsPerSecond;
  const failed = [own, theirs].find((each) => each.undecided > UNDECIDED_SHARE_MAX * requests);
  return failed === undefined
    ? own.whole[of] / theirs.whole[of]
    : { notMeasured: `${failed.name} decided too few in time` };
}

function judgeStart(start: Results['start']): Goal[] {
  return START_OVER_MS_MAX.map(([policies, max]) => {
    return judge({
      what: `ready after an empty server, a built bundle of ${count(policies)} policies`,
      max,
      step: 1,
      show: (value) => `${value.toFixed(0)} ms`,
      found: measured(start, ({ sidecars }) => {
        return sidecars.find((each) => each.policies === policies)?.overMs.median;
      }),
    });
  });
}

export function judgeGoals(results: Results): Goal[] {
  const { cpu, rollout, memory, reload, stall, start } = results;
  return [
    judge({
      what: `server CPU a check at ${CPU_GOAL_POLICIES} policies, against the no-op server`,
      max: CPU_RATIO_MAX,
      step: 0.01,
      show: (value) => `${value.toFixed(2)} x`,
      found: measured(cpu, (result) => sidecarOf(result, CPU_GOAL_POLICIES)?.ratio.median),
    }),
    judge({
      what: `the same at ${count(CPU_MANY_POLICIES)} policies, against ${CPU_GOAL_POLICIES}`,
      max: CPU_MANY_RATIO_MAX,
      step: 0.01,
      show: (value) => `${value.toFixed(2)} x`,
      found: measured(cpu, (result) => {
        const many = sidecarOf(result, CPU_MANY_POLICIES);
        const few = sidecarOf(result, CPU_GOAL_POLICIES);
        // Of the ratios, not of the times: each was measured beside the no-op server.
        return many && few && many.ratio.median / few.ratio.median;
      }),
    }),
    judge({
      what:
        `what an answer that is not known adds, at ${count(CPU_MANY_POLICIES)} policies of which ` +
        `at most 20 can apply (aim ${MISS_US_AIM} us)`,
      max: MISS_US_MAX,
      step: 1,
      show: (value) => `${value.toFixed(0)} us`,
      found: measured(cpu, (result) => {
        const of = { shape: 'grouped' } as const;
        const miss = sidecarOf(result, CPU_MANY_POLICIES, { ...of, byValue: true });
        const hit = sidecarOf(result, CPU_MANY_POLICIES, { ...of, byValue: false });
        return miss && hit && miss.cpuUs.median - hit.cpuUs.median;
      }),
    }),
    judgeCandidate(results),
    ...judgeRollout(rollout),
    ...judgeOpa(results),
    ...judgeLatency(results),
    ...judgeMemory(memory),
    judge({
      what: 'growth of memory between the first and the second reading',
      max: MEMORY_GROWTH_BYTES_MAX,
      step: 100_000,
      show: (value) => `${(value / 1_000_000).toFixed(1)} MB`,
      found: measured(memory, ({ cedargate }) => cedargate.secondBytes - cedargate.firstBytes),
    }),
    judge({
      what: 'slowest reload, from the change on disk to the first answer with it',
      max: RELOAD_MS_MAX,
      step: 1,
      show: (value) => `${value.toFixed(0)} ms`,
      found: measured(reload, ({ ms }) => ms.max),
    }),
    judge({
      what: 'longest stall of the event loop while many policies are loaded anew under load',
      max: STALL_MS_MAX,
      step: 0.1,
      show: (value) => `${value.toFixed(1)} ms`,
      found: measured(stall, ({ runs }) =>
        Math.max(...runs.map(({ loading }) => loading.ownMs.max)),
      ),
    }),
    judge({
      what: 'checks that failed or were late meanwhile',
      max: 0,
      step: 1,
      show: (value) => value.toFixed(0),
      found: measured(stall, ({ runs }) =>
        runs.reduce((sum, { failed, late }) => sum + failed + late, 0),
      ),
    }),
    ...judgeStart(start),
  ];
}

function sidecarOf({ sidecars }: CpuResult, policies: number, { shape, byValue } = KNOWN) {
  const ofKind = sidecars.filter((each) => each.shape === shape && each.byValue === byValue);
  return ofKind.find((each) => each.policies === policies);
}

const times = (value: number) => `${value.toFixed(2)} x`;
const RATIO = { step: 0.01, show: times } as const;

function count(value: number): string {
  return value.toLocaleString('en-GB');
}

interface Question {
  readonly what: string;
  readonly max: number;
  /** The smallest difference that `show` shows. */
  readonly step: number;
  readonly show: (value: number) => string;
  readonly found: number | NotMeasured | undefined;
}

function judge({ what, max, step, show, found }: Question): Goal {
  const goal = { what, limit: `<= ${show(max)}` };
  if (typeof found !== 'number') {
    const why = found === undefined ? '' : `: ${found.notMeasured}`;
    return { ...goal, found: '-', verdict: `not measured${why}` };
  }
  if (found <= max) return { ...goal, found: show(found), verdict: 'met' };
  // Upwards, so that a miss is never shown as a value within the limit.
  const missed = Math.ceil(found / step) * step;
  return { ...goal, found: show(missed), verdict: `missed by ${show(missed - max)}` };
}

function measured<T extends object>(
  result: T | NotMeasured,
  pick: (result: T) => Question['found'],
): Question['found'] {
  return 'notMeasured' in result ? result : pick(result);
}
