/**
 * What a rollout costs a check: slices, exceptions, a candidate and the log line, beside one more call
 * of the engine. In this process and without a network, so that nothing else is in the figures; the
 * ways take turns, so that what else the machine does meets all alike.
 */
import { rebuildRequest } from '../src/analysis/rebuild-request.js';
import { compileBundle } from '../src/bundle/compile.js';
import { createEvaluator } from '../src/cedar/evaluator.js';
import type { CedarRequest } from '../src/cedar/types.js';
import { check } from '../src/check/check.js';
import { soleGeneration } from '../src/check/regime.js';
import type { ActiveBundle, CheckSettings, Generation } from '../src/check/types.js';
import { createDecisionLog, type DecisionLog } from '../src/decision-log/log.js';
import { createRolloutGeneration } from '../src/reload/generation.js';
import type { ApprovedState, Exception, Match, Slice } from '../src/rollout/types.js';
import { createProgramLog } from '../src/telemetry/log.js';
import { approvedState } from '../test/support/approved-states.js';
import { maskSettings } from '../test/support/decision-logs.js';
import { bundleFiles } from './bundles.js';
import type { Plan } from './plan.js';
import { benchPolicies } from './policies.js';
import type { RolloutCost, RolloutResult } from './results.js';
import { spreadOf } from './statistics.js';
import { CALLERS, callerAt, messageAt, NAMESPACES } from './traffic.js';

const SERVICE = 'shop/payments';
const ENVIRONMENT = 'bench';
const FEW = { slices: 2, exceptions: 2 };
const MANY = { slices: 100, exceptions: 1_000 };
const NOW_MS = Date.UTC(2026, 10, 26);

const SETTINGS: CheckSettings = {
  ...{ destinationFrom: 'service', service: SERVICE, environment: ENVIRONMENT },
  strictIdentity: false,
  claims: { payload: 'jwt_payload', taskId: 'task_id', taskKind: 'kind', taskIntent: 'intent' },
  headers: { prefix: 'x-cedargate', version: true, decisionId: true, mode: false },
  ...{ failResponse: 'error_response', helpUrl: undefined },
};

/** One way to spend time on a request. */
interface Way {
  readonly run: (n: number) => void;
  readonly cpuUs: number[];
}

export function measureRollout(plan: Plan, say: (line: string) => void): RolloutResult {
  const { policies, rounds, checks } = plan.rollout;
  const active = loadBundle(policies, '1.0.0');
  // One policy less: some requests flip.
  const candidate = loadBundle(policies - 1, '2.0.0');
  const log = discardingLog();
  const messages = Array.from({ length: checks }, (_, n) => messageAt(n));
  const alone = soleGeneration(1, { mode: 'shadow', stamp: 'bench', active });
  const requests = messages.map((message) => requestOf(message, alone));
  const ask = (generation: Generation, to?: DecisionLog) =>
    way((n) => {
      const message = messages[n] as Buffer;
      const call = { message, deadlineMs: Infinity, nowMs: NOW_MS, decisionId: DECISION_ID };
      const { record } = check(call, generation, SETTINGS);
      to?.decision(record, 100);
    });
  const under = (size: typeof FEW) => ask(generationOf(active, candidate, size), log);
  const ways = {
    engine: way((n) => void active.evaluator.evaluate(requests[n] as CedarRequest)),
    plain: ask(alone),
    few: under(FEW),
    many: under(MANY),
  };
  try {
    // The first round warms up, and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      for (const each of Object.values(ways)) spend(each, checks, round > 0);
      if (round > 0) say(`round ${round}: ${told(ways)}`);
    }
    return {
      ...{ policies, rounds, checks },
      engineUs: spreadOf(ways.engine.cpuUs),
      plainUs: spreadOf(ways.plain.cpuUs),
      few: { ...FEW, ...costOf(ways.few, ways) },
      many: { ...MANY, ...costOf(ways.many, ways) },
    };
  } finally {
    for (const { evaluator } of [active, candidate]) evaluator.release();
    void log.close(0);
  }
}

const DECISION_ID = '0193b0a0-0000-7000-8000-000000000000';

const way = (run: Way['run']): Way => ({ run, cpuUs: [] });

function spend({ run, cpuUs }: Way, checks: number, counts: boolean): void {
  const before = process.cpuUsage();
  for (let n = 0; n < checks; n += 1) run(n);
  const { user, system } = process.cpuUsage(before);
  if (counts) cpuUs.push((user + system) / checks);
}

/** Of each round what it costs more than the plain check, in calls of the engine. */
function costOf(dear: Way, { engine, plain }: { engine: Way; plain: Way }): RolloutCost {
  const ratios = dear.cpuUs.map((us, round) => {
    return (us - (plain.cpuUs[round] as number)) / (engine.cpuUs[round] as number);
  });
  return { cpuUs: spreadOf(dear.cpuUs), engineCalls: spreadOf(ratios) };
}

function told(ways: Readonly<Record<string, Way>>): string {
  return Object.entries(ways)
    .map(([name, { cpuUs }]) => `${name} ${cpuUs.at(-1)?.toFixed(0)} us`)
    .join(', ');
}

function loadBundle(policies: number, version: string): ActiveBundle {
  const files = Object.entries(bundleFiles(benchPolicies(policies), version)).map(
    ([name, text]) => ({ name, bytes: Buffer.from(text) }),
  );
  const bundle = compileBundle(files, { environment: ENVIRONMENT });
  if (!bundle.ok) throw new Error(bundle.problems[0].message);
  const evaluator = createEvaluator(bundle.value.program);
  if (!evaluator.ok) throw new Error(evaluator.problems[0].message);
  return { bundle: bundle.value, evaluator: evaluator.value, loadedAtMs: 0 };
}

/** What the engine is asked about this message. */
function requestOf(message: Buffer, generation: Generation): CedarRequest {
  const call = { message, deadlineMs: Infinity, nowMs: NOW_MS, decisionId: DECISION_ID };
  const { input } = check(call, generation, SETTINGS).record;
  const request = input && rebuildRequest(input);
  if (request === undefined) throw new Error('the engine was not asked');
  return request;
}

function discardingLog(): DecisionLog {
  return createDecisionLog({
    sink: (bytes, done) => queueMicrotask(() => done(undefined, bytes.length)),
    origin: { workload: 'bench', environment: ENVIRONMENT, cluster: undefined },
    mask: maskSettings(),
    programLog: createProgramLog(),
    now: Date.now,
    // The loop leaves no time to write: no line may be dropped for want of room.
    queueBytesMax: Number.MAX_SAFE_INTEGER,
  });
}

function generationOf(
  active: ActiveBundle,
  candidate: ActiveBundle,
  { slices, exceptions }: typeof FEW,
): Generation {
  const state: ApprovedState = approvedState({
    destinations: [{ service: SERVICE, onFault: 'fail', requireLog: false }],
    enforce: Array.from({ length: slices / 2 }, (_, n) => sliceAt(n, 'enforce')),
    hold: Array.from({ length: slices / 2 }, (_, n) => sliceAt(n, 'hold')),
    exceptions: Array.from({ length: exceptions }, (_, n) => exceptionAt(n)),
  });
  return createRolloutGeneration({
    number: 1,
    parts: [{ state, active, candidate }],
    clockFloorMs: 0,
  });
}

/** Of every kind; most take nobody, so that all are looked at. */
function sliceAt(n: number, kind: string): Slice {
  const matches: readonly Match[] = [
    { namespaces: [`nobody-${n}`], access: 'write' },
    { callers: [`spiffe://partner-${n}.example/**`] },
    { trustDomains: [`other-${n}.example`] },
    { access: 'write', percent: (n % 99) + 1 },
    { tenants: [`tenant-x${n}`], actions: ['GET'] },
  ];
  return { name: `${kind}-${n}`, match: matches[n % matches.length] as Match };
}

function exceptionAt(n: number): Exception {
  const people = { ticket: 'CHG-1', owner: 'team-bench', reason: 'bench' };
  const { id } = callerAt(n % CALLERS);
  const match: Match = { callers: [id], namespaces: [`team-${n % NAMESPACES}`], access: 'read' };
  const times = { fromMs: 0, untilMs: Number.MAX_SAFE_INTEGER };
  return { name: `exception-${n}`, match, ...people, ...times, overrideForbid: false };
}
