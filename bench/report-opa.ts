/** The section of the page about OPA-Envoy. Pure. */
import { bytes, count, megabytes, micros, type Row, spread, table } from './report-text.js';
import type { OpaCpu, OpaResult, OpaSize } from './results.js';

export function opaSection({ version, concurrency, rounds, cpuSecondsMin, sizes }: OpaResult) {
  return [
    `OPA-Envoy (OPA ${version}) with the same rules, the same messages in the same order,
${concurrency} calls in flight, in pairs with cedargate (cedargate, OPA-Envoy, cedargate, ...),
${rounds} rounds; a measurement lasts until the server used ${cpuSecondsMin} s. The ratio is that of each
pair. Both decide and log every request and refuse none: cedargate in mode shadow, OPA-Envoy with
\`dry-run\`; its console decision log is on. The run fails unless every check of either has its log line
and is decided as an independent reading of the policies says. *Data*: one generic Rego rule looks up the
rules of a caller in data. *Rules*: a Rego rule for each policy. *One processor*: GOMAXPROCS=1, for
cedargate answers on one; else Go uses all. Memory is resident after these checks.
[What is compared, and how](bench-opa.md).`,
    table([
      [
        ...['policies', 'server', 'CPU a check', 'cedargate against it', 'memory'],
        ...['checks', 'log lines', 'allow', 'deny', 'answer'],
      ],
      ...sizes.flatMap((size) => [ownRow(size), ...size.rivals.map((each) => rowOf(size, each))]),
    ]),
  ].join('\n\n');
}

function ownRow({ policies, cedargate }: OpaSize): Row {
  const known = `cedargate, ${(100 * cedargate.remembered).toFixed(1)} % remembered`;
  return [count(policies), known, micros(cedargate.cpuUs), '1', ...countsOf(cedargate)];
}

function rowOf({ policies }: OpaSize, rival: OpaCpu): Row {
  const ratio = spread(rival.ratio, (value) => value.toFixed(2), ' x');
  return [count(policies), nameOf(rival), micros(rival.cpuUs), ratio, ...countsOf(rival)];
}

export function nameOf({ form, processors }: Pick<OpaCpu, 'form' | 'processors'>): string {
  return `OPA-Envoy, ${form}${processors === undefined ? '' : ', one processor'}`;
}

function countsOf(of: OpaSize['cedargate'] | OpaCpu): Row {
  const counts = [of.checks, of.logged, of.allow, of.deny].map(count);
  return [megabytes(of.residentBytes), ...counts, bytes(of)];
}
