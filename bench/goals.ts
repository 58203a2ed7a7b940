/** The goals of the project that the bench can judge, and the judgement. Pure. */
import type { NotMeasured, Results } from './results.js';

/** Of the CPU of the no-op server, at 10 policies. */
export const CPU_RATIO_MAX = 4;
export const CPU_GOAL_POLICIES = 10;
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

export function judgeGoals({ cpu, memory, reload }: Results): Goal[] {
  return [
    judge({
      what: `server CPU a check at ${CPU_GOAL_POLICIES} policies, against the no-op server`,
      max: CPU_RATIO_MAX,
      show: (value) => `${value.toFixed(2)} x`,
      found: measured(cpu, ({ sidecars }) => {
        return sidecars.find(({ policies }) => policies === CPU_GOAL_POLICIES)?.ratio.median;
      }),
    }),
    judge({
      what: 'growth of memory between the first and the second reading',
      max: MEMORY_GROWTH_BYTES_MAX,
      show: (value) => `${(value / 1_000_000).toFixed(1)} MB`,
      found: measured(memory, ({ cedargate }) => cedargate.secondBytes - cedargate.firstBytes),
    }),
    judge({
      what: 'slowest reload, from the change on disk to the first answer with it',
      max: RELOAD_MS_MAX,
      show: (value) => `${value.toFixed(0)} ms`,
      found: measured(reload, ({ ms }) => ms.max),
    }),
  ];
}

interface Question {
  readonly what: string;
  readonly max: number;
  readonly show: (value: number) => string;
  readonly found: number | NotMeasured | undefined;
}

function judge({ what, max, show, found }: Question): Goal {
  const goal = { what, limit: `<= ${show(max)}` };
  if (typeof found !== 'number') {
    const why = found === undefined ? '' : `: ${found.notMeasured}`;
    return { ...goal, found: '-', verdict: `not measured${why}` };
  }
  const verdict = found <= max ? 'met' : (`missed by ${show(found - max)}` as const);
  return { ...goal, found: show(found), verdict };
}

function measured<T extends object>(
  result: T | NotMeasured,
  pick: (result: T) => number | undefined,
): Question['found'] {
  return 'notMeasured' in result ? result : pick(result);
}
