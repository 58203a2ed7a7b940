/**
 * `make demo`: the main job end to end on a real Envoy, as a story in four steps. Exit 0 only when
 * every claim of observe.ts was observed; what was not is named. KEEP=1 leaves it running.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failures } from '../test/support/load.js';
import type { LogLine } from '../test/support/program.js';
import { waitFor } from '../test/support/wait.js';
import {
  CLAIMS,
  type Claim,
  judgeKill,
  judgeSwapCost,
  judgeSwapTaken,
  type Observation,
  Observations,
} from './observe.js';
import { paintFor, renderTable } from './table.js';
import { EDITED_FILE, readPolicies, versionOf, withMistake, withRefunds } from './versions.js';
import { type Call, POLICIES, type Profile, type SeenCall, World } from './world.js';

/** Connections of the load; each has one request on its way at a time. */
const CONNECTIONS = 4;
/** Answers that a stretch of load must have before the story goes on. */
const ANSWERS = 60;
/** How long the story waits for a restart or a reload; generous, for machines that do other work. */
const WAIT = { timeoutMs: 30_000 };
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

const READ: Call = { caller: 'orders', method: 'GET', path: '/payments/card-42' };
/** Batch has no business refunding, until version 2 of the policies says that it has. */
const REFUND: Call = { caller: 'batch', method: 'POST', path: '/payments/card-42/refunds' };
const CALLS: readonly Call[] = [
  READ,
  { caller: 'orders', method: 'POST', path: '/payments' },
  { caller: 'orders', method: 'POST', path: REFUND.path, headers: { 'x-ticket': 'INC-7' } },
  { caller: 'batch', method: 'GET', path: '/payments/card-42' },
  REFUND,
  { caller: 'batch', method: 'GET', path: '/admin/keys' },
];

const paint = paintFor(process.stdout.isTTY === true, process.env.NO_COLOR);
const observations = new Observations();
const startedMs = performance.now();

function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

function heading(text: string): void {
  say(`\n${paint.strong(text)}`);
}

function note(text: string): void {
  say(`  ${text}`);
}

function claim(id: Claim, { seen, evidence }: Observation): void {
  const recorded = observations.record(id, seen, evidence);
  const mark = recorded.seen ? paint.good('seen    ') : paint.bad('NOT SEEN');
  say(`  ${mark}  ${CLAIMS[id]}\n            ${paint.faint(recorded.evidence)}`);
}

async function table(world: World, profile: Profile, calls = CALLS): Promise<SeenCall[]> {
  const seen: SeenCall[] = [];
  for (const call of calls) seen.push(await world.call(call, profile));
  say();
  for (const line of renderTable(seen.map(({ row }) => row))) note(line);
  say();
  return seen;
}

/** One call of a table. */
function find(seen: readonly SeenCall[], { caller, method, path }: Call): SeenCall {
  const isIt = ({ row }: SeenCall) =>
    row.caller === caller && row.method === method && row.path === path;
  const found = seen.find(isIt);
  if (found === undefined) throw new Error(`no call ${method} ${path} in the table`);
  return found;
}

/** Everything of a row in a few words. */
function words({ row }: SeenCall): string {
  return `decision ${row.decision}, mode ${row.mode}, outcome ${row.outcome}, HTTP ${row.status}`;
}

async function shadow(world: World): Promise<void> {
  heading('1  Shadow: cedargate decides every call and denies none');
  const seen = find(await table(world, 'observe'), REFUND);
  const { row, line } = seen;
  note('Two of these calls are against the policies. The log says so; the callers notice nothing:');
  for (const text of excerpt(line)) note(paint.faint(text));
  say();
  const passed = row.decision === 'deny' && row.outcome === 'allow' && row.status === 200;
  claim('shadowPasses', { seen: passed && row.mode === 'shadow', evidence: words(seen) });
  const told = line?.would_deny === true && line.reason === 'no_permit';
  claim('shadowLogged', {
    seen: told && String(line.principal).endsWith('/sa/batch'),
    evidence: `would_deny ${line?.would_deny}, reason ${line?.reason}, principal ${line?.principal}`,
  });

  say();
  note(
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
  claim('killCostsNothing', judgeKill(atKill, beforeRestart));
  const decided = (end.byVersion.get(row.version) ?? 0) - stampedBefore;
  claim('restartRecovers', {
    seen: decided > CONNECTIONS && failures(end) === 0,
    evidence: `${end.total} requests by then, ${failures(end)} failed, the last ${decided} decided again`,
  });
}

function excerpt(line: LogLine | undefined): string[] {
  if (line === undefined) return ['(no line)'];
  const fields = SHOWN.map((name) => `"${name}": ${JSON.stringify(line[name])}`);
  return ['{', ...fields.map((field) => `  ${field},`), '  ...', '}'];
}

async function enforce(world: World): Promise<void> {
  heading('2  Enforce: the same policies, the same calls, now for real');
  note('cedargate is restarted with --mode enforce, and callers use the listener of the profile');
  note('`enforcing`, under which a dead cedargate would mean 503.');
  await world.sidecar.stop();
  await world.startSidecar('enforce');
  const before = world.upstream.count();
  const all = await table(world, 'enforcing');
  const reached = world.upstream.count() - before;
  const seen = find(all, REFUND);
  const { row } = seen;
  const denied = row.decision === 'deny' && row.outcome === 'deny' && row.status === 403;
  const allowed = all.filter((call) => call.row.decision === 'allow' && call.row.status === 200);
  claim('enforceDenies', {
    seen: denied && row.mode === 'enforce' && allowed.length > 0 && reached === allowed.length,
    evidence: `${words(seen)}; ${allowed.length} calls allowed, ${reached} reached payments`,
  });
}

async function swap(world: World): Promise<void> {
  heading('3  A new policy version arrives, under load');
  const policies = readPolicies(POLICIES);
  const wanted = withRefunds(policies);
  note(
    `Version ${versionOf(wanted)} permits the refunds of batch (one more permit in ${EDITED_FILE}).`,
  );
  note('The volume is swapped as kubelet does it: a new directory, and `..data` renamed to it.');
  say();
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
  claim('swapTaken', judgeSwapTaken(reports, { from, to }));
  claim('swapCostsNothing', judgeSwapCost(end));
  const seen = find(await table(world, 'enforcing', [READ, REFUND]), REFUND);
  const decided = seen.row.decision === 'allow' && seen.row.status === 200;
  claim('swapDecides', { seen: decided && seen.row.version === to, evidence: words(seen) });
}

async function refuse(world: World): Promise<void> {
  heading('4  A broken version arrives');
  const good = withRefunds(readPolicies(POLICIES));
  const broken = withMistake(good);
  note(
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
  note('The log says:');
  note(paint.faint(`${line.file}:${line.line}: ${line.message}  [${line.reason}]`));
  say();
  const refusal = (await world.sidecar.status()).last_refusal as LogLine | null;
  const same = refusal?.file === line.file && refusal?.line === line.line;
  const told = String(line.file).endsWith(EDITED_FILE) && Number(line.line) > 0;
  claim('brokenRefused', {
    seen: told && same && Boolean(line.reason) && Boolean(line.message),
    evidence: `file ${line.file}, line ${line.line}, reason ${line.reason}; /status agrees: ${same}`,
  });
  const seen = find(await table(world, 'enforcing', [READ, REFUND]), REFUND);
  claim('brokenKeepsOld', {
    seen: seen.row.version === running && seen.row.decision === 'allow' && seen.row.status === 200,
    evidence: `still ${seen.row.version}; ${words(seen)}`,
  });
  // Leave a volume behind that is in order.
  await world.volume.write(good);
}

async function story(world: World): Promise<void> {
  heading('cedargate demo');
  note('A real Envoy with two listeners (profiles `observe` and `enforcing`), mTLS with SPIFFE');
  note(
    'certificates, cedargate beside the workload payments, policies from a volume. Starting ...',
  );
  await world.start(readPolicies(POLICIES));
  await shadow(world);
  await enforce(world);
  await swap(world);
  await refuse(world);
}

/** Says what was not observed; the exit code. */
function verdict(): number {
  const missing = observations.missing();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  if (missing.length === 0) {
    heading(`All ${Object.keys(CLAIMS).length} claims were observed, in ${seconds} seconds.`);
    return 0;
  }
  heading(paint.bad(`${missing.length} of ${Object.keys(CLAIMS).length} were NOT observed:`));
  for (const sentence of missing) note(sentence);
  return 1;
}

/** KEEP=1: lines to paste, and the log in a file, until the signal. */
async function keep(world: World, interrupted: Promise<unknown>): Promise<void> {
  const log = join(world.dir, 'decisions.ndjson');
  const curl = (call: Call) => {
    const own = join(world.certs, call.caller);
    const method = call.method === 'GET' ? '' : ` -X ${call.method}`;
    const who = `--cacert ${join(world.certs, 'ca.crt')} --cert ${own}.crt --key ${own}.key`;
    return `curl -i ${who}${method} https://localhost:${world.port('enforcing')}${call.path}`;
  };
  const admin = `curl -s http://127.0.0.1:${world.port('cedargateAdmin')}`;
  const lines: [string, string][] = [
    ['a call that is allowed', curl(READ)],
    ['one that is denied', curl({ caller: 'batch', method: 'GET', path: '/admin/keys' })],
    ['what is running', `${admin}/status`],
    ['metrics', `${admin}/metrics`],
    ['the log', `tail -f ${log}`],
    // cedargate reads through `..data`, as kubelet arranges it.
    ['the policies, for your editor', join(world.volume.directory, '..data', EDITED_FILE)],
  ];
  heading('Left running (KEEP=1). Paste what you like; Ctrl-C ends it and removes everything.');
  for (const [what, command] of lines) say(`\n  # ${what}\n  ${command}`);
  let written = 0;
  const flush = () => {
    const fresh = world.lines().slice(written);
    written += fresh.length;
    appendFileSync(log, fresh.map((line) => `${JSON.stringify(line)}\n`).join(''));
  };
  flush();
  const timer = setInterval(flush, 200);
  await interrupted;
  clearInterval(timer);
}

/** Ctrl-C, a polite kill, a closed terminal, or a reader of the output that has gone (`| head`). */
function untilSignal(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve('interrupted'));
    }
    process.stdout.on('error', () => resolve('interrupted'));
  });
}

async function main(): Promise<number> {
  const world = new World();
  let stopping = false;
  const interrupted = untilSignal();
  const told = story(world).then(
    () => true,
    (thrown: unknown) => {
      // What could not be reached any more is named by the verdict.
      if (!stopping) say(paint.bad(`\n  The story ended early: ${String(thrown)}`));
      return false;
    },
  );
  try {
    const whole = await Promise.race([told, interrupted]);
    if (whole === 'interrupted') {
      say('\n  Interrupted: stopping everything that was started.');
      return 130;
    }
    const code = verdict();
    if (whole && !['', '0', undefined].includes(process.env.KEEP)) await keep(world, interrupted);
    return code;
  } finally {
    stopping = true;
    await world.stop();
    await Promise.race([told, sleep(2_000)]);
    await world.stop();
  }
}

process.exit(await main());
