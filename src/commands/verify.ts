/** `cedargate verify`: whether a built bundle is whole and signed by the people who may. */
import type { Command } from 'commander';
import type { OpenedBundle } from '../bundle/open.js';
import { judgeBundle, verifyBundle } from '../bundle/verify.js';
import { YAML_BYTES_MAX } from '../constants.js';
import { failed, ok, type Result } from '../result.js';
import { checkTrustDigest, parseTrust, type Trust } from '../rollout/trust.js';
import { readBuiltBundle, readBytes } from './files.js';
import { fail, type Io, printJson } from './output.js';
import { printVerified, type Verified } from './verified-text.js';

const EXAMPLES = `Examples:
  cedargate verify payments-2026.11.3.tar.gz --trust trust.yaml
  In CI, where trust.yaml may come from the change that is judged:
    cedargate verify payments-2026.11.3.tar.gz --trust trust.yaml --trust-digest "$PINNED"
`;

const NOTES = `
Keys must have been valid when the bundle was made, which its manifest says; the clock does not
matter. Exit code 4 when the trust file cannot be used or is not a pinned one, or too few people
signed; 3 when the bundle is invalid.`;

interface Flags {
  readonly trust: string;
  readonly trustDigest?: readonly string[];
  readonly json?: true;
}

export function registerVerify(program: Command, io: Io): void {
  program
    .command('verify')
    .description('check a built bundle: its files, and who signed it')
    .argument('<file>', 'the built bundle')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .requiredOption('--trust <file>', 'trust.yaml: the people, their keys and who may sign')
    .option(
      '--trust-digest <sha256:...>',
      'the digest that the trust file must have (repeatable: any of them)',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option('--json', 'print what was found as JSON')
    .action(async (file: string, flags: Flags) => {
      const trust = await readTrust(flags);
      if (!trust.ok) return fail(io, trust.problems);
      const result = await verifyFile(file, trust.value, flags);
      if (!result.ok) return fail(io, result.problems);
      if (flags.json === true) printJson(io, result.value);
      else printVerified(io, result.value);
    });
}

async function readTrust(flags: Flags): Promise<Result<Trust>> {
  const bytes = await readBytes(flags.trust, YAML_BYTES_MAX);
  if (!bytes.ok) return bytes;
  const trust = parseTrust(bytes.value, flags.trust);
  if (!trust.ok) return trust;
  const wrong = checkTrustDigest(trust.value, flags.trustDigest ?? []);
  return wrong === undefined ? trust : failed({ ...wrong, file: flags.trust });
}

async function verifyFile(file: string, trust: Trust, flags: Flags): Promise<Result<Verified>> {
  const opened = await readBuiltBundle(file);
  if (!opened.ok) return opened;
  const signers = verifyBundle(opened.value, trust.bundleSigners);
  if (!signers.ok) {
    const [first, ...rest] = signers.problems;
    return failed({ ...first, file: `${file}/${first.file}` }, ...rest);
  }
  const isPinned = flags.trustDigest !== undefined;
  return ok(describe(opened.value, trust, isPinned));
}

function describe(opened: OpenedBundle, trust: Trust, isPinned: boolean): Verified {
  const { digest, manifest } = opened;
  const { name, version, createdAt, owner, change, tests } = manifest;
  return {
    bundle: { name, version, digest, createdAt, owner, change, tests },
    trust: { digest: trust.digest, pinned: isPinned },
    threshold: trust.bundleSigners.threshold,
    signatures: judgeBundle(opened, trust.bundleSigners).map(({ keyid, signer, fault }) => ({
      keyid,
      counts: fault === undefined,
      why: fault ?? null,
      person: signer?.person ?? null,
      key: signer?.key.id ?? null,
      type: signer?.key.publicKey.type ?? null,
      from: timeOf(signer?.key.fromMs),
      until: timeOf(signer?.key.untilMs),
      retired: timeOf(signer?.key.retiredMs),
    })),
  };
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
