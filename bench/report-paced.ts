/** The section of docs/benchmarks.md about checks at a fixed rate. Pure. */
import { count, micros, millis, table } from './report-text.js';
import type { PacedResult } from './results.js';

export function pacedSection({
  checksPerSecond,
  rounds,
  secondsPerRound,
  servers,
}: PacedResult): string {
  return [
    `The same checks at ${checksPerSecond} a second whatever is still unanswered, over one connection,
without Envoy, in turns: ${rounds} rounds of ${secondsPerRound} s each. Latency is that of the client,
from sending to the end of the answer. The event loop is late by what a timer of the server is. A check
costs every server more than at saturation, where one wake-up serves many.`,
    table([
      ['server', 'CPU a check', 'p50', 'p99', 'event loop late, p99', 'at most'],
      ...servers.map(({ policies, cpuUs, p50Ms, p99Ms, delayP99Ms, delayMaxMs }) => [
        policies === null ? 'no-op' : `${count(policies)} policies`,
        micros(cpuUs),
        ...[p50Ms, p99Ms, delayP99Ms, delayMaxMs].map(millis),
      ]),
    ]),
  ].join('\n\n');
}
