/** The section of the page on a reload under load. Pure. */
import { count, millis, table } from './report-text.js';
import type { StallResult, StallRun } from './results.js';

export function stallSection({ policies, perSecond, times, runs }: StallResult): string {
  return [
    `${count(policies)} policies of which one changes, ${times} times, while ${perSecond} checks a second
are sent whatever is still unanswered. In a plain directory it is each time another one: a policy of
everybody, of one caller, of a namespace. Built bundles are those of an approved rollout, and differ in
a policy of everybody. The stall is the longest
time that the event loop of the server took for one turn, watched from inside every millisecond; its
own is that without the time that its thread waited for a processor, which others use as well: the
client, the thread that loads, and whatever else runs on the machine.`,
    table([
      ['', 'longest stall', 'of its own', 'checks', 'not decided', 'later than 200 ms', 'slowest'],
      ...runs.flatMap(rows),
    ]),
  ].join('\n\n');
}

function rows({ what, checks, failed, late, slowestMs, loading, quiet }: StallRun): string[][] {
  const sums = [count(checks), String(failed), String(late), `${slowestMs.toFixed(0)} ms`];
  return [
    [`${what}, loaded anew`, millis(loading.wallMs), millis(loading.ownMs), ...sums],
    ['without a reload', millis(quiet.wallMs), millis(quiet.ownMs), '', '', '', ''],
  ];
}
