/**
 * The third act: the approved state. One digest goes from dev over test to production, written by one
 * person and approved by two; an old document is refused, an emergency acts at once, and the history
 * answers what an auditor asks.
 */
import { join } from 'node:path';
import type { LogLine } from '../test/support/program.js';
import { waitFor } from '../test/support/wait.js';
import { Approved, LOG } from './approved.js';
import { APPROVERS, ApprovedRepository, AUTHOR } from './approved-repository.js';
import type { Bundles } from './bundles.js';
import { BATCH_CREATES, callAll, READ, WAIT } from './calls.js';
import { cedargate } from './cli.js';
import { errorLine } from './judge-bundles.js';
import type { Stage } from './stage.js';
import type { World } from './world.js';

const ENVIRONMENTS = ['dev', 'test', 'production'] as const;
const FIRST = [
  '--service',
  'shop/payments',
  '--owner',
  'team-payments',
  '--review-by',
  '2099-01-01',
];

export async function actThree(stage: Stage, world: World, bundles: Bundles): Promise<Approved> {
  stage.heading('Act three: only what is approved');
  stage.note(
    'So far the arguments of a sidecar said which bundle it serves. Now a document says it: numbered,',
    'written by one person, approved by others, and the same rules judge it everywhere.',
  );
  const approved = new Approved(stage, world);
  const story = new ApprovedStory(approved);
  await story.promote(bundles);
  await story.serve();
  await story.replay();
  await story.relax();
  await story.history();
  return approved;
}

class ApprovedStory {
  readonly #stage: Stage;
  readonly #world: World;
  readonly #approved: Approved;
  readonly #repository: ApprovedRepository;

  constructor(approved: Approved) {
    this.#approved = approved;
    this.#stage = approved.stage;
    this.#world = approved.world;
    this.#repository = approved.repository;
  }

  async promote(bundles: Bundles): Promise<void> {
    const stage = this.#stage;
    const repository = this.#repository;
    stage.heading('9  From dev to production, with one digest');
    stage.note(
      'Cleo writes changes; Dan and Eve approve them. trust.yaml says so, and how many it takes.',
    );
    repository.make(bundles);
    await Promise.all(
      ApprovedRepository.newPeople.map((id) => cedargate(['keygen', id], repository.dir)),
    );
    repository.writeTrust();
    const bundle = await this.#bundleName();
    for (const [i, environment] of ENVIRONMENTS.entries()) {
      const before = ENVIRONMENTS[i - 1];
      const from = before === undefined ? ['--bundle', bundle] : ['--from', before];
      if (before !== undefined) await this.#soaked(before);
      await this.#approved.change(['promote'], environment, [...FIRST, ...from], `CHG-${i + 1}`);
      const file = repository.document(environment, 1);
      if (i === 0) {
        const own = await this.#approved.run('approve', file, '--key', `${AUTHOR}.key`);
        stage.quote(errorLine(own));
        stage.claim('authorRefused', { seen: own.code === 4, evidence: `exit code ${own.code}` });
      }
      await this.#approved.approve(file);
    }
    const digests = ENVIRONMENTS.map((each) =>
      repository.activeDigest(repository.document(each, 1)),
    );
    stage.claim('promotedTwice', {
      seen: new Set(digests).size === 1,
      evidence: `${digests[0]?.slice(0, 19)}... in ${ENVIRONMENTS.join(', ')}`,
    });
  }

  async serve(): Promise<void> {
    const stage = this.#stage;
    const repository = this.#repository;
    stage.heading('10  A sidecar serves the document');
    await this.#approved.change(['enforce'], 'production', ['--slice', 'everything'], 'CHG-4');
    const file = repository.document('production', 2);
    await this.#approved.approve(file);
    await this.#world.sidecarIn('production').stop();
    await this.#approved.mount(1);
    const flags = [
      '--bundles',
      repository.at('bundles'),
      '--rollout',
      this.#approved.volume.directory,
    ];
    flags.push('--trust', repository.at('trust.yaml'), '--trust-digest', repository.trustDigest);
    flags.push('--state', join(this.#world.dir, 'state'));
    stage.note(
      '$ cedargate serve --environment production --bundles bundles --rollout ... --state ...',
    );
    this.#approved.sidecar = await this.#world.startApproved(flags);
    await this.#world.decided(READ, 'enforcing');
    stage.note('Document 1: everything in shadow.');
    const [shadow] = await callAll(stage, this.#world, 'enforcing', [BATCH_CREATES]);
    await this.#approved.mount(2);
    await this.#approved.runs(2);
    stage.note('Document 2: everything enforced.');
    const [enforced] = await callAll(stage, this.#world, 'enforcing', [BATCH_CREATES]);
    stage.claim('approvedServed', {
      seen:
        shadow?.row.status === 200 &&
        shadow.row.version.endsWith('.r1') &&
        enforced?.row.status === 403 &&
        enforced.row.version.endsWith('.r2'),
      evidence: `HTTP ${shadow?.row.status} ${shadow?.row.version}, HTTP ${enforced?.row.status} ${enforced?.row.version}`,
    });
  }

  async replay(): Promise<void> {
    const stage = this.#stage;
    stage.heading('11  Somebody mounts the document of last week');
    const from = this.#approved.serving.lines.length;
    await this.#approved.mount(1);
    const refused = (line: LogLine) => line.type === 'change' && line.result === 'refused';
    const line = await this.#approved.serving.waitForLine(refused, { ...WAIT, from });
    stage.quote(`${line.reason}: ${line.message}`);
    const [seen] = await callAll(stage, this.#world, 'enforcing', [BATCH_CREATES]);
    stage.claim('replayRefused', {
      seen: line.reason === 'rollout_sequence' && seen?.row.version.endsWith('.r2') === true,
      evidence: `${line.reason}; still ${seen?.row.version}`,
    });
  }

  async relax(): Promise<void> {
    const stage = this.#stage;
    stage.heading('12  3 am: one key, and everything is in shadow');
    const startedMs = performance.now();
    const emergency = ['--emergency', '--ticket', 'INC-1', '--key', `${APPROVERS[1]}.key`];
    await this.#approved.mustRun('relax', 'payments', '--environment', 'production', ...emergency);
    await this.#approved.mount(3);
    await this.#approved.runs(3);
    const seconds = (performance.now() - startedMs) / 1_000;
    const [seen] = await callAll(stage, this.#world, 'enforcing', [BATCH_CREATES]);
    const { emergency: shown } = await this.#approved.serving.status();
    stage.note(`/status shows it until a later document takes it over: ${JSON.stringify(shown)}`);
    stage.claim('relaxedAtOnce', {
      seen: seen?.row.status === 200 && shown !== null,
      evidence: `HTTP ${seen?.row.status}, ${seconds.toFixed(1)} s after the command was typed`,
    });
  }

  async history(): Promise<void> {
    const stage = this.#stage;
    stage.heading('13  The four questions');
    this.#approved.writeLog();
    const url = `http://127.0.0.1:${this.#world.adminPort('production')}/status`;
    const args = ['history', 'payments', '--environment', 'production', '--log', LOG];
    const run = await this.#approved.mustRun(...args, '--status-url', url);
    stage.quote(...run.stdout.trimEnd().split('\n'));
    const told = ['CHG-4', 'INC-1', ...APPROVERS, AUTHOR].filter((word) =>
      run.stdout.includes(word),
    );
    stage.claim('fourAnswers', {
      seen: told.length === 3 + APPROVERS.length,
      evidence: `exit code ${run.code}; it names ${told.join(', ')}`,
    });
  }

  async #bundleName(): Promise<string> {
    const run = await cedargate(
      ['bundle', 'inspect', 'bundles/payments.tar.gz', '--json'],
      this.#repository.dir,
    );
    const { name, version } = JSON.parse(run.stdout) as { name: string; version: string };
    return `${name}@${version}`;
  }

  /** `soak` of trust.yaml, one second: tried again until it has passed. */
  async #soaked(environment: string): Promise<void> {
    this.#stage.note(`(waiting until it was active in ${environment} for long enough: 1s here)`);
    const until = Date.now() + 1_000;
    await waitFor('the soak time', () => Date.now() >= until);
  }
}
