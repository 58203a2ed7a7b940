/** The goals of the project that the bench can judge, and the judgement. Pure. */
import type { CpuResult, NotMeasured, Results } from './results.js';

/** Of the CPU of the no-op server, at 10 policies. */
export const CPU_RATIO_MAX = 1.3;
export const CPU_GOAL_POLICIES = 10;
/** Of the CPU at 10 policies. */
export const CPU_MANY_RATIO_MAX = 1.1;
export const CPU_MANY_POLICIES = 10_000;
/** What asking the engine adds to a check, microseconds. */
export const MISS_US_MAX = 250;
/** In calls of the engine, of which the candidate is one. */
export const ROLLOUT_CALLS_MAX = 1.25;
/** Under load, over the no-op server with the same settings of Node. */
export const MEMORY_OVER_NOOP_BYTES_MAX = [
  { policies: 1_000, max: 50 * 1_000_000 },
  { policies: 10_000, max: 90 * 1_000_000 },
] as const;
export const MEMORY_GROWTH_BYTES_MAX = 20 * 1_000_000;
export const RELOAD_MS_MAX = 300;

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
      what: `memory under load at ${count(policies)} policies, over the no-op server`,
      max,
      step: 100_000,
      show: (value) => `${(value / 1_000_000).toFixed(1)} MB`,
      found: measured(memory, ({ sizes, noopUnderLoad }) => {
        const size = sizes.find((each) => each.policies === policies);
        return size && size.bytes - noopUnderLoad.bytes;
      }),
    }),
  );
}

export function judgeGoals({ cpu, rollout, memory, reload }: Results): Goal[] {
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
      what: `what an answer that is not known adds, at ${count(CPU_MANY_POLICIES)} policies`,
      max: MISS_US_MAX,
      step: 1,
      show: (value) => `${value.toFixed(0)} us`,
      found: measured(cpu, (result) => {
        const miss = sidecarOf(result, CPU_MANY_POLICIES, { byValue: true });
        const hit = sidecarOf(result, CPU_MANY_POLICIES);
        return miss && hit && miss.cpuUs.median - hit.cpuUs.median;
      }),
    }),
    ...judgeRollout(rollout),
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
  ];
}

function sidecarOf({ sidecars }: CpuResult, policies: number, { byValue } = { byValue: false }) {
  return sidecars.find((each) => each.policies === policies && each.byValue === byValue);
}

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
  pick: (result: T) => number | undefined,
): Question['found'] {
  return 'notMeasured' in result ? result : pick(result);
}
