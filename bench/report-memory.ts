/** The section of docs/benchmarks.md about memory. Pure. */
import { count, megabytes, table } from './report-text.js';
import type { MemoryResult, MemoryUnderLoad, Readings } from './results.js';
import { RUNTIME_ENVIRONMENT } from './runtime.js';

export function memorySection(result: MemoryResult): string {
  const { policies, checksFirst, checksSecond, checksUnderLoad, cedargate, noop } = result;
  const { noopUnderLoad, noopDefaults, sizes } = result;
  const settings = Object.entries(RUNTIME_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
  const growth = (name: string, { firstBytes, secondBytes }: Readings) => [
    name,
    megabytes(firstBytes),
    megabytes(secondBytes),
    megabytes(secondBytes - firstBytes),
  ];
  const row = (name: string, { bytes, parts }: MemoryUnderLoad, over?: number) => [
    name,
    megabytes(bytes),
    over === undefined ? '-' : megabytes(bytes - over),
    ...[parts.files, parts.code, parts.malloc, parts.anonymous].map(megabytes),
  ];
  return [
    `Resident memory (VmRSS) of fresh processes, one run; cedargate with every decision
logged, and its policies in a plain directory or in a built and signed bundle. Every server of this page runs with \`${settings.join('` and `')}\`, the no-op server
too, but for the row that says otherwise.`,
    `While checks go on, over the second half of ${count(checksUnderLoad)}, and what it is mapped for at
their end ([performance.md](performance.md) says what each part is):`,
    table([
      ['server', 'memory', 'over no-op', 'files', 'code', 'malloc', 'anonymous'],
      row('no-op', noopUnderLoad),
      row('no-op, defaults of Node', noopDefaults, noopUnderLoad.bytes),
      ...sizes.map((each) =>
        row(
          `${count(each.policies)} policies, ${each.built ? 'built' : 'plain'}`,
          each,
          noopUnderLoad.bytes,
        ),
      ),
    ]),
    `Growth, with ${policies} policies in a plain directory:`,
    table([
      ['server', `after ${count(checksFirst)}`, `after ${count(checksSecond)}`, 'growth'],
      growth('no-op', noop),
      growth('cedargate', cedargate),
    ]),
  ].join('\n\n');
}
