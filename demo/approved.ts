/** What the acts about approved documents share: a repository, the volume, the sidecar that serves it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKubeletVolume, type KubeletVolume } from '../test/support/kubelet-volume.js';
import type { Sidecar } from '../test/support/sidecar.js';
import { waitFor } from '../test/support/wait.js';
import { APPROVERS, ApprovedRepository, AUTHOR } from './approved-repository.js';
import { WAIT } from './calls.js';
import { cedargate, type Run } from './cli.js';
import { errorLine } from './judge-bundles.js';
import type { Stage } from './stage.js';
import type { World } from './world.js';

const FILE = 'payments.json';
/** Where the decision log of the sidecar is put for commands, below the repository. */
export const LOG = 'production.log';

export class Approved {
  readonly repository: ApprovedRepository;
  readonly volume: KubeletVolume;
  sidecar: Sidecar | undefined;

  constructor(
    readonly stage: Stage,
    readonly world: World,
  ) {
    this.repository = new ApprovedRepository(join(world.dir, 'repository'));
    this.volume = createKubeletVolume(join(world.dir, 'rollout'));
  }

  get serving(): Sidecar {
    if (this.sidecar === undefined) throw new Error('no sidecar serves the document');
    return this.sidecar;
  }

  run(...args: readonly string[]): Promise<Run> {
    this.stage.note(`$ cedargate ${args.join(' ')}`);
    return cedargate(args, this.repository.dir);
  }

  async mustRun(...args: readonly string[]): Promise<Run> {
    const run = await this.run(...args);
    if (run.code === 0) return run;
    throw new Error(`\`cedargate ${args.join(' ')}\` ended with ${run.code}: ${errorLine(run)}`);
  }

  /** One change of the rollout, written by the author. */
  async change(
    command: readonly string[],
    environment: string,
    flags: readonly string[],
    ticket: string,
  ): Promise<void> {
    const why = ['--ticket', ticket, '--reason', 'demo', '--key', `${AUTHOR}.key`];
    await this.mustRun(...command, 'payments', '--environment', environment, ...flags, ...why);
  }

  async approve(file: string): Promise<void> {
    for (const person of APPROVERS) await this.mustRun('approve', file, '--key', `${person}.key`);
  }

  /** Mounts a document of production, as kubelet does it. */
  async mount(sequence: number): Promise<void> {
    const bytes = this.repository.read(this.repository.document('production', sequence));
    await this.volume.write({ [FILE]: bytes });
  }

  async runs(sequence: number): Promise<void> {
    const at = async () =>
      ((await this.serving.status()).rollout as { sequence?: number } | null)?.sequence;
    await waitFor(`document ${sequence}`, async () => (await at()) === sequence, WAIT);
  }

  /** Every line so far into LOG. */
  writeLog(): void {
    const lines = this.serving.lines.map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(this.repository.at(LOG), lines.join(''));
  }
}
