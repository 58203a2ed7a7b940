/** Results to text: the tables of docs/benchmarks.md and the lines that a run prints. Pure. */
import { type Goal, judgeGoals } from './goals.js';
import { besideSection } from './report-beside.js';
import { memorySection } from './report-memory.js';
import { opaSection } from './report-opa.js';
import { pacedSection } from './report-paced.js';
import { stallSection } from './report-stall.js';
import { startSection } from './report-start.js';
import { bytes, count, micros, millis, type Row, spread, table, whole } from './report-text.js';
import type {
  CpuResult,
  LatencyResult,
  Machine,
  NotMeasured,
  ReloadResult,
  Results,
  RolloutResult,
  SidecarCpu,
} from './results.js';

export function renderPage(results: Results): string {
  const sections = [
    '# Benchmarks',
    `Written by \`make bench\`; the same as data is in [benchmarks.json](benchmarks.json). Where a
cell has three figures, it is the median of the rounds and, in brackets, the smallest and the largest.
Figures of other machines differ; ratios between servers of the same run differ less.`,
    ...(results.quick ? ['**A smoke run: its figures say little.**'] : []),
    table([['run', ''], ...machineRows(results.machine)]),
    '## Goals',
    table([['goal', 'limit', 'found', ''], ...judgeGoals(results).map(goalRow)]),
    '## Server CPU a check',
    section(results.cpu, cpuSection),
    '## Checks at a fixed rate',
    section(results.paced, pacedSection),
    '## Candidate and log apart',
    section(results.beside, besideSection),
    '## What a rollout costs',
    section(results.rollout, rolloutSection),
    '## Beside OPA-Envoy',
    section(results.opa, opaSection),
    '## Latency through Envoy',
    section(results.latency, latencySection),
    '## Memory',
    section(results.memory, memorySection),
    '## Reload',
    section(results.reload, reloadSection),
    '## Reload under load',
    section(results.stall, stallSection),
    '## Time to ready',
    section(results.start, startSection),
  ];
  return `${sections.join('\n\n')}\n`;
}

/** The goals, one a line, for the end of a run. */
export function renderGoals(results: Results): string {
  return judgeGoals(results)
    .map(({ what, limit, found, verdict }) => `${what}: ${found} (${limit}): ${verdict}`)
    .join('\n');
}

function goalRow({ what, limit, found, verdict }: Goal): Row {
  return [what, limit, found, verdict === 'met' ? verdict : `**${verdict}**`];
}

function machineRows({ date, commit, cpu, cores, node, kernel, cedargate }: Machine): Row[] {
  return [
    ['date', date],
    ['cedargate', `${cedargate}, commit ${commit}`],
    ['processor', `${cpu}, ${cores} logical cores`],
    ['system', `${kernel}, Node ${node}`],
  ];
}

function cpuSection({
  concurrency,
  rounds,
  cpuSecondsMin,
  requestBytes,
  noop,
  sidecars,
}: CpuResult) {
  return [
    `User and system time of the whole server process, from \`/proc/<pid>/stat\`, over the checks it
answered. One client process holds ${concurrency} calls in flight over one connection: 200 callers
times 500 paths, ${requestBytes} bytes a message, encoded before. Both servers get the same bytes in
the same order, in pairs (no-op, cedargate, no-op, cedargate, ...), ${rounds} rounds; a measurement
lasts until the server used ${cpuSecondsMin} s. The ratio is that of each pair.`,
    `The no-op server is @grpc/grpc-js with the same proto files and settings: it decodes each request
whole and encodes a fixed allow of the same form as cedargate's; it decides, logs and counts nothing.
cedargate runs in mode shadow and logs every decision to a pipe that is read, counted and thrown away.
The run fails unless the log has a line for every check and its decisions are those of an independent
reading of the same policies. *Remembered* is the share of the checks whose answer the sidecar knew.
Where it says *by value*, one more policy looks at the path as a value, so that hardly any answer is
known: these rows show what a miss costs. Of *grouped* policies at most 20 can apply to a check, and
by value each of these looks at the path; of *open* ones whom and what they concern stands in the
condition, so that all have to be asked.`,
    table([
      [
        'server',
        'CPU a check',
        'against no-op',
        'remembered',
        'checks',
        'log lines',
        'allow',
        'deny',
        'answer',
      ],
      ['no-op', micros(noop.cpuUs), '1', '-', count(noop.checks), '-', '-', '-', bytes(noop)],
      ...sidecars.map((each) => [
        nameOf(each),
        micros(each.cpuUs),
        spread(each.ratio, (value) => `${value.toFixed(2)}`, ' x'),
        `${(100 * each.remembered).toFixed(1)} %`,
        count(each.checks),
        count(each.logged),
        count(each.allow),
        count(each.deny),
        bytes(each),
      ]),
    ]),
  ].join('\n\n');
}

function nameOf({ policies, shape, byValue }: SidecarCpu): string {
  const which = shape === 'usual' ? '' : `, ${shape}`;
  return `${count(policies)} policies${which}${byValue ? ', by value' : ''}`;
}

function rolloutSection(result: RolloutResult) {
  const { policies, rounds, checks, few, many, remembered } = result;
  const row = (
    { slices, exceptions, cpuUs, engineCalls }: RolloutResult['few'],
    candidate = 'a candidate',
  ): Row => [
    `${count(slices)} slices, ${count(exceptions)} exceptions, ${candidate}, a log line`,
    micros(cpuUs),
    spread(engineCalls, (value) => value.toFixed(2), ''),
  ];
  return [
    `CPU of one process without a network, ${count(checks)} checks of each kind in turns, ${rounds}
rounds, ${policies} policies on both sides. The last column is what a check costs more than under one
bundle alone, in calls of the engine: a candidate is one such call, and the rest has to fit beside it.
Of the first rows no answer is remembered. The last two are as a sidecar runs: whatever was asked
before is remembered.`,
    table([
      ['', 'CPU', 'more, in engine calls'],
      ['a check under one bundle, not logged', micros(result.plainUs), '0'],
      ['the same and one more engine call', micros(result.twiceUs), '1'],
      row(few),
      row(many),
      row(result.ownSchema, 'a candidate with another schema'),
      ['a check under one bundle, not logged, remembered', micros(result.plainRememberedUs), '0'],
      row(remembered),
    ]),
  ].join('\n\n');
}

function latencySection(result: LatencyResult): string {
  const { envoy, policies, requestsPerSecond, secondsPerRound, rounds, columns } = result;
  return [
    `Envoy ${envoy} with the shipped envoy.yaml (mTLS, profile observe), with a listener without the
ext_authz filter and one for each server, in turns: ${rounds} rounds of ${secondsPerRound} s each, at
${requestsPerSecond} requests a second whatever is still unanswered, timed by the client from sending to
the end of the answer. Envoy answers by itself where it would call an upstream, and asks for no health
(neither the no-op server nor OPA-Envoy would say). cedargate, and OPA-Envoy with rules as data, decide
with ${policies} policies and log every decision. The last columns are of all rounds together;
*undecided* requests passed because no answer came within 200 ms, or as overload.`,
    table([
      ['ext_authz', 'p50', 'p99', 'p50 of all', 'p99 of all', 'undecided'],
      ...columns.map(({ name, p50Ms, p99Ms, whole: all, undecided }) => [
        name,
        millis(p50Ms),
        millis(p99Ms),
        `${all.p50Ms.toFixed(2)} ms`,
        `${all.p99Ms.toFixed(2)} ms`,
        name === 'without' ? '-' : count(undecided),
      ]),
    ]),
  ].join('\n\n');
}

function reloadSection({ policies, ms }: ReloadResult): string {
  return `${count(policies)} policies in a ConfigMap volume that is swapped as kubelet does it
(\`..data\`), ${ms.count} times with a pause between. From before the new files are written to the first
answer that carries the new version, asked for every 5 ms: ${spread(ms, whole, ' ms')}.`;
}

function section<T extends object>(result: T | NotMeasured, render: (result: T) => string): string {
  return 'notMeasured' in result ? `Not measured: ${result.notMeasured}.` : render(result);
}
