/**
 * What a rollout costs a check: slices, exceptions, a candidate and the log line, beside one more call
 * of the engine; first with no answer remembered, then as a sidecar runs. In this process and without a
 * network, so that nothing else is in the figures; the ways take turns, so that what else the machine
 * does meets all alike.
 */
import { rebuildRequest } from '../src/analysis/rebuild-request.js';
import { compileBundle } from '../src/bundle/compile.js';
import { EvaluationMemory } from '../src/cedar/evaluation-memory.js';
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
/** Of so many rounds one is printed, and a ratio is that of so many together. */
const TOLD_ROUNDS = 10;
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
  const { policies, rounds, warmUpRounds, checks } = plan.rollout;
  const active = loadBundle(policies, '1.0.0');
  // One policy less: some requests flip.
  const candidate = loadBundle(policies - 1, '2.0.0');
  const ownSchema = loadBundle(policies - 1, '2.0.0', { ownSchema: true });
  const memory = new EvaluationMemory();
  const remembering = {
    active: loadBundle(policies, '1.0.0', { memory }),
    candidate: loadBundle(policies - 1, '2.0.0', { memory }),
  };
  const log = discardingLog();
  const messages = Array.from({ length: checks }, (_, n) => messageAt(n));
  const soleOf = (bundle: ActiveBundle) =>
    soleGeneration(1, { mode: 'shadow', stamp: 'bench', active: bundle });
  const alone = soleOf(active);
  const requests = messages.map((message) => requestOf(message, alone));
  const ask = (generation: Generation, to?: DecisionLog) =>
    way((n) => {
      const message = messages[n] as Buffer;
      const call = { message, deadlineMs: Infinity, nowMs: NOW_MS, decisionId: DECISION_ID };
      const { record } = check(call, generation, SETTINGS);
      to?.decision(record, 100);
    });
  const { run: plain } = ask(alone);
  const under = (bundles: Bundles, size: typeof FEW) => ask(generationOf(bundles, size), log);
  const ways = {
    plain: ask(alone),
    twice: way((n) => {
      plain(n);
      candidate.evaluator.evaluate(requests[n] as CedarRequest);
    }),
    few: under({ active, candidate }, FEW),
    many: under({ active, candidate }, MANY),
    ownSchema: under({ active, candidate: ownSchema }, MANY),
    plainRemembered: ask(soleOf(remembering.active)),
    remembered: under(remembering, MANY),
  };
  try {
    // Short turns, and many: what else the machine does meets all ways alike.
    for (let round = 1 - warmUpRounds; round <= rounds; round += 1) {
      for (const each of Object.values(ways)) spend(each, checks, round > 0);
      if (round > 0 && round % TOLD_ROUNDS === 0) say(`round ${round}: ${told(ways)}`);
    }
    return {
      ...{ policies, rounds, checks },
      plainUs: spreadOf(ways.plain.cpuUs),
      twiceUs: spreadOf(ways.twice.cpuUs),
      few: { ...FEW, ...costOf(ways.few, ways.plain, ways) },
      many: { ...MANY, ...costOf(ways.many, ways.plain, ways) },
      ownSchema: { ...MANY, ...costOf(ways.ownSchema, ways.plain, ways) },
      plainRememberedUs: spreadOf(ways.plainRemembered.cpuUs),
      remembered: { ...MANY, ...costOf(ways.remembered, ways.plainRemembered, ways) },
    };
  } finally {
    const all = [active, candidate, ownSchema, remembering.active, remembering.candidate];
    for (const { evaluator } of all) evaluator.release();
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

/** Of each ten rounds what it costs more than `base`, in what one more call of the engine does. */
function costOf(
  dear: Way,
  base: Way,
  { plain, twice }: { readonly plain: Way; readonly twice: Way },
): RolloutCost {
  const ratios = [];
  for (let from = 0; from < dear.cpuUs.length; from += TOLD_ROUNDS) {
    const sum = ({ cpuUs }: Way) =>
      cpuUs.slice(from, from + TOLD_ROUNDS).reduce((total, us) => total + us, 0);
    ratios.push((sum(dear) - sum(base)) / (sum(twice) - sum(plain)));
  }
  return { cpuUs: spreadOf(dear.cpuUs), engineCalls: spreadOf(ratios) };
}

function told(ways: Readonly<Record<string, Way>>): string {
  return Object.entries(ways)
    .map(([name, { cpuUs }]) => `${name} ${cpuUs.at(-1)?.toFixed(0)} us`)
    .join(', ');
}

interface Bundles {
  readonly active: ActiveBundle;
  readonly candidate: ActiveBundle;
}

interface Loading {
  readonly memory?: EvaluationMemory;
  /** As if the schema had changed: requests are read by each bundle for itself. */
  readonly ownSchema?: boolean;
}

function loadBundle(policies: number, version: string, loading: Loading = {}): ActiveBundle {
  const texts = Object.entries(bundleFiles(benchPolicies(policies), version));
  const files = texts.map(([name, text]) => {
    const changed = loading.ownSchema === true && name.endsWith('.cedarschema');
    return { name, bytes: Buffer.from(changed ? `// ${version}\n${text}` : text) };
  });
  const bundle = compileBundle(files, { environment: ENVIRONMENT });
  if (!bundle.ok) throw new Error(bundle.problems[0].message);
  const evaluator = createEvaluator(bundle.value.program, { memory: loading.memory });
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
  { active, candidate }: Bundles,
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
