/**
 * Many mixed requests through a real Envoy while documents follow each other: slices widen, exceptions
 * begin and end, candidates come and go, a partner is held and blocked. At the end the books of client,
 * decision log, metrics and /status must be one (soak-books.ts).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import type { Leaf } from '../test/support/certs.js';
import { request, tlsOptions } from '../test/support/http-client.js';
import { createKubeletVolume, type KubeletVolume } from '../test/support/kubelet-volume.js';
import { KEYS, makeRollout, rolloutTrustText } from '../test/support/rollouts.js';
import { signedBy } from '../test/support/signed-bundles.js';
import { builtFrom, SOURCES } from '../test/support/source-bundle.js';
import { digestOfText } from '../test/support/states.js';
import { waitFor } from '../test/support/wait.js';
import { startWorld, type World } from '../test/support/world.js';
import { type Asked, type SoakDocument, settle } from './soak-books.js';

const CONNECTIONS = 24;
const CALLERS = 12;
const DOCUMENTS = 20;
/** An exception lives for less than a document does, so that it ends while it is asked for. */
const EXCEPTION_MS = 2_000;
const VERSIONS = ['1.0', '2.0'] as const;
const WAIT = { timeoutMs: 60_000 };

const callerOf = (n: number) => `spiffe://example.org/ns/shop/sa/caller-${n}`;
const PARTNER = 'spiffe://partner.example/team/a';

/** What is asked for, in turns: allowed, denied, forbidden, refused for its form, unknown. */
const REQUESTS = [
  { method: 'GET', path: '/items/1' },
  { method: 'GET', path: '/items/2?q=1' },
  { method: 'POST', path: '/items/1' },
  { method: 'GET', path: '/secrets/1' },
  { method: 'GET', path: '/items/1;v=2' },
  { method: 'DELETE', path: '/items/1' },
] as const;

export async function soakThroughEnvoy(checks: number): Promise<string> {
  const rollout = new SoakRollout();
  const world = await startWorld({
    profile: 'enforcing',
    approved: (dir) => rollout.place(dir),
    env: { CEDARGATE_DRAIN_MS: '0' },
  });
  try {
    const asked: Asked[] = [];
    let failure: unknown;
    const clients = leavesOf(world).map((leaf, n) => {
      return askOn(world, leaf, n, { asked, checks }).catch((thrown) => {
        failure = thrown;
      });
    });
    for (let n = 1; n < DOCUMENTS; n += 1) {
      const due = (n * checks) / (DOCUMENTS + 1);
      await waitFor(`${due} answers`, () => asked.length >= due || failure, {
        timeoutMs: 600_000,
      });
      if (failure !== undefined) throw failure;
      await rollout.next(world);
    }
    await Promise.all(clients);
    if (failure !== undefined) throw failure;
    return await settle(world.sidecar, asked, rollout.documents);
  } finally {
    await world.stop();
  }
}

function leavesOf({ ca }: World): readonly Leaf[] {
  const workloads = Array.from({ length: CALLERS }, (_, n) => ca.spiffe(`c${n}`, callerOf(n)));
  const own = [...workloads, ca.spiffe('partner', PARTNER)];
  return Array.from({ length: CONNECTIONS }, (_, n) => own[n % own.length] as Leaf);
}

/** One connection: one request after the other until all together are enough. */
async function askOn(
  { port, ca }: World,
  leaf: Leaf,
  client: number,
  { asked, checks }: { readonly asked: Asked[]; readonly checks: number },
): Promise<void> {
  const tls = { ca: ca.cert, leaf };
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ...tlsOptions(tls) });
  for (let n = client; asked.length + CONNECTIONS <= checks; n += 1) {
    const what = REQUESTS[n % REQUESTS.length] as (typeof REQUESTS)[number];
    const answer = await request({ port, agent, tls, ...what });
    const id = answer.headers['x-cedargate-decision-id'];
    asked.push({ id: String(id), status: answer.status });
  }
  agent.destroy();
}

/** The documents that follow each other, and the volume they are mounted from. */
class SoakRollout {
  readonly documents: SoakDocument[] = [];
  readonly #bundles = { '1.0': bundleOf('1.0'), '2.0': bundleOf('2.0') };
  #volume: KubeletVolume | undefined;

  place(dir: string): readonly string[] {
    const at = (...names: string[]) => join(dir, ...names);
    for (const folder of ['bundles', 'state']) mkdirSync(at(folder));
    for (const version of VERSIONS) {
      const { archive } = this.#bundles[version];
      writeFileSync(at('bundles', `${version}.tar.gz`), signedBy(archive, KEYS.ada));
    }
    const trust = rolloutTrustText();
    writeFileSync(at('trust.yaml'), trust);
    mkdirSync(at('rollout'));
    this.#volume = createKubeletVolume(at('rollout', 'volume'));
    void this.#volume.write({ 'payments.json': this.#document() });
    return [
      ...['--environment', 'production', '--bundles', at('bundles')],
      ...['--rollout', at('rollout', 'volume'), '--trust', at('trust.yaml')],
      ...['--trust-digest', digestOfText(trust), '--state', at('state')],
    ];
  }

  async next({ sidecar }: World): Promise<void> {
    await this.#volume?.write({ 'payments.json': this.#document() });
    const { sequence } = this.documents.at(-1) as SoakDocument;
    const at = async () =>
      ((await sidecar.status()).rollout as { sequence?: number } | null)?.sequence;
    await waitFor(`document ${sequence}`, async () => (await at()) === sequence, WAIT);
  }

  /** Percentages grow, bundles change roles, and every third document blocks the partner. */
  #document(): Buffer {
    const sequence = this.documents.length + 1;
    const percent = Math.min(99, 5 * sequence);
    const ref = (version: (typeof VERSIONS)[number]) => {
      return { name: 'payments', version, digest: this.#bundles[version].digest };
    };
    const [active, candidate] = sequence % 4 < 2 ? VERSIONS : ([VERSIONS[1], VERSIONS[0]] as const);
    const nowMs = Date.now();
    const exceptionEndsMs = nowMs + EXCEPTION_MS;
    const time = (ms: number) => new Date(ms).toISOString();
    const people = 'ticket: CHG-7, owner: soak, reason: soak';
    const blocked = sequence % 3 === 0;
    this.documents.push({ sequence, percent, exceptionEndsMs, blocked });
    return makeRollout({
      approvals: 2,
      source: {
        ...{ name: 'payments', destinations: '[{service: shop/payments}]' },
        ...{ bundle: `payments@${active}`, candidate: `payments@${candidate}` },
        enforce: `[{name: part, match: {percent: ${percent}}}, {name: writes, match: {access: write}}]`,
        hold: '[{name: partners, match: {trustDomains: [partner.example]}}]',
        exceptions:
          `[{name: for-a-while, ${people}, match: {actions: [POST]}, ` +
          `from: "${time(nowMs - 1_000)}", until: "${time(exceptionEndsMs)}"}]`,
        blocks: blocked
          ? `[{name: abuse, ${people}, match: {callers: ["${PARTNER}"]}, ` +
            `from: "${time(nowMs - 1_000)}", until: "${time(nowMs + 3_600_000)}"}]`
          : '[]',
      },
      payload: {
        ...{ sequence, superseded: [], issuedAt: time(nowMs) },
        resolved: { active: ref(active), candidate: ref(candidate), rollback: null },
      },
      statement: { signedAt: time(nowMs) },
    });
  }
}

/** In the second version nobody reads under /items/2. */
function bundleOf(version: string) {
  const { 'bundle.yaml': manifest = '', 'main.cedar': main = '', ...rest } = SOURCES;
  const more = `
@id("no-twos") @owner("team-b") @description("Nobody reads twos.")
forbid (principal, action, resource in Service::"shop/payments")
when { context.path == "/items/2" };
`;
  return builtFrom({
    ...rest,
    'bundle.yaml': manifest.replace('"1.2"', `"${version}"`),
    'main.cedar': version === '1.0' ? main : main + more,
  });
}
