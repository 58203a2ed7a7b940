/**
 * The first act: policies from a plain directory on a real Envoy. Shadow, enforcement, a new version
 * under load, a broken version.
 */
import { failures } from '../test/support/load.js';
import type { LogLine } from '../test/support/program.js';
import { waitFor } from '../test/support/wait.js';
import { BATCH_READS, BATCH_REFUNDS, CREATE, callAll, find, READ, WAIT, words } from './calls.js';
import { judgeKill, judgeSwapCost, judgeSwapTaken } from './observe.js';
import type { Stage } from './stage.js';
import { EDITED_FILE, readPolicies, versionOf, withMistake, withRefunds } from './versions.js';
import { type Call, POLICIES, type World } from './world.js';

/** Connections of the load; each has one request on its way at a time. */
const CONNECTIONS = 4;
/** Answers that a stretch of load must have before the story goes on. */
const ANSWERS = 60;
/** Fields of the decision line that are shown; docs/decision-log.md has them all. */
const SHOWN = [
  'principal',
  'method',
  'path',
  'decision',
  'mode',
  'outcome',
  'would_deny',
  'reason',
  'policy_version',
];

const CALLS: readonly Call[] = [
  READ,
  CREATE,
  { caller: 'orders', method: 'POST', path: BATCH_REFUNDS.path, headers: { 'x-ticket': 'INC-7' } },
  BATCH_READS,
  BATCH_REFUNDS,
  { caller: 'batch', method: 'GET', path: '/admin/keys' },
];

export async function actOne(stage: Stage, world: World): Promise<void> {
  stage.heading('Act one: from shadow to enforcement');
  stage.note(
    'A real Envoy with two listeners (profiles `observe` and `enforcing`), mTLS with SPIFFE',
  );
  stage.note('certificates, cedargate beside the workload payments, policies from a volume.');
  stage.note('Starting ...');
  await world.start(readPolicies(POLICIES));
  await shadow(stage, world);
  await enforce(stage, world);
  await swap(stage, world);
  await refuse(stage, world);
}
async function shadow(stage: Stage, world: World): Promise<void> {
  stage.heading('1  Shadow: cedargate decides every call and denies none');
  await world.decided(READ, 'observe');
  const seen = find(await callAll(stage, world, 'observe', CALLS), BATCH_REFUNDS);
  const { row, line } = seen;
  stage.note(
    'Two of these calls are against the policies. The log says so; the callers notice nothing:',
  );
  for (const text of excerpt(line)) stage.quote(text);
  stage.say();
  const passed = row.decision === 'deny' && row.outcome === 'allow' && row.status === 200;
  stage.claim('shadowPasses', { seen: passed && row.mode === 'shadow', evidence: words(seen) });
  const told = line?.would_deny === true && line.reason === 'no_permit';
  stage.claim('shadowLogged', {
    seen: told && String(line.principal).endsWith('/sa/batch'),
    evidence: `would_deny ${line?.would_deny}, reason ${line?.reason}, principal ${line?.principal}`,
  });

  stage.say();
  stage.note(
    `Now steady requests from ${CONNECTIONS} connections, kill -9 for cedargate, and a new one:`,
  );
  const load = world.load(READ, 'observe', CONNECTIONS);
  await load.more(ANSWERS);
  const atKill = load.report();
  await world.sidecar.kill();
  await load.more(ANSWERS);
  const beforeRestart = load.report();
  await world.startSidecar('shadow');
  const stampedBefore = load.report().byVersion.get(row.version) ?? 0;
  await load.waitFor(
    'decisions of the restarted cedargate',
    (now) => {
      return (now.byVersion.get(row.version) ?? 0) > stampedBefore + CONNECTIONS;
    },
    WAIT,
  );
  const end = await load.stop();
  stage.claim('killCostsNothing', judgeKill(atKill, beforeRestart));
  const decided = (end.byVersion.get(row.version) ?? 0) - stampedBefore;
  stage.claim('restartRecovers', {
    seen: decided > CONNECTIONS && failures(end) === 0,
    evidence: `${end.total} requests by then, ${failures(end)} failed, the last ${decided} decided again`,
  });
}

function excerpt(line: LogLine | undefined): string[] {
  if (line === undefined) return ['(no line)'];
  const fields = SHOWN.map((name) => `"${name}": ${JSON.stringify(line[name])}`);
  return ['{', ...fields.map((field) => `  ${field},`), '  ...', '}'];
}

async function enforce(stage: Stage, world: World): Promise<void> {
  stage.heading('2  Enforce: the same policies, the same calls, now for real');
  stage.note(
    'cedargate is restarted with --mode enforce, and callers use the listener of the profile',
  );
  stage.note('`enforcing`, under which a dead cedargate would mean 503.');
  await world.sidecar.stop();
  await world.startSidecar('enforce');
  await world.decided(READ, 'enforcing');
  const before = world.upstream.count();
  const all = await callAll(stage, world, 'enforcing', CALLS);
  const reached = world.upstream.count() - before;
  const seen = find(all, BATCH_REFUNDS);
  const { row } = seen;
  const denied = row.decision === 'deny' && row.outcome === 'deny' && row.status === 403;
  const allowed = all.filter((call) => call.row.decision === 'allow' && call.row.status === 200);
  stage.claim('enforceDenies', {
    seen: denied && row.mode === 'enforce' && allowed.length > 0 && reached === allowed.length,
    evidence: `${words(seen)}; ${allowed.length} calls allowed, ${reached} reached payments`,
  });
}

async function swap(stage: Stage, world: World): Promise<void> {
  stage.heading('3  A new policy version arrives, under load');
  const policies = readPolicies(POLICIES);
  const wanted = withRefunds(policies);
  stage.note(
    `Version ${versionOf(wanted)} permits the refunds of batch (one more permit in ${EDITED_FILE}).`,
  );
  stage.note(
    'The volume is swapped as kubelet does it: a new directory, and `..data` renamed to it.',
  );
  stage.say();
  const from = (await world.call(READ, 'enforcing')).row.version;
  const load = world.load(READ, 'enforcing', CONNECTIONS);
  await load.more(ANSWERS);
  const before = load.report();
  await world.volume.write(wanted);
  const swappedMs = performance.now();
  const isNew = (version: string) => version.startsWith(`${versionOf(wanted)}+`);
  await load.waitFor('the new version', (now) => now.versions.some(isNew), { ...WAIT, everyMs: 2 });
  const firstMs = performance.now() - swappedMs;
  const first = load.report();
  await load.more(ANSWERS);
  const end = await load.stop();
  const to = end.versions.find(isNew) ?? '';
  const reports = { before, first, end, firstMs, connections: CONNECTIONS };
  stage.claim('swapTaken', judgeSwapTaken(reports, { from, to }));
  stage.claim('swapCostsNothing', judgeSwapCost(end));
  const seen = find(await callAll(stage, world, 'enforcing', [READ, BATCH_REFUNDS]), BATCH_REFUNDS);
  const decided = seen.row.decision === 'allow' && seen.row.status === 200;
  stage.claim('swapDecides', { seen: decided && seen.row.version === to, evidence: words(seen) });
}

async function refuse(stage: Stage, world: World): Promise<void> {
  stage.heading('4  A broken version arrives');
  const good = withRefunds(readPolicies(POLICIES));
  const broken = withMistake(good);
  stage.note(
    `Version ${versionOf(broken)} has a slip in ${EDITED_FILE}: Action::"PSOT" for Action::"POST".`,
  );
  const running = (await world.call(READ, 'enforcing')).row.version;
  const known = world.lines().length;
  await world.volume.write(broken);
  const line = await waitFor(
    'the refusal in the log',
    () =>
      world
        .lines()
        .slice(known)
        .find((l) => l.type === 'change' && l.result === 'refused'),
    WAIT,
  );
  stage.note('The log says:');
  stage.quote(`${line.file}:${line.line}: ${line.message}  [${line.reason}]`);
  stage.say();
  const refusal = (await world.sidecar.status()).last_refusal as LogLine | null;
  const same = refusal?.file === line.file && refusal?.line === line.line;
  const told = String(line.file).endsWith(EDITED_FILE) && Number(line.line) > 0;
  stage.claim('brokenRefused', {
    seen: told && same && Boolean(line.reason) && Boolean(line.message),
    evidence: `file ${line.file}, line ${line.line}, reason ${line.reason}; /status agrees: ${same}`,
  });
  const seen = find(await callAll(stage, world, 'enforcing', [READ, BATCH_REFUNDS]), BATCH_REFUNDS);
  stage.claim('brokenKeepsOld', {
    seen: seen.row.version === running && seen.row.decision === 'allow' && seen.row.status === 200,
    evidence: `still ${seen.row.version}; ${words(seen)}`,
  });
  // Leave a volume behind that is in order.
  await world.volume.write(good);
}
