/** A policy repository in a temporary folder, with people, bundles 1 to 3 and the command line on it. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { run } from '../../src/commands/program.js';
import { addApproval } from '../../src/rollout/seal.js';
import { parseTrust } from '../../src/rollout/trust.js';
import type { VerifiedDocument } from '../../src/rollout/types.js';
import { verifyDocument } from '../../src/rollout/verify.js';
import { temporaryDirectory } from './bundle-files.js';
import { memoryIo } from './io.js';
import { resultValue } from './result.js';
import {
  approvalOf,
  KEYS,
  type KeyName,
  rolloutTrustText,
  type TrustOverrides,
} from './rollouts.js';
import { signedBy, smallBundle } from './signed-bundles.js';

/** dev, then test after 30 minutes, then production after a day. */
const ENVIRONMENTS = `environments:
  - {name: dev}
  - {name: test, after: dev, soak: 30m}
  - {name: production, after: test, soak: 24h}
`;

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PolicyRepository {
  readonly root: string;
  /** Runs a command on it; `--repo` is given, and `--key` where `by` names whose. */
  cedargate(args: string, by?: KeyName, env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** Approves a document in the repository, as the owners of these keys would. */
  approve(file: string, ...names: KeyName[]): void;
  /** The document of a file, which must verify. */
  document(file: string): VerifiedDocument;
  files(folder: string): string[];
  read(file: string): string;
  write(file: string, content: string | Buffer): void;
}

export async function policyRepository(trust: TrustOverrides = {}): Promise<PolicyRepository> {
  const root = await temporaryDirectory();
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const path = (file: string) => join(root, file);
  const write = (file: string, content: string | Buffer) => {
    mkdirSync(dirname(path(file)), { recursive: true });
    writeFileSync(path(file), content);
  };
  const trustText = rolloutTrustText({ more: ENVIRONMENTS, ...trust });
  write('trust.yaml', trustText);
  for (const [name, { privatePem }] of Object.entries(KEYS)) write(`keys/${name}.key`, privatePem);
  for (const version of ['1', '2', '3']) {
    write(`bundles/test-${version}.tar.gz`, signedBy(smallBundle(version), KEYS.ada));
  }
  const environmentOf = (file: string) => file.split('/')[1] ?? '';
  return {
    root,
    async cedargate(args, by, env = {}) {
      const io = memoryIo({ env });
      const words = [...args.matchAll(/"([^"]*)"|(\S+)/g)].map(([, a, b]) => a ?? b ?? '');
      const key = by === undefined ? [] : ['--key', path(`keys/${by}.key`)];
      await run([...words, '--repo', root, ...key], io);
      return { exitCode: io.exitCode, ...io.written };
    },
    approve(file, ...names) {
      for (const name of names) {
        const bytes = readFileSync(path(file));
        const signedAt = new Date().toISOString();
        const statement = approvalOf(bytes, name, { signedAt });
        writeFileSync(
          path(file),
          resultValue(addApproval(bytes, file, statement, KEYS[name].privateKey)),
        );
      }
    },
    document(file) {
      const by = {
        trust: resultValue(parseTrust(Buffer.from(trustText), 'trust.yaml')),
        environment: environmentOf(file),
      };
      return resultValue(verifyDocument(readFileSync(path(file)), file, by));
    },
    files(folder) {
      return readdirSync(path(folder)).sort();
    },
    read: (file) => readFileSync(path(file), 'utf8'),
    write,
  };
}
