/** `cedargate verify`: whether a built bundle, or an audit folder, is whole and signed by those who may. */
import type { Command } from 'commander';
import { bytesDigest } from '../bundle/digest.js';
import type { OpenedBundle } from '../bundle/open.js';
import { judgeBundle, verifyBundle } from '../bundle/verify.js';
import { verifyDeep } from '../bundle/verify-deep.js';
import { YAML_BYTES_MAX } from '../constants.js';
import { problem } from '../errors.js';
import { failed, ok, type Result } from '../result.js';
import { checkTrustDigest, parseTrust, type Trust } from '../rollout/trust.js';
import { readBuiltBundle, readBytes } from './files.js';
import { fail, type Io, printJson } from './output.js';
import { testRunner } from './test-runner.js';
import { printVerified, type Verified } from './verified-text.js';
import { isAuditFolder, verifyAudit } from './verify-audit.js';

const EXAMPLES = `Examples:
  cedargate verify payments-2026.11.3.tar.gz --trust trust.yaml
  cedargate verify audit-2026-10-01-2026-12-31 --trust trust.yaml
  In CI, where trust.yaml may come from the change that is judged:
    cedargate verify payments-2026.11.3.tar.gz --trust trust.yaml --trust-digest "$PINNED"
`;

const NOTES = `
Keys must have been valid when the bundle was made, which its manifest says; the clock does not
matter. With --deep the bundle is built once more from the sources in it, with all of its tests, and
must come out the same. Of a folder of audit export, the documents must count by the given trust file, or
by the version of their day in the folder, if that is pinned with --trust-digest too. Exit code 4 when the trust file cannot be used or is not a pinned one, too few
people signed, or the files are not those that were signed or exported; 3 when the bundle is invalid.`;

interface Flags {
  readonly trust: string;
  readonly trustDigest?: readonly string[];
  readonly deep?: true;
  readonly json?: true;
}

export function registerVerify(program: Command, io: Io): void {
  program
    .command('verify')
    .description('check a built bundle, or an audit folder: its files, and who signed it')
    .argument('<file>', 'the built bundle, or the folder that `audit export` made')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', NOTES)
    .requiredOption('--trust <file>', 'trust.yaml: the people, their keys and who may sign')
    .option(
      '--trust-digest <sha256:...>',
      'the digest that the trust file must have (repeatable: any of them)',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option('--deep', 'validate, test and index the sources again, and compare')
    .option('--json', 'print what was found as JSON')
    .action(async (file: string, flags: Flags) => {
      const trust = await readTrust(flags);
      if (!trust.ok) return fail(io, trust.problems);
      const isFolder = await isAuditFolder(file);
      if (isFolder && flags.deep === true) {
        return fail(io, [problem('input_invalid', '`--deep` is for built bundles')]);
      }
      if (isFolder) return verifyAudit(io, file, trust.value, flags);
      const result = await verifyFile(file, trust.value, flags);
      if (!result.ok) return fail(io, result.problems);
      if (flags.json === true) printJson(io, result.value);
      else printVerified(io, result.value);
    });
}

async function readTrust(flags: Flags): Promise<Result<Trust>> {
  const bytes = await readBytes(flags.trust, YAML_BYTES_MAX);
  if (!bytes.ok) return bytes;
  const digest = bytesDigest(bytes.value);
  const wrong = checkTrustDigest({ digest }, flags.trustDigest ?? []);
  if (wrong !== undefined) return failed({ ...wrong, file: flags.trust });
  return parseTrust(bytes.value, flags.trust);
}

async function verifyFile(file: string, trust: Trust, flags: Flags): Promise<Result<Verified>> {
  const opened = await readBuiltBundle(file);
  if (!opened.ok) return opened;
  const signers = verifyBundle(opened.value, trust.bundleSigners);
  if (!signers.ok) {
    const [first, ...rest] = signers.problems;
    return failed({ ...first, file: `${file}/${first.file}` }, ...rest);
  }
  if (flags.deep === true) {
    const built = verifyDeep(opened.value, await testRunner());
    if (!built.ok) return built;
  }
  return ok(describe(opened.value, trust, flags));
}

function describe(opened: OpenedBundle, trust: Trust, flags: Flags): Verified {
  const { digest, manifest } = opened;
  const { name, version, createdAt, owner, change, tests } = manifest;
  return {
    bundle: { name, version, digest, createdAt, owner, change, tests },
    trust: { digest: trust.digest, pinned: flags.trustDigest !== undefined },
    deep: flags.deep === true,
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
