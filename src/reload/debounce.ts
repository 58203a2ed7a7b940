/** Turns bursts of hints into single calls: after a quiet time, and at the latest after a longest one. */

export interface Debounce {
  hint(): void;
  cancel(): void;
}

interface DebounceTimes {
  readonly quietMs: number;
  /** Counted from the first hint: an endless storm delays a call no longer. */
  readonly maxMs: number;
}

export function createDebounce(call: () => void, { quietMs, maxMs }: DebounceTimes): Debounce {
  let timer: NodeJS.Timeout | undefined;
  let firstHintMs: number | undefined;

  const fire = () => {
    firstHintMs = undefined;
    call();
  };
  return {
    hint() {
      const nowMs = performance.now();
      firstHintMs ??= nowMs;
      clearTimeout(timer);
      timer = setTimeout(fire, Math.max(0, Math.min(quietMs, firstHintMs + maxMs - nowMs)));
    },
    cancel() {
      clearTimeout(timer);
      firstHintMs = undefined;
    },
  };
}
