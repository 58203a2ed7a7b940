/** The section of the page on the time to ready. Pure. */
import { count, spread, table, whole } from './report-text.js';
import type { StartResult } from './results.js';

export function startSection({ rounds, empty, sidecars }: StartResult): string {
  const ms = (value: StartResult['empty']['ms']) => spread(value, whole, ' ms');
  return [
    `From the start of the process until its port takes connections, and the CPU that it used until
then: a built and signed bundle on a shelf, beside the no-op server of above, in pairs, ${rounds} rounds.`,
    table([
      ['server', 'ready after', 'later than the empty one', 'CPU until then'],
      ['no-op', ms(empty.ms), '-', ms(empty.cpuMs)],
      ...sidecars.map((each) => [
        `${count(each.policies)} policies`,
        ms(each.ms),
        ms(each.overMs),
        ms(each.cpuMs),
      ]),
    ]),
  ].join('\n\n');
}
