/**
 * The second act: one signed file from dev to production. Build and sign, serve the same file in two
 * environments, refuse copies that are not what was signed, and say what the next version would mean.
 */
import type { LogLine } from '../test/support/program.js';
import type { Sidecar } from '../test/support/sidecar.js';
import {
  AGAIN,
  BUNDLE,
  type Bundles,
  COPY,
  NEXT,
  ONE_SIGNATURE,
  PEOPLE,
  SOURCE,
  TAMPERED,
  TAMPERED_FILE,
  TRUST,
} from './bundles.js';
import { BATCH_READS, BATCH_REFUNDS, callAll, find, READ, WAIT } from './calls.js';
import { cedargate, type Run } from './cli.js';
import {
  errorLine,
  judgeDiff,
  judgeDiffering,
  judgeRefusal,
  judgeSame,
  partAbout,
  type Serving,
} from './judge-bundles.js';
import { ORDERS, ORDERS_FILE } from './sources.js';
import type { Stage } from './stage.js';
import { type Environment, POLICIES, type World } from './world.js';

const VERIFY = ['verify', BUNDLE, '--trust', TRUST];

export async function actTwo(stage: Stage, world: World, bundles: Bundles): Promise<void> {
  stage.heading('Act two: one signed file, from dev to production');
  stage.note(
    'So far anybody who could write the volume could change the policies. Now they are built',
    'into one file, people sign it, and sidecars take nothing else.',
  );
  const story = new SignedStory(stage, world, bundles);
  await story.buildAndSign();
  await story.serveTwice();
  await story.refuseCopies();
  await story.diff();
}

class SignedStory {
  readonly #stage: Stage;
  readonly #world: World;
  readonly #bundles: Bundles;
  /** Of the bundle, and of trust.yaml. */
  #digest = '';
  #trustDigest = '';
  #sidecars: Readonly<Record<Environment, Sidecar>> | undefined;

  constructor(stage: Stage, world: World, bundles: Bundles) {
    this.#stage = stage;
    this.#world = world;
    this.#bundles = bundles;
  }

  async buildAndSign(): Promise<void> {
    const stage = this.#stage;
    stage.heading('5  Build one file, and have two people sign it');
    stage.note(
      'Each person has a key. trust.yaml says whose signatures count, and how many must sign.',
    );
    this.#bundles.writeSources(POLICIES);
    const keygens = Object.values(PEOPLE).map((id) => this.#mustRun('keygen', id));
    await Promise.all(keygens);
    this.#trustDigest = this.#bundles.writeTrust();
    // A copy in another folder, as on another machine.
    const build = (source: string, file: string) =>
      this.#mustRun('bundle', 'build', source, '--output', file, '--json');
    const [built] = await Promise.all([build(SOURCE, BUNDLE), build(COPY, AGAIN)]);
    this.#digest = (JSON.parse(built.stdout) as { digest: string }).digest;
    stage.say();
    stage.claim('bundleReproducible', {
      seen: this.#bundles.isSame(BUNDLE, AGAIN),
      evidence: `${BUNDLE} and ${AGAIN}, digest ${this.#digest.slice(0, 19)}...`,
    });

    stage.say();
    await this.#mustRun('bundle', 'sign', BUNDLE, '--key', `${PEOPLE.ada}.key`);
    this.#bundles.copy(BUNDLE, ONE_SIGNATURE);
    const one = await this.#run(...VERIFY);
    stage.quote(errorLine(one));
    stage.say();
    const expected = { file: BUNDLE, code: 'signature_threshold' };
    stage.claim('oneSignatureRefused', judgeRefusal(one, expected));

    stage.say();
    await this.#mustRun('bundle', 'sign', BUNDLE, '--key', `${PEOPLE.bob}.key`);
    const two = await this.#run(...VERIFY);
    stage.quote(...two.stdout.trimEnd().split('\n'));
    stage.say();
    const named = Object.values(PEOPLE).filter((id) => two.stdout.includes(id));
    stage.claim('bundleVerified', {
      seen: two.code === 0 && named.length === Object.keys(PEOPLE).length,
      evidence: `exit code ${two.code}, keys ${named.join(' and ')}`,
    });
  }

  async serveTwice(): Promise<void> {
    const stage = this.#stage;
    stage.heading('6  The same file in two environments');
    stage.note(
      'Two sidecars, each behind an Envoy of its own, read one and the same file. They are told',
      'its digest and that of trust.yaml, and --allow-unsigned is needed no longer:',
    );
    const flagsShown = '--bundles shelf --digest sha256:... --trust trust.yaml ...';
    stage.note(
      `$ cedargate serve --environment test        ${flagsShown}`,
      `$ cedargate serve --environment production  ${flagsShown}`,
    );
    this.#bundles.shelve(BUNDLE);
    const flags = this.#bundles.serveFlags(this.#digest, this.#trustDigest);
    await this.#world.sidecar.stop();
    const [test, production] = await Promise.all([
      this.#world.startSigned('test', flags),
      this.#world.startSigned('production', flags),
    ]);
    this.#sidecars = { test, production };
    await this.#world.decided(READ, 'testing');
    await this.#world.decided(READ, 'enforcing');
    const servings = [await servingOf('test', test), await servingOf('production', production)];
    const titles = ['/status of', 'bundle digest', 'policy version'];
    stage.list(
      titles,
      servings.map((serving) => [serving.environment, serving.digest, serving.version]),
    );

    const calls = [READ, BATCH_READS, BATCH_REFUNDS];
    stage.note('Calls in test:');
    const inTest = await callAll(stage, this.#world, 'testing', calls);
    stage.note('The same calls in production:');
    const inProduction = await callAll(stage, this.#world, 'enforcing', calls);
    const rows = [...inTest, ...inProduction].map(({ row }) => row);
    stage.claim('sameEverywhere', judgeSame(this.#digest, servings, rows));
    stage.say();
    stage.note(
      'Policies are the same everywhere; who is in a group may differ. In that file there are a',
      'policy by which members of the group `refunders` refund, and an entities.production.json,',
      'which puts batch into that group.',
    );
    stage.say();
    const refund = [
      find(inTest, BATCH_REFUNDS).row,
      find(inProduction, BATCH_REFUNDS).row,
    ] as const;
    stage.claim('answersDiffer', judgeDiffering(...refund));
  }

  async refuseCopies(): Promise<void> {
    const stage = this.#stage;
    stage.heading('7  Copies that are not what was signed');
    stage.note(
      `Somebody changes one byte of a copy: in ${TAMPERED_FILE}, \`<=\` becomes \`>=\`, and batch`,
      'may settle with tokens that live too long. The signatures are left in place.',
    );
    stage.say();
    this.#bundles.tamper();
    const verified = await this.#run('verify', TAMPERED, '--trust', TRUST);
    stage.quote(errorLine(verified));
    stage.say();
    const expected = { file: TAMPERED, code: 'bundle_altered' };
    const judged = judgeRefusal(verified, expected);
    const named = errorLine(verified).includes(`\`${TAMPERED_FILE}\``);
    stage.claim('tamperedRefused', { ...judged, seen: judged.seen && named });

    stage.say();
    stage.note(
      'This copy, and then the one that only Ada signed, take the place of the good file where',
      'the sidecars read. The sidecar in production says:',
    );
    const before = await this.#stamp();
    const refusals: string[][] = [];
    const copies = [
      [TAMPERED, 'bundle_altered'],
      [ONE_SIGNATURE, 'signature_threshold'],
    ] as const;
    for (const [copy, reason] of copies) {
      const line = await this.#refusalOf(copy, reason);
      refusals.push([copy, String(line.reason), `${line.file}: ${line.message}`]);
    }
    stage.list(['copy', 'reason', 'in the log'], refusals);
    const seen = await callAll(stage, this.#world, 'enforcing', [READ, BATCH_REFUNDS]);
    const same = seen.every(({ row }) => row.version === before && row.decision === 'allow');
    const reasons = refusals.map(([, reason]) => reason).join(', ');
    stage.claim('copiesChangeNothing', {
      seen: same && refusals.length === copies.length,
      evidence: `refused: ${reasons}; still ${before}`,
    });
    // Leave a shelf behind that is in order.
    this.#bundles.shelve(BUNDLE);
  }

  async diff(): Promise<void> {
    const stage = this.#stage;
    stage.heading('8  What would the next version mean?');
    stage.note(
      'In the next version a new service, checkout, creates the payments: one word changes in',
      `${ORDERS_FILE}, and every file is valid. Before anybody signs it, a reviewer asks:`,
    );
    stage.say();
    const args = ['bundle', 'diff', BUNDLE, NEXT];
    // The text is for people and may be put into better words, so the JSON is what is judged.
    const [shown, judged] = await Promise.all([
      this.#run(...args),
      cedargate([...args, '--json'], this.#bundles.dir),
    ]);
    stage.quote(...partAbout(ORDERS, shown.stdout));
    stage.say();
    stage.claim('diffNames', judgeDiff(judged, ORDERS));
  }

  /** Shows the command and runs it in the folder of the act. */
  #run(...args: readonly string[]): Promise<Run> {
    this.#stage.note(`$ cedargate ${args.join(' ')}`);
    return cedargate(args, this.#bundles.dir);
  }

  async #mustRun(...args: readonly string[]): Promise<Run> {
    const run = await this.#run(...args);
    if (run.code === 0) return run;
    throw new Error(`\`cedargate ${args.join(' ')}\` ended with ${run.code}: ${errorLine(run)}`);
  }

  async #stamp(): Promise<string> {
    return (await this.#world.call(READ, 'enforcing')).row.version;
  }

  /** What the sidecar in production logs when it finds this file on its shelf and refuses it so. */
  async #refusalOf(file: string, reason: string): Promise<LogLine> {
    const sidecar = this.#sidecars?.production;
    if (sidecar === undefined) throw new Error('no sidecar serves the bundle');
    const from = sidecar.lines.length;
    this.#bundles.shelve(file);
    const refused = (line: LogLine) =>
      line.type === 'change' && line.result === 'refused' && line.reason === reason;
    return sidecar.waitForLine(refused, { ...WAIT, from });
  }
}

async function servingOf(environment: Environment, sidecar: Sidecar): Promise<Serving> {
  const status = await sidecar.status();
  const bundle = status.bundle as { readonly digest?: unknown } | null;
  return {
    environment,
    digest: String(bundle?.digest ?? 'none'),
    version: String(status.policy_version),
  };
}
