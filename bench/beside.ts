/**
 * What a candidate costs a check, and what the decision log does, each apart: sidecars of one approved
 * rollout with the same bundle. In pairs with the one that logs everything and has no candidate, in
 * several rounds.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KEYS, makeRollout, rolloutTrustText } from '../test/support/rollouts.js';
import { signedBy } from '../test/support/signed-bundles.js';
import { builtFrom } from '../test/support/source-bundle.js';
import { digestOfText } from '../test/support/states.js';
import { bundleFiles } from './bundles.js';
import {
  cpuPerCheck,
  type Drive,
  expectedTally,
  type Subject,
  send,
  subject,
  untilKnown,
} from './cpu.js';
import { totalOf } from './decision-lines.js';
import type { LoadProcess } from './load-process.js';
import type { Plan } from './plan.js';
import { benchPolicies } from './policies.js';
import type { BesideCpu, BesideResult } from './results.js';
import { startCedargate } from './servers.js';
import { spreadOf } from './statistics.js';

const POLICIES = 10;
/**
 * Beyond it, and the first of each class, lines are counted and not made. A sidecar that writes them to
 * /dev/null would still pay for them.
 */
const LINES_PER_SECOND = 1;
/** A candidate is not asked about where a check has no time for it: then less was measured. */
const COMPARED_SHARE_MIN = 0.95;
const WARM_UP_CHECKS = 500;
const CANDIDATE_CHECKS_MAX = 20_000;

/** The next version: one more policy for everybody, so that no answer of the active one is its own. */
const NEXT = `@id("bench-next")
@owner("team-bench")
@description("no path that is ever asked for")
forbid (principal, action in Action::"read", resource == Service::"shop/payments")
when { context.path == "/never" };
`;

interface Variant {
  readonly candidate: boolean;
  readonly logged: boolean;
}

const PLAIN: Variant = { candidate: false, logged: true };
const VARIANTS: readonly Variant[] = [
  { candidate: true, logged: true },
  { candidate: false, logged: false },
  { candidate: true, logged: false },
];

type Sidecar = Subject & { readonly variant: Variant; compared: number; measured: number };

export async function measureBeside(
  plan: Plan,
  load: LoadProcess,
  directory: string,
  say: (line: string) => void,
): Promise<BesideResult> {
  const { rounds, cpuSecondsMin, warmUpCpuSeconds, warmUpCpuSecondsMax } = plan.cpu;
  const drive: Drive = (who, count) => send(who, count, load, plan.concurrency);
  const started: Sidecar[] = [];
  try {
    for (const variant of [PLAIN, ...VARIANTS]) started.push(await start(variant, directory));
    const [plain, ...others] = started as [Sidecar, ...Sidecar[]];
    for (const who of started) {
      if (who.variant.candidate) await untilCompared(who, drive);
      await cpuPerCheck(who, warmUpCpuSeconds, drive);
      await untilKnown(who, warmUpCpuSecondsMax, drive);
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const who of others) {
        const base = await measureRound(plain, cpuSecondsMin, drive);
        const own = await measureRound(who, cpuSecondsMin, drive);
        who.ratios.push(own / base);
        const name = nameOf(who.variant);
        say(`round ${round}: plain ${base.toFixed(0)} us, ${name} ${own.toFixed(0)} us a check`);
      }
    }
    const sidecars: BesideCpu[] = [];
    for (const who of started) sidecars.push(await resultOf(who));
    return { policies: POLICIES, rounds, cpuSecondsMin, sidecars };
  } finally {
    for (const { server } of started) await server.stop();
  }
}

function nameOf({ candidate, logged }: Variant): string {
  return `${candidate ? 'a candidate' : 'no candidate'}, ${logged ? 'logged' : 'not logged'}`;
}

async function start(variant: Variant, directory: string): Promise<Sidecar> {
  const policies = benchPolicies(POLICIES);
  const place = join(directory, `beside-${nameOf(variant).replace(/\W+/g, '-')}`);
  const flags = placeRollout(place, variant);
  const server = await startCedargate({ flags, everyLine: variant.logged });
  return { ...subject(server, policies), variant, compared: 0, measured: 0 };
}

/** Everything that a sidecar of an approved rollout needs; gives the flags to serve it. */
function placeRollout(place: string, { candidate, logged }: Variant): readonly string[] {
  const at = (...names: string[]) => join(place, ...names);
  for (const folder of ['bundles', 'rollout', 'state']) mkdirSync(at(folder), { recursive: true });
  const put = (version: string, more: Readonly<Record<string, string>>) => {
    const built = builtFrom({ ...bundleFiles(benchPolicies(POLICIES), version), ...more });
    writeFileSync(at('bundles', `bench-${version}.tar.gz`), signedBy(built.archive, KEYS.ada));
    return { name: built.manifest.name, version, digest: built.digest };
  };
  const active = put('1.0.0', {});
  const next = candidate ? put('2.0.0', { 'next.cedar': NEXT }) : null;
  const document = makeRollout({
    approvals: 2,
    source: {
      ...{ name: 'payments', destinations: '[{service: shop/payments}]', enforce: '[]' },
      bundle: `${active.name}@${active.version}`,
      ...(next === null ? {} : { candidate: `${next.name}@${next.version}` }),
    },
    payload: { resolved: { active, candidate: next, rollback: null }, superseded: [] },
  });
  const trust = rolloutTrustText();
  writeFileSync(at('rollout', 'payments.json'), document);
  writeFileSync(at('trust.yaml'), trust);
  const limit = logged ? '{}' : `{linesPerSecond: ${LINES_PER_SECOND}}`;
  writeFileSync(at('cedargate.yaml'), `log: ${limit}\n`);
  return [
    ...['--config', at('cedargate.yaml'), '--environment', 'production'],
    ...['--bundles', at('bundles'), '--rollout', at('rollout'), '--state', at('state')],
    ...['--trust', at('trust.yaml'), '--trust-digest', digestOfText(trust)],
  ];
}

/** It is loaded after the bundle that decides. */
async function untilCompared(who: Sidecar, drive: Drive): Promise<void> {
  while ((await comparedOf(who)) === 0) {
    if (who.checks >= CANDIDATE_CHECKS_MAX) throw new Error('no candidate was asked');
    await drive(who, WARM_UP_CHECKS);
  }
}

const comparedOf = ({ server }: Subject) => server.sample('cedargate_candidate_checks_total');

async function measureRound(who: Sidecar, secondsMin: number, drive: Drive): Promise<number> {
  const from = { ...(await who.server.lookups()), compared: await comparedOf(who) };
  const { checks } = who;
  const cpuUs = await cpuPerCheck(who, secondsMin, drive);
  const to = { ...(await who.server.lookups()), compared: await comparedOf(who) };
  who.known += to.known - from.known;
  who.looked += to.all - from.all;
  who.compared += to.compared - from.compared;
  who.measured += who.checks - checks;
  who.cpuUs.push(cpuUs);
  return cpuUs;
}

/** Throws unless every check was decided as the policies say, and logged and compared as it should. */
async function resultOf(who: Sidecar): Promise<BesideCpu> {
  const { variant, server, checks } = who;
  const expected = expectedTally(who);
  for (const decision of ['allow', 'deny', 'error'] as const) {
    const found = await server.sample(`cedargate_checks_total{decision="${decision}"`);
    if (found === expected[decision]) continue;
    throw new Error(`${nameOf(variant)}: ${found} ${decision}, expected ${expected[decision]}`);
  }
  const lines = totalOf(server.decisions());
  if (variant.logged !== (lines === checks)) {
    throw new Error(`${nameOf(variant)}: ${lines} lines of ${checks} checks`);
  }
  const compared = who.compared / who.measured;
  if (variant.candidate ? compared < COMPARED_SHARE_MIN : compared > 0) {
    throw new Error(`${nameOf(variant)}: ${(100 * compared).toFixed(1)} % were compared`);
  }
  return {
    ...variant,
    remembered: who.known / who.looked,
    cpuUs: spreadOf(who.cpuUs),
    ...(who.ratios.length === 0 ? {} : { ratio: spreadOf(who.ratios) }),
    ...{ checks, compared, lines },
  };
}
