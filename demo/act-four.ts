/**
 * The fourth act: from shadow to enforcement, step by step. Reads first and for a share of the callers,
 * the partner held, the next version compared on live traffic; then an exception for what turned out to
 * be missing, and a block for who must be stopped.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { waitFor } from '../test/support/wait.js';
import { type Approved, LOG } from './approved.js';
import { APPROVERS } from './approved-repository.js';
import { type Bundles, PEOPLE, SOURCE } from './bundles.js';
import { BATCH_CREATES, CREATE, callAll, WAIT } from './calls.js';
import { readSource, withCheckout, writeSource } from './sources.js';
import type { Stage } from './stage.js';
import { versionOf } from './versions.js';
import { type Call, type Caller, spiffeId, type World } from './world.js';

const CLIENTS = Array.from({ length: 12 }, (_, n): Caller => `client-${n + 1}`);
const EVERYBODY: readonly Caller[] = [...CLIENTS, 'partner'];
const PERCENT = 50;
/** Nobody but an operator may, from inside the network. */
const admin = (caller: Caller): Call => ({ caller, method: 'GET', path: '/admin/keys' });
const CANDIDATE = 'candidate.tar.gz';
const CANDIDATE_SOURCE = 'candidate-policies';

export async function actFour(approved: Approved, bundles: Bundles): Promise<void> {
  approved.stage.heading('Act four: from shadow to enforcement');
  approved.stage.note(
    'Everything is in shadow again. This time it is enforced step by step, and each step is known before',
    'it is taken: whom it is about, what it would break, and the way back.',
  );
  const story = new EnforcementStory(approved, bundles);
  await story.prepare();
  await story.enforceReads();
  await story.compare();
  await story.except();
  await story.block();
}

class EnforcementStory {
  readonly #approved: Approved;
  readonly #bundles: Bundles;
  readonly #stage: Stage;
  readonly #world: World;

  constructor(approved: Approved, bundles: Bundles) {
    this.#approved = approved;
    this.#bundles = bundles;
    this.#stage = approved.stage;
    this.#world = approved.world;
  }

  /** The next version, signed, and the traffic that says who calls. */
  async prepare(): Promise<void> {
    const stage = this.#stage;
    const { repository } = this.#approved;
    stage.heading('14  Reads first, for some callers');
    stage.note('The log of the shadow says who calls. And the next version is ready to be tried:');
    this.#world.certify(...EVERYBODY);
    for (const caller of EVERYBODY) {
      await this.#world.call(admin(caller), 'enforcing');
    }
    this.#approved.writeLog();
    // Its own tests would not let this one be built: the demo wants to see it fail on traffic.
    const source = Object.entries(withCheckout(readSource(this.#bundles.at(SOURCE))));
    const withoutTests = Object.fromEntries(source.filter(([name]) => !name.startsWith('tests/')));
    writeSource(repository.at(CANDIDATE_SOURCE), withoutTests);
    const file = join('bundles', CANDIDATE);
    await this.#approved.mustRun('bundle', 'build', CANDIDATE_SOURCE, '--output', file);
    for (const id of Object.values(PEOPLE)) {
      const key = this.#bundles.at(`${id}.key`);
      await this.#approved.mustRun('bundle', 'sign', file, '--key', key);
    }
    this.#edit(versionOf(withoutTests));
  }

  /** What people write into the rollout; the command adds the percentage and seals it all. */
  #edit(version: string): void {
    const file = this.#approved.repository.at(this.#approved.repository.source('production'));
    const document = parseDocument(readFileSync(file, 'utf8'));
    const [name] = String(document.get('bundle')).split('@');
    const own = `${name}@${version}`;
    document.set('candidate', own);
    document.set('enforce', [
      { name: 'batch-writes', match: { callers: [spiffeId('batch')], access: 'write' } },
    ]);
    document.set('hold', [{ name: 'partners', match: { trustDomains: ['partner.example'] } }]);
    writeFileSync(file, document.toString());
    this.#stage.note(
      `rollouts/production/payments.yaml, edited: candidate ${own}, partners held, and`,
      'writes of batch enforced. The reads are added by a command, which needs to know who calls:',
    );
  }

  async enforceReads(): Promise<void> {
    const stage = this.#stage;
    const approved = this.#approved;
    const match = ['--match', 'access=read', '--match', `percent=${PERCENT}`];
    const flags = ['--slice', 'reads', ...match, '--evidence', LOG, '--reconcile'];
    await approved.change(['enforce'], 'production', flags, 'CHG-5');
    const file = approved.repository.document('production', 4);
    const card = await approved.mustRun('show', file);
    const inside = card.stdout.split('\n').filter((line) => /inside|outside/.test(line));
    stage.quote(...inside);
    await approved.approve(file);
    await approved.mount(4);
    await approved.runs(4);
    const named = CLIENTS.filter((caller) => card.stdout.includes(`inside: ${spiffeId(caller)} (`));
    const seen = await callAll(stage, this.#world, 'enforcing', EVERYBODY.map(admin));
    const denied = seen.filter(({ row }) => row.status === 403).map(({ row }) => row.caller);
    stage.claim('percentTaken', {
      seen: denied.length > 0 && denied.length < CLIENTS.length && denied.join() === named.join(),
      evidence: `${denied.length} of ${CLIENTS.length} callers got 403, those of the card`,
    });
    const partner = seen.at(-1);
    stage.claim('partnerHeld', {
      seen: partner?.row.status === 200 && partner.line?.slice === 'partners',
      evidence: `HTTP ${partner?.row.status}, decision ${partner?.row.decision}, slice ${partner?.line?.slice}`,
    });
  }

  async compare(): Promise<void> {
    const stage = this.#stage;
    stage.heading('15  The next version, tried on live traffic');
    const compared = async () => {
      const { candidate } = await this.#approved.serving.status();
      return (candidate as { loaded_at: string | null } | null)?.loaded_at;
    };
    await waitFor('the candidate', compared, WAIT);
    const [seen] = await callAll(stage, this.#world, 'enforcing', [CREATE]);
    const candidate = seen?.line?.candidate as { version: string; decision: string } | null;
    const { flip, policies } = seen?.line ?? {};
    stage.quote(JSON.stringify({ principal: seen?.line?.principal, flip, policies, candidate }));
    stage.claim('flipLogged', {
      seen: seen?.row.outcome === 'allow' && flip === true && candidate?.decision === 'deny',
      evidence: `${candidate?.version} would deny it; HTTP ${seen?.row.status} all the same`,
    });
  }

  async except(): Promise<void> {
    const stage = this.#stage;
    const approved = this.#approved;
    stage.heading('16  An exception, with a ticket and an end');
    const [before] = await callAll(stage, this.#world, 'enforcing', [BATCH_CREATES]);
    approved.writeLog();
    const id = String(before?.line?.decision_id);
    const what = ['--from-decision', id, '--log', LOG, '--for', '14d', '--name', 'batch-creates'];
    await approved.change(
      ['exception', 'add'],
      'production',
      [...what, '--owner', 'batch'],
      'CHG-6',
    );
    await approved.approve(approved.repository.document('production', 5));
    await approved.mount(5);
    await approved.runs(5);
    const [after] = await callAll(stage, this.#world, 'enforcing', [BATCH_CREATES]);
    const { exceptions } = await approved.serving.status();
    const [told] = exceptions as { name: string; ticket: string; until: string; uses: number }[];
    stage.claim('exceptionPasses', {
      seen:
        before?.row.status === 403 &&
        after?.row.outcome === 'allow' &&
        after.line?.reason === 'exception' &&
        told?.uses === 1,
      evidence: `HTTP ${before?.row.status}, then ${after?.row.status}; ${told?.ticket}, until ${told?.until}`,
    });
  }

  async block(): Promise<void> {
    const stage = this.#stage;
    const approved = this.#approved;
    stage.heading('17  And a block, for abuse');
    const who = ['--name', 'stolen-key', '--caller', spiffeId('client-1'), '--for', '1h'];
    const emergency = ['--emergency', '--ticket', 'INC-2', '--key', `${APPROVERS[1]}.key`];
    await approved.mustRun(
      'block',
      'payments',
      '--environment',
      'production',
      ...who,
      ...emergency,
    );
    await approved.mount(6);
    await approved.runs(6);
    const call: Call = { caller: 'client-1', method: 'POST', path: '/payments' };
    const [seen] = await callAll(stage, this.#world, 'enforcing', [call]);
    stage.claim('blockHolds', {
      seen:
        seen?.row.status === 403 && seen.line?.reason === 'blocked' && seen.row.mode === 'shadow',
      evidence: `HTTP ${seen?.row.status} in mode ${seen?.row.mode}, slice ${seen?.line?.slice}`,
    });
  }
}
