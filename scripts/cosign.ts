/**
 * A step of `make verify`: a real cosign signs a built bundle with a key of its own, and the
 * signature counts. Nothing is uploaded and nothing fetched.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLI } from '../test/support/sidecar.js';
import { trustOf } from '../test/support/trust.js';
import { inTemporaryFolder, ROOT, run } from './shell.js';

const PERSON = 'carol';
/** 2026-11-03: later than `from` of the keys that trustOf writes. */
const SOURCE_DATE_EPOCH = '1793698200';
/** As docs/signing.md has them: a plain signature, and no look at the network. */
const PLAIN = ['--tlog-upload=false', '--use-signing-config=false', '--new-bundle-format=false'];
/** Nobody listens there: whatever reaches for the network fails at once. */
const NOWHERE = 'http://127.0.0.1:9';
const OFFLINE = { HTTP_PROXY: NOWHERE, HTTPS_PROXY: NOWHERE, NO_PROXY: '' };

export async function cosignSigns(): Promise<string> {
  return inTemporaryFolder(async (dir) => {
    const env = { SOURCE_DATE_EPOCH, COSIGN_PASSWORD: '', ...OFFLINE };
    const cedargate = (...args: string[]) =>
      run(process.execPath, [CLI, ...args], { cwd: dir, env });
    const cosign = (...args: string[]) => run('cosign', args, { cwd: dir, env });

    await cosign('generate-key-pair');
    const publicPem = readFileSync(join(dir, 'cosign.pub'), 'utf8');
    const trust = trustOf({ [PERSON]: { id: `${PERSON}-cosign`, publicPem } }, 1);
    writeFileSync(join(dir, 'trust.yaml'), trust);

    const bundle = 'payments.tar.gz';
    await cedargate('bundle', 'build', join(ROOT, 'policies'), '--output', bundle);
    await cedargate('bundle', 'pae', bundle, '--output', 'bytes');
    const signing = [
      '--yes',
      '--key',
      'cosign.key',
      ...PLAIN,
      '--output-signature',
      'sig',
      'bytes',
    ];
    await cosign('sign-blob', ...signing);
    const attached = ['--signature', 'sig', '--public-key', 'cosign.pub'];
    await cedargate('bundle', 'attach', bundle, ...attached);

    const answer = await cedargate('verify', bundle, '--trust', 'trust.yaml', '--json');
    const { signatures } = JSON.parse(answer) as {
      signatures: { counts: boolean; person: string }[];
    };
    const counts = signatures.some((signature) => signature.counts && signature.person === PERSON);
    if (!counts || signatures.length !== 1) throw new Error(`it does not count\n${answer}`);
    return `cosign ${await cosignVersion()} signed, attached and counted`;
  });
}

export async function withoutCosign(): Promise<string | undefined> {
  if ((await cosignVersion()) !== undefined) return undefined;
  return 'cosign is not installed (`make cosign` builds it with Go)';
}

/** Undefined without cosign. */
export async function cosignVersion(): Promise<string | undefined> {
  try {
    const { gitVersion } = JSON.parse(await run('cosign', ['version', '--json'])) as {
      readonly gitVersion?: string;
    };
    return gitVersion;
  } catch {
    return undefined;
  }
}
