/** The section of docs/benchmarks.md about candidate and log, each apart. Pure. */
import type { BesideCpu, BesideResult } from './results.js';
import type { Spread } from './statistics.js';

export function besideSection({ policies, rounds, cpuSecondsMin, sidecars }: BesideResult): string {
  const head = ['sidecar', 'CPU a check', 'against the first', 'compared', 'remembered', 'checks'];
  const rows = [[...head, 'log lines'], [...head, ''].map(() => '---'), ...sidecars.map(row)];
  return [
    `Sidecars of one approved rollout with ${policies} policies, none enforced, measured like those
above and in pairs with the first: ${rounds} rounds of ${cpuSecondsMin} s each. The candidate is the next
version with one more policy for everybody, so that each of its answers is asked for and remembered by
itself. *Compared* is the share of the checks that it was asked about, *remembered* that of all answers,
its own too. *Not logged* has \`log.linesPerSecond: 1\`: each class has its first line, and there is one
a second; all else is counted, and no line is made. The run fails unless \`/metrics\` counts the
decisions of an independent reading of the policies.`,
    rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n'),
  ].join('\n\n');
}

function row({ candidate, logged, cpuUs, ratio, ...more }: BesideCpu): string[] {
  const name = `${candidate ? 'a candidate' : 'no candidate'}, ${logged ? 'logged' : 'not logged'}`;
  return [
    name,
    spread(cpuUs, (value) => value.toFixed(0), ' us'),
    ratio === undefined ? '1' : spread(ratio, (value) => value.toFixed(2), ' x'),
    candidate ? share(more.compared) : '-',
    share(more.remembered),
    more.checks.toLocaleString('en-US'),
    more.lines.toLocaleString('en-US'),
  ];
}

const share = (value: number) => `${(100 * value).toFixed(1)} %`;

function spread({ median, min, max }: Spread, show: (value: number) => string, unit: string) {
  return `${show(median)}${unit} (${show(min)} to ${show(max)})`;
}
