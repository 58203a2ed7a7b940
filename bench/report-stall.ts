/** The section of the page on a reload under load. Pure. */
import { count, millis, table } from './report-text.js';
import type { StallResult } from './results.js';

export function stallSection(result: StallResult): string {
  const { policies, perSecond, times, checks, failed, late, slowestMs, loading, quiet } = result;
  return [
    `${count(policies)} policies of which one changes, ${times} times, while ${perSecond} checks a second
are sent whatever is still unanswered: ${count(checks)} checks, ${failed} not decided, ${late} later
than the 200 ms that Envoy waits; the slowest took ${slowestMs.toFixed(0)} ms. The stall is the longest
time that the event loop of the server took for one turn, watched from inside every millisecond; its
own is that without the time that its thread waited for a processor, which others use as well: the
client, the thread that loads, and whatever else runs on the machine.`,
    table([
      ['', 'longest stall', 'of its own'],
      ['while the policies are loaded', millis(loading.wallMs), millis(loading.ownMs)],
      ['without a reload', millis(quiet.wallMs), millis(quiet.ownMs)],
    ]),
  ].join('\n\n');
}
